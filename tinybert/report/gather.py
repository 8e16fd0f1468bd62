"""What the report is made of: everything that earlier stages left on disk about the students now in params.yaml."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tinybert.errors import UserError
from tinybert.evaluate.schema import Result, read_result
from tinybert.evaluate.submission import FOLDER as SUBMISSIONS
from tinybert.params.experiment import Experiment
from tinybert.params.students import Student
from tinybert.running.lineage import read_lineage


@dataclass(frozen=True)
class Evidence:
    """One student: what was asked for, what was measured, its answers on the test split, where it comes from."""

    name: str
    settings: Student
    result: Result
    answers: pd.DataFrame
    attention: dict[str, Any]
    lineage: dict[str, Any]
    distilled: bool
    """Whether any phase took something from a teacher; a student without is what distillation is measured against."""
    like_tinybert: bool
    """Whether a phase learnt the teacher's attention and hidden states, which is what TinyBERT's method is."""
    submissions: list[Path]
    """Files of predictions of test sets without labels, by name."""


def gather(experiment: Experiment, root: Path) -> list[Evidence]:
    """The evidence of each student in params.yaml, in its order. What lies on disk of other students isn't looked at.

    Raises:
        UserError: a student isn't evaluated.
    """
    return [_evidence(name, student, experiment, root) for name, student in experiment.students.items()]


def _evidence(name: str, student: Student, experiment: Experiment, root: Path) -> Evidence:
    result = read_result(root / f"evaluation/{name}.json").model_copy(update={"variant": student.variant})
    folder = root / "data/predictions" / name
    try:
        answers = pd.read_parquet(folder / "test.parquet")
        attention = json.loads((folder / "attention.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: missing; run `dvc repro evaluate@{name}`") from None
    general = experiment.general[student.general]
    of_teacher = {loss for loss, weight in general.losses.model_dump().items() if weight} - {"mlm"}
    distilled = _takes_from_teacher(student) or bool(general.train.epochs and of_teacher)
    submissions = sorted((folder / SUBMISSIONS).glob("*.*"))
    like_tinybert = any(
        phase.epochs and phase.losses.attention and phase.losses.hidden
        for phase in (student.intermediate, student.prediction)
    )
    lineage = read_lineage(folder)
    return Evidence(name, student, result, answers, attention, lineage, distilled, like_tinybert, submissions)


def _takes_from_teacher(student: Student) -> bool:
    return any(
        weight and phase.epochs
        for phase in (student.intermediate, student.prediction)
        for loss, weight in phase.losses.model_dump().items()
        if loss != "labels"
    )
