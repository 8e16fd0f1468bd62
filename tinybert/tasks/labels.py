"""A task's labels: strings of a column → class indices, numbers, or the labels of a row."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from tinybert.errors import UserError, suggest
from tinybert.params.rows import Label
from tinybert.tables.json_values import parse

FLAGS = {0.0: 0, 1.0: 1, "false": 0, "true": 1}
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
"""Narrower than Python's, to which `1_0` is ten and `nan` a number."""
REMEDY = "mend it, or add it to label.drop to leave such rows out"
CODE = re.compile(r"[+-]?0\d")
"""How a number begins that is none, but a name such as 007."""


def is_dropped(values: pd.Series, drop: list[str | float]) -> np.ndarray:
    """Which values are among `drop`, equal values being one: 0 drops '0', '0.0' and '-0'.

    Returns:
        bool (rows,).
    """
    dropped = {_value(str(value).strip()) for value in drop}
    return np.array([_value(value.strip()) in dropped for value in values], dtype=bool)


def parse_numbers(values: pd.Series, place: str) -> np.ndarray:
    """Ratings as float64 (rows,).

    Raises:
        UserError: naming the first line whose value is no finite number.
    """
    known = {value: number for value in set(values) if (number := _number(value)) is not None}
    return _each(values, known, place, "expected a number, found {!r};".format).to_numpy(np.float64)


def parse_classes(values: pd.Series, label: Label, place: str, names: list[str]) -> np.ndarray:
    """Class indices, int64 (rows,).

    A threshold puts numbers above it into the second class, all others into the first.

    Args:
        names: of the classes, in the order of their indices (see `class_names`).

    Raises:
        UserError: naming the first line with a value that is unknown, empty or (for a threshold) no number.
    """
    if label.threshold is not None:
        return (parse_numbers(values, place) > label.threshold).astype(np.int64)

    def found(value: str) -> str:
        return f"{_unknown(value, names, label)}; add it to label.names," if value else "the label is empty;"

    values = values.str.strip()
    return _each(values, _indices(set(values), names, label), place, found).to_numpy(np.int64)


def soft_labels(values: pd.Series, label: Label, place: str) -> np.ndarray:
    """The probability of the second class, float64 (rows,): σ((number − threshold) / softness).

    Raises:
        UserError: naming the first line whose value is no finite number.
    """
    assert label.threshold is not None  # held by Label
    assert label.softness is not None
    return expit((parse_numbers(values, place) - label.threshold) / label.softness)


def parse_multilabel(table: pd.DataFrame, label: Label, place: str, names: list[str]) -> np.ndarray:
    """Which labels each row has, int8 of 0 and 1 (rows, labels). A row may have none.

    Args:
        table: the columns of the label.
        names: of the labels in order. Where there are as many as each list has items, and these are 0 and 1 and no
            names, they say of each label in turn whether the row has it.

    Raises:
        UserError: naming the first line with an unknown label, no list, or anything but 0 and 1 in a label's column.
    """
    if label.columns is not None:
        cells = np.unique(table[label.columns])
        known = {value: FLAGS[flag] for value in cells if (flag := _value(value.strip())) in FLAGS}
        found = "expected 0 or 1, found {!r};".format
        return np.stack([_each(table[column], known, place, found) for column in label.columns], axis=1).astype(np.int8)
    values = table[label.column]
    of_rows = [_pieces(value, label.separator) for value in values]
    indices = _indices({piece for pieces in of_rows for piece in pieces or ()}, names, label)
    are_vectors = not indices and label.values is None and _vector_width(of_rows) is not None
    labels = np.zeros((len(values), len(names)), dtype=np.int8)
    for row, (line, pieces) in enumerate(zip(values.index, of_rows, strict=True)):
        where = _where(values, line, place)
        if pieces is None:
            expected = f'expected a list of labels, as in ["a", "b"], found {values.iloc[row][:40]!r}'
            raise UserError(f"{where}: {expected}; set label.separator to what stands between the labels")
        if are_vectors:
            if len(pieces) != len(names):
                numbers = f"{len(pieces)} numbers, each 0 or 1, and {len(names)} label.names"
                raise UserError(f"{where}: found {numbers}; give a name for each place in the lists, or mend the list")
            labels[row] = [FLAGS[_value(piece)] for piece in pieces]
            continue
        for piece in pieces:
            if piece not in indices:
                raise UserError(f"{where}: {_unknown(piece, names, label)}; mend it, or add it to label.names")
            labels[row, indices[piece]] = 1
    return labels


