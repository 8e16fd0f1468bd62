"""report: the numbers of the students now in params.yaml, together: metrics.json, a page, model cards."""

from __future__ import annotations

from pathlib import Path

import typer

from tinybert.params.experiment import load_experiment
from tinybert.running.stage import PARAMS, stage


def main() -> None:
    """Gather what the evaluations measured. Students that are not in params.yaml are left out."""
    outs = [Path("metrics.json"), Path("results"), Path("reports")]
    folders = [Path("evaluation"), Path("data/original"), Path("data/predictions"), Path("curves")]
    with stage("report", [PARAMS], outs) as reads:
        reads(*folders, missing="the stages of a student write it: run `dvc repro`, with an entry in students")
        from tinybert.report.write import write_report

        write_report(load_experiment(PARAMS), Path())


if __name__ == "__main__":
    typer.run(main)
