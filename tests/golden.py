"""Losses and scores of the smoke preset's stages, to four digits: `python -m tests.golden PROJECT` writes them anew.

A refactor shows with them that nothing moved. They are written where bytes are meant to change, and only from a run.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import typer

from tests.import_closure import ROOT

FILE = ROOT / "tests" / "golden.json"
WHO = ("teacher", "student")


def golden(project: Path) -> dict[str, Any]:
    """Of a project after `dvc repro`: mean and last of each curve's columns, and each student's scores."""
    found: dict[str, Any] = {}
    for file in sorted((project / "curves").rglob("*.csv")):
        with file.open(encoding="utf-8") as stream:
            header, *rows = csv.reader(stream)
        columns = {name: [float(row[place]) for row in rows] for place, name in enumerate(header)}
        found[file.relative_to(project).as_posix()] = {
            name: [_digits(mean(values)), _digits(values[-1])] for name, values in columns.items()
        }
    for name, result in json.loads((project / "metrics.json").read_text(encoding="utf-8")).items():
        found[name] = {who: {key: _digits(value) for key, value in result[who]["metrics"].items()} for who in WHO}
        found[name]["examples"] = result["examples"]
    return found


def _digits(value: Any) -> float:
    return float(f"{float(value):.4g}")


def main(project: Annotated[Path, typer.Argument(help="a project after `make smoke`, as .smoke")]) -> None:
    """Write the golden file from a run."""
    FILE.write_text(json.dumps(golden(project), indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
