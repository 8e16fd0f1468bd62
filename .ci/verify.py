"""Do metrics.json and speed.json hold what the project promises, and is the former the one that a run produces?

    .venv/bin/python .ci/verify.py

Prints one line for each violation and exits with 1, or a small table and 0.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from pydantic import ValidationError

from tinybert.evaluate.schema import STUDENT as MODEL
from tinybert.evaluate.schema import Measured, Metrics, Result, Speed, Speeds
from tinybert.running.times import read_costs

FILE, SPEED = "metrics.json", "speed.json"
STUDENT = "movies-tinybert4"

# What the committed numbers promise. One standard error of an accuracy of 0.85 on the 2,114 test rows is 0.0077.
TEACHER_SCORE = 0.85  # what a fine-tuned model of this size reaches on these sentences
RETENTION = 0.98  # the paper's TinyBERT4 keeps 96.8 % of a teacher that is 7.5 times larger; ours is 1.6 times larger
MEMORY = 6 * 2**30  # bytes that a stage may take
PARAMETERS = 14_350_874  # TinyBERT4 with the uncased vocabulary, pooler and two-class head: under 14.4 M

# What may differ between the committed file and a run. On one machine nothing does; another rounds bf16
# products differently, and the trained models then differ on about one test row in eight. Two standard errors of the
# difference of their accuracies are 2 · √(0.125 / 2,100) = 0.015.
SCORE = 0.015
# Numbers that both models' scores go into, or that move more than the accuracy when the same rows change sides.
DERIVED = 2.5 * SCORE
# Substitutes come from a masked language model, so rounding also changes which augmented rows are duplicates.
AUGMENTED = 0.01
# Bytes of a safetensors file that aren't weights: names, shapes and places of the tensors.
HEADER = 64 * 1024
# A loop of one text at a time sums in another order than batches do; a row or two of 2,114 may fall the other way.
LOOP = 0.001
# Not compared, since it is the machine's: what `precision: auto` became on it.
MACHINE = {"precision"}


def promises(metrics: dict[str, Result], rounding: float = 0.0) -> Iterator[str]:
    """One line for each promise that the numbers break.

    Args:
        rounding: how far a score may lie below its floor, for a run on a machine that rounds otherwise.
    """
    if STUDENT not in metrics:
        yield f"{STUDENT}: missing; the students are {', '.join(metrics) or 'none'}"
        return
    student = metrics[STUDENT]
    if student.student.parameters != PARAMETERS:
        yield f"{STUDENT}: student.parameters: expected {PARAMETERS:,}, found {student.student.parameters:,}"
    if student.teacher.score < TEACHER_SCORE - rounding:
        yield f"{STUDENT}: teacher.score: expected at least {TEACHER_SCORE - rounding:g}, found {student.teacher.score}"
    if student.retention is None or student.retention < RETENTION - rounding:
        yield f"{STUDENT}: retention: expected at least {RETENTION - rounding:g}, found {student.retention}"


def coherence(metrics: dict[str, Result]) -> Iterator[str]:
    """One line for each number that contradicts another of the same student, or its teacher's in another's."""
    teachers: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, result in metrics.items():
        models = {"teacher": result.teacher, "student": result.student}
        for who, model in models.items():
            yield from (f"{name}: {who}.{line}" for line in _contradictions(result.metric, result.examples.test, model))
        expected = result.student.score / result.teacher.score if result.teacher.score > 0 else None
        if (result.retention is None) != (expected is None) or abs((result.retention or 0) - (expected or 0)) > 1e-4:
            yield f"{name}: retention is {result.retention}, but student and teacher scores give {expected}"
        within = result.retention_ci95
        if within and result.retention is not None and not within[0] <= result.retention <= within[1]:
            yield f"{name}: retention {result.retention} is outside its interval {within}"
        compression = result.teacher.bytes / result.student.bytes
        if abs(result.compression - compression) > 1e-4:
            yield f"{name}: compression is {result.compression}, but the bytes give {compression:.6f}"
        # Of n rows the two disagree at least on those that only one has right.
        apart = abs(result.teacher.score - result.student.score)
        if result.metric == "accuracy" and result.agreement > 1 - apart + 1e-4:
            yield f"{name}: agreement is {result.agreement}, but the accuracies are {apart:.4f} apart"
        own = result.teacher.model_dump(exclude={"ci95"})
        first, known = teachers.setdefault(result.task, (name, own))
        yield from (
            f"{name}: teacher.{key} is {own[key]}, but {known[key]} in {first}, of the same task"
            for key in own
            if own[key] != known[key]
        )


def _contradictions(metric: str, rows: int, model: Measured) -> Iterator[str]:
    listed = model.metrics.get(metric)
    if listed != model.score:
        yield f"score is {model.score}, but its metrics.{metric} is {listed}"
    low, high = model.ci95
    if not low <= model.score <= high:
        yield f"score {model.score} is outside its interval {model.ci95}"
    if metric == "accuracy":
        binomial = 2 * 1.96 * math.sqrt(model.score * (1 - model.score) / rows)
        if not binomial / 1.5 <= high - low <= binomial * 1.5 + 2 / rows:
            yield f"ci95 is {high - low:.4f} wide, but {binomial:.4f} is what {rows:,} rows give"
    if model.encoder_parameters >= model.parameters:
        yield f"encoder_parameters are {model.encoder_parameters:,}, of {model.parameters:,} parameters in all"
    if not 4 * model.parameters <= model.bytes <= 4 * model.parameters + HEADER:
        yield f"bytes are {model.bytes:,}, but {model.parameters:,} parameters in fp32 take {4 * model.parameters:,}"


def differences(committed: dict[str, Result], produced: dict[str, Result]) -> Iterator[str]:
    """One line for each number of the run that is further from the committed one than its tolerance."""
    for name in sorted(committed.keys() ^ produced.keys()):
        where = "in the committed file only" if name in committed else "not in the committed file"
        yield f"{name}: {where}; commit the {FILE} of a run of this params.yaml"
    for name in sorted(committed.keys() & produced.keys()):
        old, new = (dict(_flat(each[name].model_dump(), "")) for each in (committed, produced))
        for path in sorted(path for path in old.keys() | new.keys() if not MACHINE & set(path.split("."))):
            before, after, tolerance = old.get(path), new.get(path), _tolerance(path)
            if isinstance(before, int | float) and isinstance(after, int | float):
                allowed = tolerance * before if path == "examples.augmented" else tolerance
                if abs(before - after) <= allowed:
                    continue
            if before != after:
                yield f"{name}: {path}: committed {before}, produced {after}, tolerance {tolerance:g}"


def reloaded(folder: Path, name: str, result: Result) -> Iterator[str]:
    """A line if the student, loaded as its users load it, doesn't give its score text by text."""
    import pandas as pd
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = AutoModelForSequenceClassification.from_pretrained(folder / "models/students" / name).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "models/students" / name)
    rows = pd.read_parquet(folder / "data/original" / result.task / "test.parquet")
    right = 0
    with torch.no_grad():
        for text, label in zip(rows["text"], rows["label"], strict=True):
            inputs = tokenizer(text, truncation=True, max_length=result.max_length, return_tensors="pt")
            right += model(**inputs).logits.argmax().item() == label
    score = right / len(rows)
    if abs(score - result.student.score) > LOOP:
        yield f"{name}: student.score is {result.student.score}, but its folder gives {score:.6f} in a plain loop"


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(each, f"{path}.{key}" if path else key)
    elif path.endswith("ci95") and value is not None:
        yield from zip((f"{path}.low", f"{path}.high"), value, strict=True)
    else:
        yield path, value


