"""export-teacher: what is taken away of a task's teacher, in the same form: the student has to beat it."""

from pathlib import Path
from typing import Annotated

import typer

from tinybert.params.table import load_entry
from tinybert.params.tasks import Task
from tinybert.running.outputs import whole_folder
from tinybert.running.stage import PARAMS, stage


def main(task: Annotated[str, typer.Argument(help="a key of the table `tasks` in params.yaml")]) -> None:
    """Export the teacher of one task, and see that what is exported says the same."""
    folder, data = Path("models/exported/teachers") / task, Path("data/original") / task
    with stage(f"export-teacher@{task}", folder) as reads:
        settings = load_entry(PARAMS, "tasks", task, Task)
        model, *_ = reads(Path("models/teachers") / task, data / "train.parquet", data / "validation.parquet")
        from tinybert.export.folder import export_model

        with whole_folder(folder) as partial:
            export_model(
                model, data, partial, folder, settings.export, settings.metric, settings.max_length,
                f"export-teacher@{task}",
            )  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
