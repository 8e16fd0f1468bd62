"""evaluate: a student beside its teacher on the test split: scores, size, latency, what the report shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tinybert.params.students import Student
from tinybert.params.table import load_entry, load_run
from tinybert.params.tasks import Task
from tinybert.running.outputs import whole_file, whole_folder
from tinybert.running.stage import PARAMS, stage


def main(student: Annotated[str, typer.Argument(help="a key of the table `students` in params.yaml")]) -> None:
    """Measure one student: its numbers of metrics.json, its answers, its attention."""
    numbers, details = Path("evaluation") / f"{student}.json", Path("data/predictions") / student
    with stage(f"evaluate@{student}", [PARAMS], [numbers, details]) as reads:
        run, settings = load_run(PARAMS), load_entry(PARAMS, "students", student, Student)
        task = load_entry(PARAMS, "tasks", settings.task, Task)
        teacher, folder, data = reads(
            Path("models/teachers") / settings.task,
            Path("models/students") / student,
            Path("data/original") / settings.task,
        )
        from tinybert.evaluate.student import evaluate_student

        with whole_folder(details) as partial, whole_file(numbers) as file:
            evaluate_student(
                settings, task, teacher, folder, data,
                seed=run.seed, precision=run.precision, metrics_file=file, details=partial,
            )  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