def class_names(values: Iterable[str], label: Label, order: list[str] | None = None) -> list[str]:
    """The names in `label`, or those that the data has: in their `order`, else sorted, numbers by size, then text.

    Values that are equal, such as 1 and 1.0 or true and True, are one class, with the shortest spelling for its name.
    """
    if label.names is not None:
        return list(label.names)
    found = {value.strip() for value in values} - {""}
    if order is not None:
        return [name for name in order if name in found]
    shortest = {_value(name): name for name in sorted(found, key=lambda name: (len(name), name), reverse=True)}
    return sorted(shortest.values(), key=_by_number)


def label_names(table: pd.DataFrame, label: Label, place: str, order: list[str] | None = None) -> list[str]:
    """`class_names` of a multilabel table.

    Raises:
        UserError: the lists have a 0 or 1 for each label, and nothing says what the labels are called.
    """
    if label.columns is not None:
        return list(label.names or label.columns)
    of_rows = [_pieces(value, label.separator) for value in table[label.column]]
    width = _vector_width(of_rows)
    if width is not None and label.names is None and order is None:
        found = f"every list has {width} numbers, each 0 or 1"
        advice = f"name in label.names the {width} labels that they stand for, in this order"
        raise UserError(f"{place}: column {label.column!r}: {found}; {advice}")
    return class_names((piece for pieces in of_rows for piece in pieces or ()), label, order)


def _vector_width(of_rows: list[list[str] | None]) -> int | None:
    """How long the lists are, where all that aren't empty are equally long and of 0 and 1 only; else None."""
    lists = [pieces for pieces in of_rows if pieces]
    widths = {len(pieces) for pieces in lists}
    if len(widths) != 1 or widths == {1} or any(_value(piece) not in FLAGS for pieces in lists for piece in pieces):
        return None
    return widths.pop()


def _indices(values: Iterable[str], names: list[str], label: Label) -> dict[str, int]:
    """The class of each value that is known: as the data writes the class, or with an equal value."""
    exact = {value: index for index, value in enumerate(label.written or names)}
    equal = {_value(value): index for value, index in exact.items()}
    found = {value: exact.get(value, equal.get(_value(value))) for value in values}
    return {value: index for value, index in found.items() if index is not None}


def _each(values: pd.Series, known: Mapping[str, float], place: str, found: Callable[[str], str]) -> pd.Series:
    """What each value is known as; the first that isn't known is refused, with what `found` says of it."""
    for line, value in values.items():
        if value not in known:
            raise UserError(f"{_where(values, line, place)}: {found(value)} {REMEDY}")
    return values.map(known)


def _where(values: pd.Series, line: Any, place: str) -> str:
    return f"{place}: {values.index.name} {line}: column {values.name!r}"


def _unknown(value: str, names: list[str], label: Label) -> str:
    return f"unknown label {value!r}{suggest(value, (label.written or names)[:20])}"


def _pieces(cell: str, separator: str | None) -> list[str] | None:
    """The labels in a cell, None where it is no list."""
    if not cell.strip():
        return []
    if separator is not None:
        return [piece.strip() for piece in cell.split(separator) if piece.strip()]
    try:
        found = parse(cell, as_written=True)
    except ValueError:
        return None
    if not isinstance(found, list) or not all(isinstance(item, str | bool) for item in found):
        return None
    return [str(item).strip() for item in found]


def _value(text: str) -> str | float:
    """What is the same for equal values: numbers and truth values as such, and other text as it is written."""
    number = None if CODE.match(text) else _number(text)
    return number if number is not None else text.lower() if text.lower() in FLAGS else text


def _number(text: str) -> float | None:
    number = float(text) if NUMBER.fullmatch(text.strip()) else math.inf
    return number if math.isfinite(number) else None


def _by_number(name: str) -> tuple[float, str]:
    """Sorts stars as 1, 2, 10; names that are no numbers follow in alphabetical order."""
    number = _number(name)
    return (math.inf if number is None else number, name)
