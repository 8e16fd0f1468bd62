"""augment: copies of a task's training texts with some of their words replaced (Algorithm 1 of the paper)."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from tinybert.params.table import load_entry, load_run
from tinybert.params.tasks import Task
from tinybert.running.outputs import whole_folder
from tinybert.running.stage import PARAMS, stage


def main(task: Annotated[str, typer.Argument(help="a key of the table `tasks` in params.yaml")]) -> None:
    """Augment a task's training data by its masked language model and word vectors."""
    folder = Path("data/augmented") / task
    with stage(f"augment@{task}", folder) as reads:
        run, settings = load_run(PARAMS), load_entry(PARAMS, "tasks", task, Task)
        data = Path("data/original") / task
        rows, validation, test, masked_lm, vectors, curves = reads(
            *(data / f"{split}.parquet" for split in ("train", "validation", "test")),
            Path("models/mlm") / task,
            Path("data/sources") / settings.augment.vectors,
            Path("curves/mlm") / task,
        )
        from tinybert.augment.dataset import augment

        with whole_folder(folder) as partial:
            report = augment(
                rows, [validation, test], masked_lm, vectors, partial, settings.augment,
                max_length=settings.max_length, seed=run.seed, precision=run.precision,
            )  # fmt: skip
            shutil.copytree(curves, partial / "curves")  # for the report of those students that learn from these rows
        print(report.summary())


if __name__ == "__main__":
    typer.run(main)