def _tolerance(path: str) -> float:
    if path.endswith(".score"):
        return SCORE
    if path in ("retention", "agreement") or ".metrics." in path or "ci95." in path:
        return DERIVED
    return AUGMENTED if path == "examples.augmented" else 0.0


def timed(speeds: dict[str, Speed], metrics: dict[str, Result]) -> Iterator[str]:
    """One line for each student that has no times, or times that are no good.

    A twin of the student has its shape and is as fast, or something but the model was measured: the order, what ran
    before, a cold start. The interval is one of 99.9 % and one for all batches together, so an honest run is refused
    once in a thousand; intervals of 95 % for each of four kinds of batches would refuse every fifth.
    """
    if speeds.keys() != metrics.keys():
        yield f"{SPEED}: expected times of {', '.join(metrics)}, found {', '.join(speeds) or 'none'}"
    for name, speed in speeds.items():
        low, high = speed.twin.interval
        if not low <= 1 <= high:
            yield f"{name}: twin.interval {speed.twin.interval} leaves out 1: what was timed is not the model alone"
        for model, times in speed.models.items():
            for batch, time in times:
                if not time.ci95[0] <= time.times_faster <= time.ci95[1]:
                    yield f"{name}: {model}.{batch}: times_faster {time.times_faster} is outside {time.ci95}"


