"""Do metrics.json and speed.json hold what the project promises, and is the former the one that a run produces?

    .venv/bin/python .ci/verify.py

Prints one line for each violation and exits with 1, or one for each student and 0.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from pydantic import ValidationError

from tinybert.evaluate.schema import BASE, TWIN, Alternative, Measured, Metrics, Result, Speed, Speeds
from tinybert.evaluate.schema import INT8_STUDENT as INT8
from tinybert.evaluate.schema import STUDENT as MODEL
from tinybert.running.times import read_costs

FILE, SPEED = "metrics.json", "speed.json"
STUDENT = "movies-tinybert4"

# What the committed numbers promise. One standard error of an accuracy of 0.85 on the 2,114 test rows is 0.0077.
TEACHER_SCORE = 0.85  # what a fine-tuned model of this size reaches on these sentences
RETENTION = 0.98  # the paper's TinyBERT4 keeps 96.8 % of a teacher that is 7.5 times larger; ours is 1.6 times larger
MEMORY = 6 * 2**30  # bytes that a stage may take
FASTER = 20.0  # times BERT-base's texts a core: 50 are aimed at, processors differ, and others may use this one
ROUNDS = 15  # of the students and their teachers, where there is time
ALTERNATIVES = {"tfidf", "static"}  # what a user would ship without distilling
INT8_BYTES = 15_000_000  # a byte a parameter, and the graph
PARAMETERS = 14_350_874  # TinyBERT4 with the uncased vocabulary, pooler and two-class head: under 14.4 M

# What may differ between the committed file and a run. On one machine nothing does; another rounds bf16
# products differently, and the trained models then differ on about one test row in eight. Two standard errors of the
# difference of their accuracies are 2 · √(0.125 / 2,100) = 0.015.
SCORE = 0.015
# Numbers that both models' scores go into, or that move more than the accuracy when the same rows change sides.
DERIVED = 2.5 * SCORE
# Substitutes come from a masked language model, so rounding also changes which augmented rows are duplicates.
AUGMENTED = 0.01
# Of what is written with six digits.
ROUNDED = 1e-4
# Bytes of a safetensors file that aren't weights: names, shapes and places of the tensors.
HEADER = 64 * 1024
# Of a configuration, whose numbers are written in more or fewer digits.
DIGITS = 64
# A loop of one text at a time sums in another order than batches do; a row or two of 2,114 may fall the other way.
LOOP = 0.001

Claim = tuple[str, float | None, float, float]
"""A number's path, what it is, and the least and the most that it may be."""


def broken(place: str, claims: Iterable[Claim]) -> Iterator[str]:
    """One line for each claim that doesn't hold."""
    for path, found, least, most in claims:
        if found is None or not least <= found <= most:
            low, high = (f"{round(limit, 6):,}" for limit in (least, most))
            expected = low if low == high else f"at least {low}" if most == math.inf else f"{low} to {high}"
            yield f"{place}{path}: expected {expected}, found {found if found is None else f'{round(found, 6):,}'}"


def promises(metrics: dict[str, Result], rounding: float = 0.0) -> Iterator[str]:
    """One line for each promise that the numbers break.

    Args:
        rounding: how far a score may lie below its floor, for a run on a machine that rounds otherwise.
    """
    if STUDENT not in metrics:
        yield f"{STUDENT}: missing; the students are {', '.join(metrics) or 'none'}"
        return
    result = metrics[STUDENT]
    claims: list[Claim] = [
        ("student.parameters", result.student.parameters, PARAMETERS, PARAMETERS),
        ("teacher.score", result.teacher.score, TEACHER_SCORE - rounding, math.inf),
        ("retention", result.retention, RETENTION - rounding, math.inf),
    ]
    if result.student.int8 is not None:  # where rounding lets none stay within max_loss there is none
        claims.append(("student.int8.bytes", result.student.int8.bytes, 1, INT8_BYTES))
    yield from broken(f"{STUDENT}: ", claims)
    for alternative in sorted(ALTERNATIVES - (result.alternatives or {}).keys()):
        yield f"{STUDENT}: alternatives.{alternative}: missing, and it can be had for this task"


