"""intermediate-distill: a student learns its fine-tuned teacher's layers; the prediction layer stays as it is."""

from pathlib import Path
from typing import Annotated

import typer

from tinybert.params.students import Student
from tinybert.params.table import find_entry, load_entry, load_run
from tinybert.params.tasks import Task
from tinybert.running.outputs import whole_folder
from tinybert.running.stage import PARAMS, stage


def main(student: Annotated[str, typer.Argument(help="a key of the table `students` in params.yaml")]) -> None:
    """First phase of task distillation: embedding, hidden states and attention scores."""
    folder, curves = Path("models/intermediate") / student, Path("curves/intermediate") / student
    name = f"intermediate-distill@{student}"
    with stage(name, folder, curves, trains=True) as reads:
        run, settings = load_run(PARAMS), load_entry(PARAMS, "students", student, Student)
        task = load_entry(PARAMS, "tasks", settings.task, Task)
        find_entry(PARAMS, "general", settings.general)
        start, teacher, data = reads(
            Path("models/general") / settings.general,
            Path("models/teachers") / settings.task,
            Path("data") / settings.intermediate.data / settings.task / "train.parquet",
        )
        from tinybert.distill.phase import distill_phase
        from tinybert.train.loop.job import Job

        with (
            whole_folder(folder) as partial,
            whole_folder(curves, shown=["losses.csv"]) as partial_curves,
        ):
            job = Job(name, run, task.max_length, partial, partial_curves)
            distill_phase(settings.intermediate, start, teacher, data, job)


if __name__ == "__main__":
    typer.run(main)