def parse(text: str, where: str, contract: type[Any] = Metrics) -> tuple[dict[str, Any], list[str]]:
    """The students of a file, and a line for each departure from the schema."""
    try:
        return contract.model_validate_json(text).root, []
    except ValidationError as error:
        return {}, [f"{where}: {'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in error.errors()]


def verify(folder: Path) -> tuple[dict[str, Result], list[str]]:
    """The students that a run in `folder` produced, and all violations."""
    missing = [f"{name}: missing; run `make repro`" for name in (FILE, SPEED) if not (folder / name).exists()]
    if missing:
        return {}, missing
    produced, lines = parse((folder / FILE).read_text(encoding="utf-8"), FILE)
    if not lines:
        lines += [*promises(produced, SCORE), *coherence(produced)]
    speeds, mistakes = parse((folder / SPEED).read_text(encoding="utf-8"), SPEED, Speeds)
    lines += mistakes or timed(speeds, produced)
    lines += [
        f"{name}: {cost.bytes / 2**30:.1f} GiB of memory, at most {MEMORY / 2**30:g} are promised"
        for name, cost in read_costs(folder / ".runs").items()
        if cost.bytes > MEMORY
    ]
    shown = subprocess.run(["git", "show", f"HEAD:./{FILE}"], cwd=folder, capture_output=True, text=True, check=False)
    if shown.returncode:
        return produced, [*lines, f"{FILE}: not committed; run `make repro`, then `git add {FILE}`"]
    committed, mistakes = parse(shown.stdout, f"HEAD:{FILE}")
    lines += mistakes or [f"HEAD:{line}" for line in promises(committed)]
    if produced and committed:
        lines += differences(committed, produced)
    return produced, lines


def main() -> int:
    metrics, lines = verify(Path.cwd())
    if not lines:
        lines += reloaded(Path.cwd(), STUDENT, metrics[STUDENT])
    for line in lines:
        print(f"error: {line}", file=sys.stderr)
    if lines:
        return 1
    speeds, _ = parse(Path(SPEED).read_text(encoding="utf-8"), SPEED, Speeds)
    print(f"{'student':<24} {'teacher':>8} {'student':>8} {'kept':>7} {'parameters':>12} {'faster':>7}")
    for name, result in metrics.items():
        kept = "–" if result.retention is None else f"{result.retention:.1%}"
        scores = f"{result.teacher.score:8.4f} {result.student.score:8.4f}"
        faster = speeds[name].models[MODEL].batch1.times_faster
        print(f"{name:<24} {scores} {kept:>7} {result.student.parameters:12,} {faster:6.2f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
