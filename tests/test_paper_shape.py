"""The paper's presets at the paper's shapes: what they cost in steps, and a few steps of each stage of each variant."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from itertools import islice, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from benchmarks.paper import Step, Training, needs, plan
from tests.import_closure import ROOT
from tests.tiny import BAD, GOOD, PLAIN, VOCABULARY, tiny_tokenizer, weather_report
from tinybert.augment.dataset import augment
from tinybert.corpus.store import write_documents
from tinybert.distill.general import distill_general_student
from tinybert.distill.phase import distill_phase
from tinybert.metrics.scores import score
from tinybert.models.loading import load_config
from tinybert.params.architectures import ARCHITECTURES
from tinybert.params.experiment import load_experiment
from tinybert.params.general import General
from tinybert.params.students import Phase
from tinybert.params.table import Run
from tinybert.params.tasks import Task
from tinybert.running.lineage import read_lineage
from tinybert.tokens.encoding import ORIGINAL
from tinybert.train.loop.job import Job
from tinybert.train.masked_lm import adapt_masked_lm
from tinybert.train.teacher import finetune_teacher

PRESETS = {file.stem: load_experiment(file) for file in sorted((ROOT / "presets").glob("paper-*.yaml"))}
GLUE = PRESETS["paper-glue"]
PAIR, SPAN = GLUE.tasks["mnli"], PRESETS["paper-squad"].tasks["squad1"]
BLOCK = 32
"""Tokens of a block of the corpus, of the paper's 128; a step of any length runs the same code."""
PARAMETERS = {ARCHITECTURES["tinybert4"]: 14_350_248, ARCHITECTURES["tinybert6"]: 66_955_008}


def test_steps_of_the_main_table():
    work = {each.stage: each for each in plan(GLUE)}
    assert work["general-distill@tinybert4"].steps == pytest.approx(3 * 2.5e9 * 1.3 / 126 / 256, rel=1e-4)
    assert "general-distill@lower4" not in work
    assert work["finetune-teacher@mnli"].steps == 3 * 12_272
    assert work["intermediate-distill@mnli-tinybert4"].steps == 10 * 257_711  # 21 × 392,702 rows in batches of 32
    assert work["intermediate-distill@cola-tinybert6"].steps == 50 * 5_612
    assert work["prediction-distill@stsb-tinybert4"].steps == 3 * 180  # on original data
    assert "intermediate-distill@mnli-bert-tiny" not in work
    assert work["augment@mrpc"].steps == pytest.approx(3_668 * 20 * 44 * 0.4 / 32 / 3)
    same = [each.step for each in plan(GLUE) if each.stage.startswith("intermediate-distill@rte-tinybert4")]
    assert same == [work["intermediate-distill@qqp-tinybert4"].step]  # measured once


