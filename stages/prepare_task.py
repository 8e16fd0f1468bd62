"""prepare-task: a source's table → a task's training, validation and test rows."""

from pathlib import Path
from typing import Annotated

import typer

from tinybert.params.table import load_entry
from tinybert.params.tasks import Task
from tinybert.running.outputs import whole_folder
from tinybert.running.stage import PARAMS, stage


def main(task: Annotated[str, typer.Argument(help="a key of the table `tasks` in params.yaml")]) -> None:
    """Take a task's texts and labels from its source, and draw its splits."""
    folder = Path("data/original") / task
    with stage(f"prepare-task@{task}", folder) as reads:
        settings = load_entry(PARAMS, "tasks", task, Task)
        (source,) = reads(Path("data/sources") / settings.source)
        from tinybert.questions import prepare as questions
        from tinybert.tables.summary import describe
        from tinybert.tasks import prepare as tasks

        prepare = questions.prepare if settings.type == "span" else tasks.prepare
        with whole_folder(folder) as partial:
            summary = prepare(source, settings, partial)
        print(describe(summary))


if __name__ == "__main__":
    typer.run(main)
