"""evaluate: a student beside its teacher on the test split: scores, sizes, what the report shows of it."""

from pathlib import Path
from typing import Annotated

import typer

from tinybert.params.students import Student
from tinybert.params.table import load_entry, load_name, load_run
from tinybert.params.tasks import Task
from tinybert.running.outputs import whole_file, whole_folder
from tinybert.running.stage import PARAMS, stage


def main(student: Annotated[str, typer.Argument(help="a key of the table `students` in params.yaml")]) -> None:
    """Measure one student: its numbers of metrics.json, its answers, its attention."""
    with stage(f"evaluate@{student}", Path("evaluation")) as reads:
        run, settings = load_run(PARAMS), load_entry(PARAMS, "students", student, Student)
        task, own = load_entry(PARAMS, "tasks", settings.task, Task), Path("evaluation") / load_name(PARAMS)
        from tinybert.evaluate.gathered import gather_sources, sources
        from tinybert.evaluate.student import evaluate_student

        shown, data = sources(student, settings), Path("data/original") / settings.task
        models = Path("models/teachers") / settings.task, Path("models/students") / student
        exported = Path("models/exported/teachers") / settings.task, Path("models/exported/students") / student
        reads(data, *models, *exported, *shown.values())
        with whole_folder(own / "gathered" / student) as partial, whole_file(own / f"{student}.json") as file:
            evaluate_student(
                settings, task, *models, exported, data,
                seed=run.seed, precision=run.precision, metrics_file=file, details=partial,
            )  # fmt: skip
            gather_sources(shown, partial)


if __name__ == "__main__":
    typer.run(main)