def coherence(metrics: dict[str, Result]) -> Iterator[str]:
    """One line for each number that contradicts another of the same student, or its teacher's in another's."""
    teachers: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, result in metrics.items():
        teacher, student = result.teacher, result.student
        for who, model in (("teacher", teacher), ("student", student)):
            yield from broken(f"{name}: {who}.", _own_claims(result, model))
        for key, alternative in (result.alternatives or {}).items():
            yield from broken(f"{name}: alternatives.{key}.", _score_claims(result, alternative))
        claims: list[Claim] = [("compression", result.compression, *_about(teacher.bytes / student.bytes))]
        if student.int8 is not None:
            claims += [("compression_int8", result.compression_int8, *_about(teacher.bytes / student.int8.bytes))]
            if teacher.score > 0:
                claims += [("retention_int8", result.retention_int8, *_about(student.int8.score / teacher.score))]
        if teacher.score > 0:
            claims += [("retention", result.retention, *_about(student.score / teacher.score))]
        elif result.retention is not None:
            yield f"{name}: retention: expected none of a teacher's score of {teacher.score}, found {result.retention}"
        if result.retention_ci95 is not None:
            claims += [("retention", result.retention, *result.retention_ci95)]
        if result.metric == "accuracy":  # of n rows the two disagree at least on those that only one has right
            claims += [("agreement", result.agreement, 0, 1 - abs(teacher.score - student.score) + ROUNDED)]
        yield from broken(f"{name}: ", claims)
        own = teacher.model_dump(exclude={"ci95": True, "int8": {"loss_ci95"}})
        first, known = teachers.setdefault(result.task, (name, own))
        for key in own:
            if own[key] != known[key]:
                yield f"{name}: teacher.{key} is {own[key]}, but {known[key]} in {first}, of the same task"


def _score_claims(result: Result, model: Measured | Alternative) -> Iterator[Claim]:
    low, high = model.ci95
    yield "score", model.score, low, high
    if result.metric == "accuracy":
        binomial = 2 * 1.96 * math.sqrt(model.score * (1 - model.score) / result.examples.test)
        yield "width of ci95", high - low, binomial / 1.5, binomial * 1.5 + 2 / result.examples.test


def _own_claims(result: Result, model: Measured) -> Iterator[Claim]:
    yield f"metrics.{result.metric}", model.metrics.get(result.metric), model.score, model.score
    yield from _score_claims(result, model)
    yield "encoder_parameters", model.encoder_parameters, 1, model.parameters - 1
    yield "onnx.score", model.onnx and model.onnx.score, model.score - LOOP, model.score + LOOP
    if model.onnx is not None and model.int8 is not None:
        yield "int8.loss", model.int8.loss, *model.int8.loss_ci95
        yield "int8.loss", model.int8.loss, *_about(model.onnx.score - model.int8.score)
    yield "bytes", model.bytes, 4 * model.parameters, 4 * model.parameters + HEADER  # fp32


def _about(number: float) -> tuple[float, float]:
    return number - ROUNDED, number + ROUNDED


def differences(committed: dict[str, Result], produced: dict[str, Result]) -> Iterator[str]:
    """One line for each number of the run that is further from the committed one than its tolerance.

    What `precision: auto` became isn't compared: it is the machine's. Nor is int8, of which another method, or none,
    stays within `max_loss` where a validation row or two change sides, nor gains, which are often int8's.
    """
    for name in sorted(committed.keys() ^ produced.keys()):
        where = "in the committed file only" if name in committed else "not in the committed file"
        yield f"{name}: {where}; commit the {FILE} of a run of this params.yaml"
    for name in sorted(committed.keys() & produced.keys()):
        old, new = (
            dict(_flat(each[name].model_dump(exclude={"precision", "paired"}))) for each in (committed, produced)
        )
        for path in sorted(path for path in old.keys() | new.keys() if "int8" not in path):
            before, after, tolerance = old.get(path), new.get(path), _tolerance(path, old)
            numbers = isinstance(before, int | float) and isinstance(after, int | float)
            if before != after and not (numbers and abs(before - after) <= tolerance):
                yield f"{name}: {path}: committed {before}, produced {after}, tolerance {tolerance:g}"


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(each, f"{path}.{key}" if path else key)
    else:
        yield path, value


