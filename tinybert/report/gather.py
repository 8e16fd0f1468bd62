"""What the report is made of: everything that was measured of the students now in params.yaml, and nothing else."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel

from tinybert.evaluate.gathered import EXPORT
from tinybert.evaluate.predictions import DEPLOYED, plain_answers
from tinybert.evaluate.schema import STUDENT, TEACHER, Alternatives, Result, Speed, Times, read_checked
from tinybert.evaluate.submission import FOLDER as SUBMISSIONS
from tinybert.params.experiment import Experiment
from tinybert.params.general import General
from tinybert.params.students import Student
from tinybert.params.tasks import TaskType
from tinybert.report.advice import Choice, choose, compare
from tinybert.report.origins import Origin, origins
from tinybert.running.lineage import read_lineage

PARTS = {"": ".json", "gathered": "", "speed": ".json"}
"""Where a student's files lie in its experiment's folder, and how their names end."""
OF_TASKS, ENDS = "alternatives", (".json", ".parquet")
"""Where a task's lie: scores, and logits on the test rows."""


@dataclass(frozen=True)
class Evidence:
    """One student: what was asked for, what was measured, its answers on the test split, where it comes from."""

    name: str
    type: TaskType
    settings: Student
    measured: Result
    speed: Speed
    folder: Path
    """What evaluate gathered: curves, the task's facts, examples of augmentation, predictions."""
    answers: pd.DataFrame
    deployed: pd.DataFrame
    """`label`, and the answers of what could be deployed, by their names in speed.json."""
    attention: dict[str, Any]
    lineage: dict[str, Any]
    general: General
    """Settings of the general student that it starts from."""
    origins: list[Origin]
    """What it was made of that came from elsewhere."""
    exported: dict[str, Any]
    """What the exported folder says of itself."""
    distilled: bool
    """Whether any phase took something from a teacher; a student without is what distillation is measured against."""
    like_tinybert: bool
    """Whether a phase learnt the teacher's attention and hidden states, which is what TinyBERT's method is."""

    @cached_property
    def result(self) -> Result:
        """What was measured, with what the report puts in."""
        return self.measured.model_copy(
            update={"variant": self.settings.variant, "paired": compare(self.measured, self.deployed)}
        )

    @property
    def times(self) -> Times:
        """The student's own."""
        return self.speed.models[STUDENT]

    @property
    def choice(self) -> Choice:
        """What to take: this student, or what it was weighed against."""
        choice = choose(self.name, self.result, self.speed)
        assert choice is not None
        return choice

    @property
    def submissions(self) -> list[Path]:
        """Files of predictions of test sets without labels, by name."""
        return sorted((self.folder / SUBMISSIONS).glob("*.*"))


def remove_leftovers(experiment: Experiment, folder: Path) -> None:
    """Remove what students and tasks that params.yaml no longer has left in the experiment's folder.

    DVC takes the hash of the folder when the report is done: with the same entries it is the same, whatever ran before.
    """
    kept = {part: {f"{name}{end}" for name in experiment.students} for part, end in PARTS.items()}
    kept[OF_TASKS] = {f"{name}{end}" for name in experiment.tasks for end in ENDS}
    kept[""] |= kept.keys()
    for part, own in kept.items():
        for path in (folder / part).glob("[!.]*"):
            if path.name not in own:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def gather(experiment: Experiment, folder: Path) -> list[Evidence]:
    """The evidence of each student in params.yaml, in its order.

    Args:
        folder: the experiment's own, `evaluation/<name>`.

    Raises:
        UserError: a student isn't evaluated, or not timed.
    """
    return [_evidence(name, student, experiment, folder) for name, student in experiment.students.items()]


def _evidence(name: str, student: Student, experiment: Experiment, folder: Path) -> Evidence:
    gathered, general = folder / "gathered" / name, experiment.general[student.general]
    answers = pd.read_parquet(gathered / "test.parquet")
    deployed = answers[["label", "teacher", "student"]].rename(columns={"teacher": TEACHER, "student": STUDENT})
    alternatives, said = _alternatives(folder / OF_TASKS, student.task, experiment.tasks[student.task].type)
    deployed = pd.concat([deployed, pd.read_parquet(gathered / DEPLOYED), said], axis=1)
    measured = read_checked(folder / f"{name}.json", Result, "evaluate")
    phases = [phase for phase in (student.intermediate, student.prediction) if phase.epochs]
    distilled = bool(general.train.epochs and _teachers(general.losses, "mlm")) or any(
        _teachers(phase.losses, "labels") for phase in phases
    )
    return Evidence(
        name=name,
        type=experiment.tasks[student.task].type,
        settings=student,
        measured=measured.model_copy(update={"alternatives": alternatives.root}),
        speed=read_checked(folder / "speed" / f"{name}.json", Speed, "speed"),
        folder=gathered,
        answers=answers,
        deployed=deployed,
        attention=json.loads((gathered / "attention.json").read_text(encoding="utf-8")),
        lineage=read_lineage(gathered),
        general=general,
        origins=origins(student, experiment, distilled),
        exported=json.loads((gathered / EXPORT).read_text(encoding="utf-8")),
        distilled=distilled,
        like_tinybert=any(phase.losses.attention and phase.losses.hidden for phase in phases),
    )


def _alternatives(folder: Path, task: str, task_type: TaskType) -> tuple[Alternatives, pd.DataFrame]:
    """A task's, and their answers to the test rows, see `plain_answers`."""
    found = read_checked(folder / f"{task}.json", Alternatives, "alternatives")
    logits = pd.read_parquet(folder / f"{task}.parquet")
    said = {name: plain_answers(np.stack(logits[name].tolist()), task_type) for name in logits}
    return found, pd.DataFrame(said)


def _teachers(losses: BaseModel, own: str) -> bool:
    """Whether any of the losses is of the teacher, as all are but the student's own."""
    return any(losses.model_dump(exclude={own}).values())
