"""Learning curves as CSV files that DVC plots, one row each few steps."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Curve:
    """A CSV file that grows by rows; the columns are known from the start, so an empty curve has its header."""

    def __init__(self, file: Path, columns: Sequence[str]) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file
        self.columns = list(columns)
        with file.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, lineterminator="\n").writerow(self.columns)

    def add(self, row: Mapping[str, Any]) -> None:
        values = (row[column] for column in self.columns)
        with self.file.open("a", newline="", encoding="utf-8") as stream:
            short = (f"{value:.6g}" if isinstance(value, float) else value for value in values)
            csv.writer(stream, lineterminator="\n").writerow(short)

    def keep(self, folder: Path) -> None:
        """Copy what there is to a folder of progress."""
        shutil.copyfile(self.file, folder / self.file.name)

    def take_up(self, folder: Path) -> None:
        """Begin with what an earlier run kept there."""
        shutil.copyfile(folder / self.file.name, self.file)
