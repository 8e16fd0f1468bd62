"""What the report shows of a student that other stages wrote, copied beside its scores.

So the report depends on a folder of this experiment's own, and not on those in which other experiments leave things.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tinybert.params.students import Student

AUGMENTATION, EXPORT, TASK = "augmentation.json", "export.json", "task.json"


def sources(name: str, student: Student) -> dict[str, Path]:
    """Files and folders of the project by the names that they get in the student's folder."""
    curves, original = Path("curves"), Path("data/original") / student.task
    found = {
        TASK: original / "task.json",
        "curves/general": curves / "general" / student.general,
        "curves/teacher": curves / "teachers" / student.task,
        "curves/intermediate": curves / "intermediate" / name,
        "curves/prediction": curves / "prediction" / name,
    }
    if any(phase.data == "augmented" and phase.epochs for phase in (student.intermediate, student.prediction)):
        augmented = Path("data/augmented") / student.task
        found |= {AUGMENTATION: augmented / "report.json", "curves/mlm": augmented / "curves"}
    return found


def gather_sources(found: dict[str, Path], folder: Path) -> None:
    """Copy what `sources` found into the student's folder."""
    (folder / "curves").mkdir()
    for name, source in found.items():
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns(".*"))
        else:
            shutil.copy(source, folder / name)
