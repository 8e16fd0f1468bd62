"""finetune-teacher: fine-tune a task's teacher, or take one that is fine-tuned already (epochs: 0)."""

import json
from functools import partial as bind
from pathlib import Path
from typing import Annotated

import typer

from tinybert.params.table import load_entry, load_run
from tinybert.params.tasks import Task
from tinybert.running.outputs import whole_folder
from tinybert.running.stage import PARAMS, stage


def main(task: Annotated[str, typer.Argument(help="a key of the table `tasks` in params.yaml")]) -> None:
    """Fine-tune the teacher of a task on the task's original training data."""
    folder, curves = Path("models/teachers") / task, Path("curves/teachers") / task
    name = f"finetune-teacher@{task}"
    with stage(name, folder, curves, trains=True) as reads:
        run, settings = load_run(PARAMS), load_entry(PARAMS, "tasks", task, Task)
        source, data = Path("data/sources") / settings.teacher.source, Path("data/original") / task
        *_, labels = reads(source, data / "train.parquet", data / "validation.parquet", data / "labels.json")
        facts = json.loads(labels.read_text(encoding="utf-8"))
        from tinybert.metrics.scores import score
        from tinybert.train.loop.job import Job
        from tinybert.train.teacher import finetune_teacher

        with (
            whole_folder(folder) as partial,
            whole_folder(curves, shown=["losses.csv", "validation.csv"]) as partial_curves,
        ):
            job = Job(name, run, settings.max_length, partial, partial_curves)
            finetune_teacher(
                settings.teacher, source, data, facts["names"], bind(score, settings.metric), job,
                facts["type"] == "multilabel", facts.get("span"), settings.above_chance,
            )  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
