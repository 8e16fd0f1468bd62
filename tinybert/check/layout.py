"""How a file of labelled text is laid out (separator, quotes, header or none), found by trying; and its cells."""

from __future__ import annotations

import io
import re
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.errors import UserError
from tinybert.tables.delimited import SEPARATORS, Dialect, declared_separator
from tinybert.tables.json_rows import read_objects
from tinybert.tables.read import FORMATS, TYPED, read_parquet, read_table, read_text
from tinybert.tasks.labels import NUMBER

HEAD = 200_000
"""Characters from which separator, quotes and header are guessed; the whole file then has to be so."""
BROKEN = 0.01
"""The share of lines with too few or too many cells that may be left out."""
NAMES = re.compile(
    r"#?\W?(text|sentence|review|comment|tweet|message|question|premise|hypothesis|title|body|content|label|class|"
    r"category|target|sentiment|rating|score|stars|intent|topic|quality|id|idx|index)[ _]?\w?s?",
    re.IGNORECASE,
)
"""How columns are called: a first line with one of these is a header."""


class Layout(NamedTuple):
    """A file's cells, and what a task says of how they are written."""

    frame: pd.DataFrame
    """All columns that can be a text or a label, every cell a str."""
    columns: list[str] | None
    """Names that were made up, where the file has no header."""
    split: dict[str, Any]
    """`separator`, `quotes` and `broken`, where they are otherwise than the file's name says."""
    broken: int
    """Lines that are left out."""


def lay_out(file: Path) -> Layout:
    """
    Raises:
        UserError: it can't be read, or isn't a table of two columns or more.
    """
    if not file.is_file():
        found = "a folder" if file.is_dir() else "no such file"
        raise UserError(f"{file}: expected a file that ends in {', '.join(FORMATS)}, found {found}")
    suffix = Path(file.name.removesuffix(".gz")).suffix.lower()
    if suffix in TYPED:
        usable = _usable_of_parquet(file) if suffix == ".parquet" else _usable_of_json(file)
        layout = Layout(read_table(file, None, usable, lists=usable), None, {}, 0)
    elif suffix in FORMATS:
        layout = _delimited(file, *((",", True) if suffix == ".csv" else ("\t", False)))
    else:
        raise UserError(f"{file}: expected a file that ends in {', '.join(FORMATS)} (or one of these texts and .gz)")
    if layout.frame.shape[1] < 2:
        found = ", ".join(layout.frame.columns) or "none"
        raise UserError(f"{file}: expected a column of texts and one of labels, found {found}; add what is missing")
    return layout


def _delimited(file: Path, comma: str, quoted: bool) -> Layout:
    """The first dialect in which the whole file can be read, those that fit its first lines best tried first.

    Args:
        comma: the separator that the file's name promises; `quoted`: whether it promises quotes.
    """
    declared, text = declared_separator(read_text(file))
    default = Dialect(declared or comma, quoted)
    fitting = sorted(_fitting(text, default, file), key=lambda fit: fit[:-1], reverse=True)
    if not fitting:
        seen = " ".join(text.split())[:40]
        raise UserError(f"{file}: expected cells between one of {', '.join(map(repr, SEPARATORS))}, found {seen!r}")
    refused = []
    for *_, dialect in fitting:
        records = _first_records(dialect, text, file)
        width = Counter(map(len, records)).most_common(1)[0][0]
        columns = None if _has_header(records) else [f"column{number}" for number in range(1, width + 1)]
        names = columns or [name for name in records[0] if name.strip() and records[0].count(name) == 1]
        split: dict[str, Any] = {}
        if dialect.separator != default.separator:
            split["separator"] = dialect.separator
        if dialect.quotes != default.quotes:
            split["quotes"] = dialect.quotes
        dropped: dict[str, int] = {}
        try:
            frame = read_table(file, columns, names, dropped=dropped, **split)
            if (broken := dropped.get("broken", 0)) > BROKEN * len(frame):
                read_table(file, columns, names, **split)  # which says where the first one is
        except UserError as error:
            refused.append(error)
            continue
        return Layout(frame, columns, split | ({"broken": "skip"} if broken else {}), broken)
    raise refused[0]


def _fitting(text: str, default: Dialect, file: Path) -> list[tuple[bool, float, bool, bool, Dialect]]:
    """Dialects in which the first lines have as many cells as each other, with what speaks for each."""
    found = []
    for separator in dict.fromkeys((default.separator, *SEPARATORS)):
        for quotes in (True, False) if '"' in text else (default.quotes,):
            dialect = Dialect(separator, quotes)
            widths = [len(cells) for cells in _first_records(dialect, text, file)]
            width, count = Counter(widths).most_common(1)[0] if widths else (0, 0)
            if width > 1 and count > 0.9 * len(widths):
                usual = separator == default.separator, quotes == default.quotes
                found.append((widths[0] == width, count / len(widths), *usual, dialect))
    return found


def _first_records(dialect: Dialect, text: str, file: Path) -> list[list[str]]:
    """Those before the first that can't be read, which may be one that was cut off."""
    head = text if len(text) <= HEAD else text[:HEAD].rpartition("\n")[0]
    records: list[list[str]] = []
    try:
        stream = io.StringIO(head, newline="" if dialect.quotes else "\n")
        records.extend(cells for _, cells in islice(dialect.read(stream, file, ""), 1000))
    except UserError:
        pass
    return records


def _has_header(records: list[list[str]]) -> bool:
    """Whether the first record names the columns: it has a usual name, or is unlike what stands below it."""
    first, *others = [[cell.strip() for cell in cells] for cells in records]
    if any(NAMES.fullmatch(cell) for cell in first) or first == [str(number) for number in range(len(first))]:
        return True
    named = [
        cell for place, cell in enumerate(first) if cell or any(cells[place:] and cells[place] for cells in others)
    ]
    if len(set(named)) < len(named) or not all(named[1:]):
        return False
    for place, cell in enumerate(first):
        below = [cells[place] for cells in others if len(cells) > place and cells[place]]
        if below and sum(bool(NUMBER.fullmatch(each)) for each in below) > 0.9 * len(below):
            return not NUMBER.fullmatch(cell)
    for place, cell in enumerate(first):
        below = [cells[place] for cells in others if len(cells) > place]
        if cell and cell in below and len(set(below)) <= len(below) / 2:
            return False
    return all(len(cell) < 40 and len(cell.split()) < 5 for cell in first)


def _usable_of_json(file: Path) -> list[str]:
    """Keys whose values are text, numbers or lists of them."""

    def is_usable(value: Any) -> bool:
        nested = value if isinstance(value, list) else [value]
        return not any(isinstance(each, dict | list) for each in nested)

    objects = [value for _, value in read_objects(read_text(file), file)[1]]
    keys = dict.fromkeys(key for value in objects for key in value)
    return [key for key in keys if all(is_usable(value.get(key)) for value in objects)]


def _usable_of_parquet(file: Path) -> list[str]:
    """Columns of text, numbers, dates or lists of them."""

    def is_usable(kind: pa.DataType) -> bool:
        if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_dictionary(kind):
            kind = kind.value_type
        return not pa.types.is_nested(kind) and not pa.types.is_binary(kind) and not pa.types.is_large_binary(kind)

    read_parquet(file, [])  # whose line says what is wrong with a file that is none
    return [field.name for field in pq.read_schema(file) if is_usable(field.type)]
