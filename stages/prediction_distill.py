"""prediction-distill: a student learns its teacher's predictions; the best epoch on validation is kept."""

from functools import partial as bind
from pathlib import Path
from typing import Annotated

import typer

from tinybert.params.students import Student
from tinybert.params.table import load_entry, load_run
from tinybert.params.tasks import Task
from tinybert.running.outputs import whole_folder
from tinybert.running.stage import PARAMS, stage


def main(student: Annotated[str, typer.Argument(help="a key of the table `students` in params.yaml")]) -> None:
    """Second phase of task distillation: the prediction layer."""
    folder, curves = Path("models/students") / student, Path("curves/prediction") / student
    name = f"prediction-distill@{student}"
    with stage(name, folder, curves, trains=True) as reads:
        run, settings = load_run(PARAMS), load_entry(PARAMS, "students", student, Student)
        task = load_entry(PARAMS, "tasks", settings.task, Task)
        start, teacher, data, validation = reads(
            Path("models/intermediate") / student,
            Path("models/teachers") / settings.task,
            Path("data", settings.prediction.data, settings.task, "train.parquet"),
            Path("data/original", settings.task, "validation.parquet"),
        )
        from tinybert.distill.phase import distill_phase
        from tinybert.metrics.scores import score
        from tinybert.train.loop.job import Job

        with (
            whole_folder(folder) as partial,
            whole_folder(curves, shown=["losses.csv", "validation.csv"]) as partial_curves,
        ):
            job = Job(name, run, task.max_length, partial, partial_curves)
            distill_phase(settings.prediction, start, teacher, data, job, (validation, bind(score, task.metric)))


if __name__ == "__main__":
    typer.run(main)
