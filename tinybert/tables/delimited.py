"""Lines of cells, as in CSV and TSV: with one separator or another, in quotes or not."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tinybert.errors import UserError

SEPARATORS = (",", ";", "\t", "|")
"""Those that a file is tried with, to say in an error which one it has."""

QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"')

Record = tuple[int, list[str]]
"""A record's first line, from 1 on, and its cells."""

csv.field_size_limit(sys.maxsize)  # a text may be long


class Dialect(NamedTuple):
    """How lines are cut into cells.

    With quotes, a cell that starts with `"` goes on to the next one that isn't doubled (RFC 4180); without, quotes are
    text like any other.
    """

    separator: str
    quotes: bool

    def read(self, lines: Iterable[str], file: Path, advice: str) -> Iterator[Record]:
        """The records of lines, each with its line break or without; blank lines are none.

        Args:
            advice: what else to do about quotes that are not as they should be.

        Raises:
            UserError: naming the line; a quoted cell has no end, or goes on behind it.
        """
        if not self.quotes:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line.removesuffix("\n").removesuffix("\r").split(self.separator)
            return
        reader = csv.reader(lines, delimiter=self.separator, strict=True)
        first = 1
        try:
            for cells in reader:
                if cells:
                    yield first, cells
                first = reader.line_num + 1
        except csv.Error as error:
            raise UserError(
                f"{file}: line {first}: {error}; a cell with a separator, a quote or a line break is written in "
                f"double quotes, each quote in it twice; {advice}"
            ) from None


def declared_separator(text: str) -> tuple[str | None, str]:
    """The separator that Excel wrote into a first line of its own, `sep=;`, and the text with that line blank."""
    found = re.match(r'"?sep=([^"\r\n])"?\r?(?=\n)', text, re.IGNORECASE)
    return (found[1], text[found.end() :]) if found else (None, text)


def keys_that_fit(text: str, dialect: Dialect, fits: Callable[[list[str]], bool]) -> str:
    """The keys of `split` with which the first line has cells that fit, as an advice; empty where there are none."""
    line = re.split("[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]
    for separator in (dialect.separator, *SEPARATORS):
        keys = [f"split.separator: {json.dumps(separator)}"] if separator != dialect.separator else []
        keys += ["split.quotes: true"] if '"' in line and not dialect.quotes else []
        if keys and fits(next(csv.reader([line], delimiter=separator), [])):
            return f"; set {' and '.join(keys)}"
    return ""


def find_quoted(records: Iterable[Record]) -> int | None:
    """The first line with a cell in quotes where every quote reads as one that a program put there: around a whole
    cell, or doubled inside. One quote elsewhere, and all of them are text.
    """
    quoted = [(line, cell) for line, cells in records for cell in cells if '"' in cell]
    return quoted[0][0] if quoted and all(QUOTED.fullmatch(cell) for _, cell in quoted) else None
