"""export: what is taken away of a student: ONNX in fp32 and in int8, its tokenizer, its weights."""

from pathlib import Path
from typing import Annotated

import typer

from tinybert.params.students import Student
from tinybert.params.table import load_entry
from tinybert.params.tasks import Task
from tinybert.running.outputs import whole_folder
from tinybert.running.stage import PARAMS, stage


def main(student: Annotated[str, typer.Argument(help="a key of the table `students` in params.yaml")]) -> None:
    """Export one student, and see that what is exported says the same."""
    folder = Path("models/exported/students") / student
    with stage(f"export@{student}", folder) as reads:
        settings = load_entry(PARAMS, "students", student, Student)
        task, data = load_entry(PARAMS, "tasks", settings.task, Task), Path("data/original") / settings.task
        model, *_ = reads(Path("models/students") / student, data / "train.parquet", data / "validation.parquet")
        from tinybert.export.folder import export_model

        with whole_folder(folder) as partial:
            export_model(
                model, data, partial, folder, settings.export, task.metric, task.max_length, f"export@{student}"
            )


if __name__ == "__main__":
    typer.run(main)