def test_what_a_step_of_training_holds_is_what_the_passes_need():
    """Of 4 examples: the input, what lies between the layers, and what is squared; each weight four times."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    batch, frozen = {"x": torch.randn(4, 3)}, torch.nn.Linear(7, 1)
    step = Training(model, lambda batch: model(batch["x"]).square().mean(), batch, "fp32", frozen)
    assert step.kept(batch) == 4 * 4 * (3 + 5 + 2)
    assert step.resident == 4 * 4 * (3 * 5 + 5 + 5 * 2 + 2) + 4 * 8


def test_what_the_main_table_needs_of_a_machine():
    layers = (("embedding", 1.0), ("hidden", 1.0), ("attention", 1.0))
    few, many = (Step(ARCHITECTURES["tinybert4"], "uniform", layers, size, 8) for size in (4, 20))
    asked = [needs(GLUE, steps, vocabulary=100) for steps in ([few], [many], [few, many])]
    assert 0 < asked[0]["GPU"] < asked[1]["GPU"] == asked[2]["GPU"]
    assert asked[0]["memory"] == 2 * 2**30 + 21 * 392_702 * 30 * 46  # MNLI's copies
    corpus = 2.5e9 * (3 * 2.5 + 4 * 1.3 * 128 / 126)  # as fetched, read and copied, and its blocks
    squad = needs(PRESETS["paper-squad"], [few], vocabulary=100)["disk"]
    assert corpus + 8 * 384 * (87_599 + 130_319) < squad < 1.5 * corpus


class Variant(NamedTuple):
    """What makes a student, each training cut to one epoch in batches of two."""

    general: General
    intermediate: Phase
    prediction: Phase
    task: Task

    def __repr__(self) -> str:
        """Equal for variants that differ in their data only."""
        phases = [phase.model_copy(update={"data": "original"}) for phase in self[1:3]]
        return repr((self.general, phases, self.task.type == "span"))


def short(training, **more):
    return training.model_copy(update={"epochs": min(training.epochs, 1), "batch_size": 2, **more})


def variants():
    """Of all presets those that differ, in an order in which neighbours share what they begin with."""
    found = {}
    for name, preset in PRESETS.items():
        for student in preset.students.values():
            general = preset.general[student.general]
            general = general.model_copy(update={"train": short(general.train, max_length=BLOCK)})
            phases = short(student.intermediate), short(student.prediction)
            variant = Variant(general, *phases, preset.tasks[student.task])
            found.setdefault(repr(variant), pytest.param(variant, id=f"{name}: {student.variant}"))
    return [found[key] for key in sorted(found)]


class Chain:
    """The pipeline's stages on stand-ins; each makes again only what the variant before had otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: dict[str, Any] = {}

    def make(self, stage: str, settings: Any, length: int, run: Callable[[Job], None]) -> Path:
        folder = self.folder / stage
        if self.made.get(stage) != settings:
            shutil.rmtree(folder, ignore_errors=True)
            run(Job(stage, Run(seed=1, precision="fp32"), length, folder, self.folder / "curves" / stage))
            self.made[stage] = settings
        return folder

    def curve(self, stage: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / "curves" / stage / "losses.csv")

    def teacher(self, task: Task) -> Path:
        settings = short(task.teacher)
        span = {"stride": 128, "longest_answer": 30, "no_answer": False} if task.type == "span" else None
        data, metric = self.folder / task.type, partial(score, task.metric)

        def run(job: Job) -> None:
            finetune_teacher(settings, self.folder / "bert", data, task.label.names, metric, job, False, span, False)

        return self.make(f"teacher-{task.type}", settings, task.max_length, run)

    def masked_lm(self) -> Path:
        data, corpus = self.folder / PAIR.type / "train.parquet", self.folder / "corpus"
        run = partial(adapt_masked_lm, PAIR.mlm, self.folder / "bert", corpus, data)
        return self.make("mlm", PAIR.mlm, PAIR.max_length, run)

    def rows(self, task: Task, data: str) -> Path:
        original = self.folder / task.type / "train.parquet"
        if data == "original":
            return original
        settings = task.augment.model_copy(update={"copies": 1})

        def run(job: Job) -> None:
            job.folder.mkdir()
            models = self.masked_lm(), self.folder / "vectors"
            augment(original, [], *models, job.folder, settings, 1, "fp32", job.max_length)

        return self.make(f"augmented-{task.type}", settings, task.max_length, run) / "train.parquet"

    def general(self, settings: General) -> Path:
        sources = self.folder / "corpus", self.folder / "bert"
        return self.make("general", settings, BLOCK, partial(distill_general_student, settings, *sources))

    def intermediate(self, variant: Variant) -> Path:
        general, phase, _, task = variant
        data = self.general(general), self.teacher(task), self.rows(task, phase.data)
        made_of = general, phase, task.type
        return self.make("intermediate", made_of, task.max_length, partial(distill_phase, phase, *data))

    def student(self, variant: Variant) -> Path:
        phase, task = variant.prediction, variant.task
        data = self.intermediate(variant), self.teacher(task), self.rows(task, phase.data)
        validation = self.folder / task.type / "validation.parquet", partial(score, task.metric)
        run = partial(distill_phase, phase, *data, validation=validation)
        return self.make("prediction", variant, task.max_length, run)


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """BERT-base with random weights, four blocks of corpus, GloVe's dimensions, four short rows of each type."""
    folder = tmp_path_factory.mktemp("paper")
    torch.manual_seed(0)
    bert = BertForMaskedLM(BertConfig())
    assert bert.num_parameters() > 109_000_000
    bert.save_pretrained(folder / "bert")
    others = map("".join, islice(product("abcdefghij", repeat=5), bert.config.vocab_size - len(VOCABULARY)))
    tiny_tokenizer([*VOCABULARY, *others]).save_pretrained(folder / "bert")
    del bert
    random = np.random.default_rng(0)
    texts = [weather_report(random, number % 2 == 0) for number in range(18)]
    for name in ("corpus", "vectors", PAIR.type, SPAN.type):
        (folder / name).mkdir()
    write_documents([("weather", " ".join(texts))], folder / "corpus")
    words = [*GOOD, *BAD, *PLAIN, "drizzly", "blustery"]
    np.save(folder / "vectors/vectors.npy", random.normal(size=(len(words), 300)).astype(np.float32))
    pq.write_table(pa.table({"word": words}), folder / "vectors/words.parquet")
    pairs = pd.DataFrame({"text": texts[:4], "text_pair": texts[4:8]})
    answers = [[{"text": "the", "start": 0}] for _ in texts[:4]]
    questions = pairs.assign(text_pair="the " + pairs["text_pair"], label=answers, id=list("abcd"))
    for rows, task in ((pairs.assign(label=[0, 1, 2, 0]), PAIR), (questions, SPAN)):
        for split in ("train", "validation"):
            rows.to_parquet(folder / task.type / f"{split}.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # one cache of blocks and logits for all
        yield Chain(folder)
    shutil.rmtree(folder)  # gigabytes


def assert_learned(curve, losses, epochs):
    """Two steps or more, finite, of the losses that the preset has and no others; none where it has no epochs."""
    terms = {column.partition(".")[0] for column in curve.columns} - {"step", "epoch", "loss"}
    if not epochs:
        assert (terms, len(curve)) == (set(), 0)
        return
    assert terms == {name for name, weight in losses.model_dump().items() if weight}
    assert len(curve) >= 2
    assert np.isfinite(curve["loss"].astype(float)).all()


@pytest.mark.slow
@pytest.mark.parametrize("task", [PAIR, SPAN], ids=["pair", "span"])
def test_what_a_student_is_taught_with(chain, task):
    """A fine-tuned teacher, and rows augmented by the masked language model and the vectors."""
    teacher = chain.teacher(task)
    curve = chain.curve(teacher.name)
    assert len(curve) == 2
    assert np.isfinite(curve["labels"]).all()
    config = load_config(teacher)
    assert (config.num_hidden_layers, config.hidden_size, config.vocab_size) == (12, 768, 30_522)
    original, augmented = (pd.read_parquet(chain.rows(task, data)) for data in ("original", "augmented"))
    assert len(original) < len(augmented) <= 2 * len(original)
    pd.testing.assert_frame_equal(augmented[: len(original)].drop(columns=ORIGINAL), original)


@pytest.mark.slow
@pytest.mark.parametrize("variant", variants())
def test_a_few_steps_of_every_phase(chain, variant):
    student = chain.student(variant)
    general, shape = variant.general, load_config(student)
    architecture = (shape.num_hidden_layers, shape.hidden_size, shape.num_attention_heads, shape.intermediate_size)
    assert architecture == tuple(general.architecture.model_dump().values())
    parameters = read_lineage(chain.folder / "general")["facts"]["parameters"]
    assert parameters == PARAMETERS.get(general.architecture, parameters)
    assert_learned(chain.curve("general"), general.losses, general.train.epochs)
    for stage in ("intermediate", "prediction"):
        phase = getattr(variant, stage)
        assert_learned(chain.curve(stage), phase.losses, phase.epochs)
