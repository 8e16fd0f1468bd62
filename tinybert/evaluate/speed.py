"""How fast a student is: beside its teacher, a twin and a model of BERT-base's shape, in one process, in fp32."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedTokenizerBase

from tinybert.evaluate.deployed import Deployed
from tinybert.evaluate.schema import BASE, STUDENT, TEACHER, TWIN, Machine, Speed, Time, Times, Twin
from tinybert.evaluate.size import bert_base
from tinybert.evaluate.timing import Batch, median_interval, time_rounds
from tinybert.models.heads import Head, head_of
from tinybert.models.loading import load_config, load_tokenizer
from tinybert.runtime.session import open_exported

ROUNDS, SECONDS = 15, 75.0
BASE_ROUNDS, BASE_SECONDS, BASE_TEXTS = 5, 40.0, 4
"""Rounds of its own, after all others: what runs behind a model of 440 MB finds another machine."""
BATCH, TEXTS, FULL_TEXTS = 32, 16, 8
"""Rows of the large batch; texts that go one by one in each round, and of full length."""
SEED = 0
ENOUGH = 100
"""Times from which on their slowest hundredth means something."""
TWIN_LEVEL = 0.999
"""Nothing but chance makes a twin differ, and one honest run in a thousand may be refused for it."""


def measure_speed(
    teacher_folder: Path, student_folder: Path, exported: Sequence[Path], data: Path, max_length: int, file: Path
) -> None:
    """Write a student's object of speed.json to `file`.

    Args:
        exported: what is taken away of the two, see `tinybert.export.folder`.
        data: the task's test.parquet, of whose texts a sample is read.
        max_length: tokens of the texts of full length.
    """
    head = head_of(load_config(teacher_folder))
    teacher, student = (head.load(folder) for folder in (teacher_folder, student_folder))
    twin = type(student)(deepcopy(student.config)).eval()
    rows = pd.read_parquet(data).drop(columns="label")
    batches = sample_batches(head, load_tokenizer(teacher_folder), rows, max_length)
    models = {TEACHER: teacher, STUDENT: student, TWIN: twin} | {
        f"{who}/{name}": Deployed(session, model.config)
        for who, model, folder in zip(("teacher", "student"), (teacher, student), exported, strict=True)
        for name, session in open_exported(folder, torch.get_num_threads()).items()
    }
    times = time_rounds(models, batches, ROUNDS, SECONDS)
    base = bert_base(teacher.config.num_labels, max_length)
    last = base.config.vocab_size - 1
    known = {
        what: [each | {"input_ids": each["input_ids"].clamp(max=last)} for each in of[:BASE_TEXTS]]
        for what, of in batches.items()
    }
    apart = time_rounds({TEACHER: teacher, BASE: base}, known, BASE_ROUNDS, BASE_SECONDS)
    speed = Speed(
        machine=Machine(
            processor=_processor(),
            instructions=torch.backends.cpu.get_cpu_capability().lower(),
            threads=torch.get_num_threads(),
        ),
        reference=TEACHER,
        models=_ratios(times) | {BASE: _ratios(apart)[BASE]},
        twin=compare_twins(times[STUDENT], times[TWIN]),
    )
    file.write_text(speed.model_dump_json(indent=1) + "\n", encoding="utf-8")
    for name, of_model in speed.models.items():
        found = of_model.batch1
        print(f"  {name}: {found.ms:.1f} ms for one text, {found.times_faster:.2f} times as fast as the teacher")


def sample_batches(
    head: Head, tokenizer: PreTrainedTokenizerBase, rows: pd.DataFrame, max_length: int
) -> dict[str, list[Batch]]:
    """What is timed, by its key in speed.json: a fixed sample of the rows, and as many tokens as may be.

    Token types are left out, since not every model takes them, and the time is the same.
    """
    sample = rows.sample(BATCH, replace=len(rows) < BATCH, random_state=SEED)
    examples, collate = head.examples(tokenizer, sample, max_length)
    texts = [examples[place] for place in np.random.default_rng(SEED).permutation(len(examples))[:BATCH].tolist()]
    ids = torch.Generator().manual_seed(SEED)
    tokens = torch.randint(1, min(100, len(tokenizer)), (BATCH, max_length), generator=ids)
    full = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}

    def batch(some: list[dict[str, list[int]]]) -> Batch:
        return {name: tensor for name, tensor in collate(some).items() if name in full}

    return {
        "batch1": [batch([text]) for text in texts[:TEXTS]],
        "batch32": [batch(texts)],
        "batch1_full": [{name: tensor[:1] for name, tensor in full.items()}] * FULL_TEXTS,
        "batch32_full": [full],
    }


def compare_twins(student: dict[str, np.ndarray], twin: dict[str, np.ndarray]) -> Twin:
    """The ratio of the two over all kinds of batches: one number a round, so that one round's bad luck counts once."""
    logs = [np.log(student[what].mean(axis=1) / twin[what].mean(axis=1)) for what in student]
    middle, *ends = np.exp(median_interval(np.mean(logs, axis=0), TWIN_LEVEL)).tolist()
    return Twin(times_faster=round(middle, 4), interval=[round(end, 4) for end in ends], level=TWIN_LEVEL)


def _ratios(times: dict[str, dict[str, np.ndarray]]) -> dict[str, Times]:
    """The models of one run of rounds beside the teacher of the same rounds."""
    return {
        name: Times(**{what: _time(seconds, times[TEACHER][what]) for what, seconds in of.items()})
        for name, of in times.items()
    }


def _time(seconds: np.ndarray, reference: np.ndarray) -> Time:
    """Of (rounds, batches) seconds of a model, and of the reference in the same rounds."""
    rounds = seconds.mean(axis=1)
    ratio, *interval = median_interval(reference.mean(axis=1) / rounds, 0.95)
    return Time(
        ms=round(1000 * float(np.median(rounds)), 3),
        p99_ms=round(1000 * float(np.quantile(seconds, 0.99)), 3) if seconds.size >= ENOUGH else None,
        times_faster=round(ratio, 3),
        ci95=[round(end, 3) for end in interval],
        rounds=len(rounds),
    )


def _processor() -> str:
    """Its name as the system gives it."""
    file = Path("/proc/cpuinfo")
    known = file.read_text(encoding="utf-8") if file.exists() else ""
    name = re.search(r"^model name\s*: (.+)", known, re.MULTILINE)
    return name[1].strip() if name else platform.processor() or platform.machine()