def _tolerance(path: str, old: dict[str, Any]) -> float:
    if path == "examples.augmented":
        return AUGMENTED * old[path]
    if path in ("retention", "agreement") or ".metrics." in path or "ci95." in path:
        return DERIVED
    if path.startswith("alternatives.") and path.endswith(".bytes"):
        return DIGITS
    return SCORE if path.endswith(".score") else 0.0


def reloaded(folder: Path, name: str, result: Result) -> Iterator[str]:
    """A line if the student, loaded as its users load it, doesn't give its score text by text."""
    import pandas as pd
    from transformers import logging, pipeline

    logging.disable_progress_bar()
    classify = pipeline("text-classification", str(folder / "models/students" / name))
    rows = pd.read_parquet(folder / "data/original" / result.task / "test.parquet")
    said = classify(rows["text"].tolist(), truncation=True, max_length=result.max_length)
    truth = [result.names[label] for label in rows["label"]]
    score = sum(each["label"] == label for each, label in zip(said, truth, strict=True)) / len(rows)
    if abs(score - result.student.score) > LOOP:
        yield f"{name}: student.score is {result.student.score}, but its folder gives {score:.6f} text by text"


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
        for model in ((name in metrics and metrics[name].alternatives) or {}).keys() - speed.models.keys():
            yield f"{name}: {model}: scored, and not timed"
        for model, times in speed.models.items():
            claims = [(f"{batch}.times_faster", time.times_faster, *time.ci95) for batch, time in times.batches.items()]
            if model != TWIN:
                claims.append(("texts_per_core_second", times.texts_per_core_second, 0, math.inf))
            if times.batch1.rounds >= ROUNDS:  # else there was no time for the 500 that a slowest hundredth is of
                claims.append(("batch1.p99_ms", times.batch1.p99_ms, 0.9 * times.batch1.ms, math.inf))
            yield from broken(f"{name}: {model}.", claims)
        if name == STUDENT and INT8 in speed.models:
            int8, base = (speed.models[model].texts_per_core_second for model in (INT8, BASE))
            beside = int8 / base if int8 and base else None
            yield from broken(f"{name}: ", [(f"{INT8} beside {BASE}, texts a core", beside, FASTER, math.inf)])


def parse(text: str, where: str, contract: type[Any] = Metrics) -> tuple[dict[str, Any], list[str]]:
    """The students of a file, and a line for each departure from the schema."""
    try:
        return contract.model_validate_json(text).root, []
    except ValidationError as error:
        return {}, [f"{where}: {'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in error.errors()]


def verify(folder: Path) -> tuple[dict[str, Result], dict[str, Speed], list[str]]:
    """The students that a run in `folder` produced, their times, and all violations."""
    missing = [f"{name}: missing; run `make repro`" for name in (FILE, SPEED) if not (folder / name).exists()]
    if missing:
        return {}, {}, missing
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
        return produced, speeds, [*lines, f"{FILE}: not committed; run `make repro`, then `git add {FILE}`"]
    committed, mistakes = parse(shown.stdout, f"HEAD:{FILE}")
    lines += mistakes or [f"HEAD:{line}" for line in promises(committed)]
    if produced and committed:
        lines += differences(committed, produced)
    return produced, speeds, lines


def main() -> int:
    metrics, speeds, lines = verify(Path.cwd())
    if not lines:
        lines += reloaded(Path.cwd(), STUDENT, metrics[STUDENT])
    for line in lines:
        print(f"error: {line}", file=sys.stderr)
    if lines:
        return 1
    for name, result in metrics.items():
        faster = speeds[name].models[MODEL].batch1.times_faster
        print(f"{name}: {result.student.score:.4f}, teacher {result.teacher.score:.4f}, {faster:.2f} times as fast")
    return 0


if __name__ == "__main__":
    sys.exit(main())
