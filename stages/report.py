"""report: the numbers of the students now in params.yaml, together: metrics.json, speed.json, a page, model cards."""

from pathlib import Path

import typer

from tinybert.params.experiment import load_experiment
from tinybert.params.table import load_name
from tinybert.running.stage import PARAMS, stage


def main() -> None:
    """Gather what was measured. What students that are not in params.yaml left in the experiment's folder goes."""
    outs = [Path("metrics.json"), Path("speed.json"), Path("results"), Path("reports")]
    with stage("report", *outs, tidies=Path("evaluation")) as reads:
        folder = Path("evaluation") / load_name(PARAMS)
        reads(folder, missing="the stages of a student write it: run `dvc repro`, with an entry in students")
        from tinybert.report.write import write_report

        write_report(load_experiment(PARAMS), Path())


if __name__ == "__main__":
    typer.run(main)
