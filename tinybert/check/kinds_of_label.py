"""What a label is (a class, several labels, a number), from the cells of its column, and how a task says so."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from tinybert.check.columns import LABELS
from tinybert.errors import UserError
from tinybert.params.tasks import TaskType
from tinybert.tasks.class_names import name_classes, read_class_names
from tinybert.tasks.labels import NUMBER, is_dropped

MISSING = ["-", "?", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL"]
"""How tables say, beside an empty cell, that a row has no label."""
BALANCED = 0.75
"""The share of the largest of two classes up to which accuracy says enough."""
RARE = 5
"""Of more classes, how many times the smallest the largest may be."""
MOST_CLASSES = 20
"""Whole numbers of a column that isn't called as classes are: more different ones are numbers."""
RATED = {"score", "similarity", "rating", "grade", "stars"}
"""Columns called so hold numbers, where these are many."""
OF_LABELS = "or f1_macro, in which rare labels count as much"
SEVERAL = {"labels", "tags", "genres", "topics", "categories", "emotions", "classes"}
"""Columns called so hold several labels in a cell, where commas could also be those of numbers."""
SEPARATORS = ("|", ";", ",")
"""Between several labels in a cell."""


class Kind(NamedTuple):
    """The part of a task that its label decides, and why."""

    type: TaskType
    label: dict[str, Any]
    metric: str
    about_type: str
    about_label: str
    about_metric: str


def find_kind(frame: pd.DataFrame, columns: list[str], file: Path) -> Kind:
    """
    Raises:
        UserError: the labels are all the same, or are written as no task reads them.
    """
    if len(columns) > 1:
        return Kind(
            "multilabel", {"columns": columns}, "f1_micro", "a column of 0 and 1 for each label",
            "or one of them alone: type: classification, label: {column: …}", OF_LABELS,
        )  # fmt: skip
    (column,) = columns
    cells = frame[column].str.strip()
    if names := read_class_names(file, column):
        cells = name_classes(cells, names).str.strip()
    if (lists := _lists(cells, column, file)) is not None:
        return lists
    drop, said = _missing(cells)
    cells = cells[~is_dropped(cells, [*drop])]
    counts = Counter(cells)
    if len({each.casefold() for each in counts}) < 2:
        expected = f"expected labels that differ, found {next(iter(counts), '')!r} only"
        raise UserError(f"{file}: column {column!r}: {expected}; name another by --label")
    label: dict[str, Any] = {"column": column} | ({"drop": drop} if drop else {})
    numbers = sum(count for each, count in counts.items() if NUMBER.fullmatch(each))
    commas = sum(count for each, count in counts.items() if re.fullmatch(r"-?\d+,\d+|-?\d+", each) and "," in each)
    if commas and commas + numbers == len(cells) and not names and column.casefold() not in SEVERAL:
        found = f"expected numbers as in 3.5, found {next(each for each in counts if ',' in each)!r}"
        raise UserError(f"{file}: column {column!r}: {found}; write a point for the comma")
    if numbers == len(cells) and not names and not _are_classes(counts, column):
        values = [float(each) for each in counts]
        about = f"numbers from {min(values):g} to {max(values):g}; type: classification makes a class of each value"
        return Kind("regression", label, "pearson", about, said, "or spearman, of their order alone")
    if several := _separated(counts):
        label["separator"] = several
        about = f"labels of a row between {several!r}; type: classification takes each combination for a class"
        label.pop("drop", None)  # a row may have no label
        return Kind("multilabel", label, "f1_micro", about, "", OF_LABELS)
    return _classes(counts, label, said, numbers == len(cells), file)


