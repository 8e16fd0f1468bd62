"""general-distill: distill a general student from a corpus; no label of a task is seen."""

from pathlib import Path
from typing import Annotated

import typer

from tinybert.params.general import General
from tinybert.params.table import load_entry, load_run
from tinybert.running.outputs import whole_folder
from tinybert.running.stage import PARAMS, stage


def main(general: Annotated[str, typer.Argument(help="a key of the table `general` in params.yaml")]) -> None:
    """Distill a general student from its corpus and its teacher."""
    folder, curves = Path("models/general") / general, Path("curves/general") / general
    name = f"general-distill@{general}"
    with stage(name, folder, curves, trains=True) as reads:
        run, settings = load_run(PARAMS), load_entry(PARAMS, "general", general, General)
        sources = (settings.corpus, settings.teacher, settings.start)
        corpus, teacher, start = reads(*(Path("data/sources") / source for source in sources))
        from tinybert.distill.general import distill_general_student
        from tinybert.train.loop.job import Job

        with (
            whole_folder(folder) as partial,
            whole_folder(curves, shown=["losses.csv"]) as partial_curves,
        ):
            job = Job(name, run, settings.train.max_length, partial, partial_curves)
            distill_general_student(settings, corpus, teacher, job, start)


if __name__ == "__main__":
    typer.run(main)
