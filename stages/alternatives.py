"""alternatives: what one would ship without distilling: TF-IDF, and static vectors of the teacher's tokens."""

from pathlib import Path
from typing import Annotated

import typer

from tinybert.params.table import load_entry, load_name, load_run
from tinybert.params.tasks import Task
from tinybert.running.outputs import whole_file, whole_folder
from tinybert.running.stage import PARAMS, stage


def main(task: Annotated[str, typer.Argument(help="a key of the table `tasks` in params.yaml")]) -> None:
    """Fit and score both for one task; for spans there are none, and what is written is empty."""
    folder, data = Path("models/alternatives") / task, Path("data/original") / task
    with stage(f"alternatives@{task}", folder, Path("evaluation")) as reads:
        run, settings = load_run(PARAMS), load_entry(PARAMS, "tasks", task, Task)
        own = Path("evaluation") / load_name(PARAMS) / "alternatives"
        teacher, *_ = reads(
            Path("models/teachers") / task, *(data / f"{part}.parquet" for part in ("train", "validation", "test"))
        )
        from tinybert.evaluate.undistilled import fit_alternatives

        with (
            whole_folder(folder) as partial,
            whole_file(own / f"{task}.json") as scores,
            whole_file(own / f"{task}.parquet") as answers,
        ):
            fit_alternatives(settings, teacher, data, run.seed, f"alternatives@{task}", partial, scores, answers)


if __name__ == "__main__":
    typer.run(main)