def _classes(counts: Counter[str], label: dict[str, Any], said: str, are_numbers: bool, file: Path) -> Kind:
    (_, most), *_, (rarest, least) = counts.most_common()
    rows = sum(counts.values())
    if len(counts) > max(2, rows / 2):
        found = f"{len(counts):,} different values in {rows:,} rows"
        raise UserError(f"{file}: column {label['column']!r}: expected classes, found {found}; name another by --label")
    about = f"{len(counts)} classes"
    if are_numbers and 2 < len(counts) <= MOST_CLASSES:
        about += "; type: regression, metric: pearson learns them as numbers, in their order"
    if len(counts) == 2 and most / rows > BALANCED:
        first, second = (name for name, _ in counts.most_common())
        label["names"] = [first, second]
        why = f"{least / rows:.1%} are {second!r}, whose F1 it is (the second of label.names); or accuracy, matthews"
        return Kind("classification", label, "f1", about, said, why)
    if len(counts) > 2 and most > RARE * least:
        why = f"the mean over classes, since they have {least:,} ({rarest!r}) to {most:,} rows; or accuracy, matthews"
        return Kind("classification", label, "f1", about, said, why)
    why = f"the largest class has {most / rows:.0%} of the rows; or f1, matthews"
    return Kind("classification", label, "accuracy", about, said, why)


def _missing(cells: pd.Series) -> tuple[list[str], str]:
    """Values of rows without a label, to be left out, and how many these are."""
    found = {value: int((cells == value).sum()) for value in ("", *MISSING)}
    found = {value: count for value, count in found.items() if count}
    rows = sum(found.values())
    return list(found), f"{rows:,} rows without a label are left out" if rows else ""


def _are_classes(counts: Counter[str], column: str) -> bool:
    """Whether numbers are names: few whole ones, or as many as there are in an unbroken row under a label's name."""
    values = sorted({float(each) for each in counts})
    if any(value != int(value) for value in values):
        return False
    name = "".join(filter(str.isalnum, column.casefold()))
    unbroken = values[0] in (0, 1) and len(values) == values[-1] - values[0] + 1
    is_named = name in LABELS and name not in RATED
    return len(values) <= MOST_CLASSES or (is_named and unbroken and sum(counts.values()) > 5 * len(values))


def _lists(cells: pd.Series, column: str, file: Path) -> Kind | None:
    """Of cells that are lists, as JSON writes them."""
    filled = cells[cells != ""]
    if not len(filled) or not filled.str.startswith("[").mean() > 0.9:
        return None
    try:
        widths = Counter(len(json.loads(cell)) for cell in filled)
    except ValueError:
        example = next(cell for cell in filled if not _is_json(cell))
        raise UserError(
            f'{file}: column {column!r}: expected lists as in ["a", "b"], found {example[:40]!r}; write them as JSON'
        ) from None
    label: dict[str, Any] = {"column": column}
    about = "lists of labels"
    pieces = {str(each) for cell in filled.unique() for each in json.loads(cell)}
    are_flags = len(widths) == 1 and 1 not in widths and pieces <= {"0", "1", "0.0", "1.0"}
    if are_flags and not read_class_names(file, column):
        label["names"] = [f"label{number}" for number in range(1, next(iter(widths)) + 1)]
        about = "lists of 0 and 1, a place for each label; name them in label.names, in this order"
    return Kind("multilabel", label, "f1_micro", about, "", OF_LABELS)


def _is_json(cell: str) -> bool:
    try:
        return isinstance(json.loads(cell), list)
    except ValueError:
        return False


def _separated(counts: Counter[str]) -> str | None:
    """What stands between several labels in a cell: the pieces are few, and come back in other combinations."""
    for separator in SEPARATORS:
        together = [cell for cell in counts if separator in cell]
        parts = {cell: {piece.strip() for piece in cell.split(separator)} - {""} for cell in counts}
        pieces = Counter(piece for found in parts.values() for piece in found)
        several = sum(counts[cell] for cell in together) / sum(counts.values())
        again = sum(pieces[piece] > 1 for cell in together for piece in parts[cell])
        all_of_them = sum(len(parts[cell]) for cell in together)
        if several < 0.02 or not 2 <= len(pieces) <= len(counts) or again < 0.8 * all_of_them:
            continue
        return separator
    return None
