"""general-distill: distil a general student from a corpus; no label of a task is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stages.command import PARAMS, stage
from tinybert.outputs import whole_folder
from tinybert.params.general import General
from tinybert.params.table import load_entry, load_run


def main(general: Annotated[str, typer.Argument(help="a key of the table `general` in params.yaml")]) -> None:
    """Distil a general student from its corpus and its teacher."""
    folder, curves = Path("models/general") / general, Path("curves/general") / general
    with stage(f"general-distill@{general}", [PARAMS], [folder, curves]) as reads:
        run, settings = load_run(PARAMS), load_entry(PARAMS, "general", general, General)
        corpus, teacher = reads(Path("data/sources") / settings.corpus, Path("data/sources") / settings.teacher)
        from tinybert.distill.general import distil_general_student

        with whole_folder(folder) as partial, whole_folder(curves) as partial_curves:
            distil_general_student(general, settings, corpus, teacher, run.seed, run.precision, partial, partial_curves)


if __name__ == "__main__":
    typer.run(main)
