"""adapt-mlm: train the masked language model of the augmentation (steps: 0 takes a checkpoint as it is)."""

from pathlib import Path
from typing import Annotated

import typer

from tinybert.params.table import load_entry, load_run
from tinybert.params.tasks import Task
from tinybert.running.outputs import whole_folder
from tinybert.running.stage import PARAMS, stage


def main(task: Annotated[str, typer.Argument(help="a key of the table `tasks` in params.yaml")]) -> None:
    """Train the masked language model that the task's augmentation asks for candidates."""
    folder, curves = Path("models/mlm") / task, Path("curves/mlm") / task
    name = f"adapt-mlm@{task}"
    with stage(name, folder, curves, trains=True) as reads:
        run, settings = load_run(PARAMS), load_entry(PARAMS, "tasks", task, Task)
        sources = Path("data/sources")
        source, corpus, data = reads(
            sources / settings.mlm.source,
            sources / settings.mlm.corpus,
            Path("data/original") / task / "train.parquet",
        )
        from tinybert.train.loop.job import Job
        from tinybert.train.masked_lm import adapt_masked_lm

        with (
            whole_folder(folder) as partial,
            whole_folder(curves, shown=["losses.csv", "validation.csv"]) as partial_curves,
        ):
            job = Job(name, run, settings.max_length, partial, partial_curves)
            adapt_masked_lm(settings.mlm, source, corpus, data, job)


if __name__ == "__main__":
    typer.run(main)
