"""A task's labels: strings of a column → class indices, numbers, or the labels of a row."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.special import expit

from tinybert.errors import UserError, suggest
from tinybert.params.rows import Label

FLAGS = {"0": 0, "1": 1, "false": 0, "true": 1}


def is_dropped(values: pd.Series, drop: list[str | float]) -> np.ndarray:
    """Which values are among `drop`, as text or, where both are numbers, as numbers: 0 drops '0', '0.0' and '-0'.

    Returns:
        bool (rows,).
    """
    texts = {str(value).strip() for value in drop}
    numbers = {_number(text) for text in texts} - {None}
    return np.array([value.strip() in texts or _number(value) in numbers for value in values], dtype=bool)


def parse_numbers(values: pd.Series, place: str) -> np.ndarray:
    """Ratings as float64 (rows,).

    Raises:
        UserError: naming the first line whose value is no finite number.
    """
    numbers = [_number(value) for value in values]
    for line, value, number in zip(values.index, values, numbers, strict=True):
        if number is None:
            raise UserError(
                f"{place}: {values.index.name} {line}: column {values.name!r}: expected a number, found {value!r}; "
                f"mend it, or add it to label.drop to leave such rows out"
            )
    return np.array(numbers, dtype=np.float64)


def parse_classes(
    values: pd.Series, label: Label, place: str, names: list[str] | None = None
) -> tuple[np.ndarray, list[str]]:
    """Class indices, int64 (rows,), and the classes' names in the order of the indices.

    A threshold puts numbers above it into the second class, all others into the first.

    Args:
        names: of the classes, where label has none and these values may not hold them all (see `class_names`).

    Raises:
        UserError: naming the first line with a value that is unknown, empty or (for a threshold) no number.
    """
    if label.threshold is not None:
        assert label.names is not None  # held by Label
        return (parse_numbers(values, place) > label.threshold).astype(np.int64), list(label.names)
    values = values.str.strip()
    names = class_names(values, label) if names is None else names
    indices = _indices(set(values), names, label)
    for line, value in values.items():
        if value not in indices:
            found = _unknown(value, names, label) if value else "the label is empty"
            raise UserError(
                f"{place}: {values.index.name} {line}: column {values.name!r}: {found}; mend it, add it to "
                f"label.names, or add it to label.drop to leave such rows out"
            )
    return values.map(indices).to_numpy(np.int64), list(names)


def soft_labels(values: pd.Series, label: Label, place: str) -> np.ndarray:
    """The probability of the second class, float64 (rows,): σ((number − threshold) / softness).

    Raises:
        UserError: naming the first line whose value is no finite number.
    """
    assert label.threshold is not None  # held by Label
    assert label.softness is not None
    return expit((parse_numbers(values, place) - label.threshold) / label.softness)


def parse_multilabel(
    table: pd.DataFrame, label: Label, place: str, names: list[str] | None = None
) -> tuple[np.ndarray, list[str]]:
    """Which labels each row has, int8 of 0 and 1 (rows, labels), and the labels' names in order. A row may have none.

    Args:
        table: the columns of the label.
        names: see `parse_classes`.

    Raises:
        UserError: naming the first line with an unknown label, no list, or anything but 0 and 1 in a label's column.
    """
    if label.columns is not None:
        columns = [_flags(table[column], place) for column in label.columns]
        return np.stack(columns, axis=1), list(label.names or label.columns)
    values = table[label.column]
    of_rows = [_pieces(value, label.separator) for value in values]
    names = class_names((piece for pieces in of_rows for piece in pieces or ()), label) if names is None else names
    indices = _indices({piece for pieces in of_rows for piece in pieces or ()}, names, label)
    labels = np.zeros((len(values), len(names)), dtype=np.int8)
    for row, (line, pieces) in enumerate(zip(values.index, of_rows, strict=True)):
        where = f"{place}: {values.index.name} {line}: column {values.name!r}"
        if pieces is None:
            found = repr(values.iloc[row][:40])
            raise UserError(
                f'{where}: expected a list of labels, as in ["a", "b"], found {found}; set label.separator to what '
                f"stands between the labels"
            )
        for piece in pieces:
            if piece not in indices:
                found = _unknown(piece, names, label)
                raise UserError(f"{where}: {found}; mend it, or add it to label.names")
            labels[row, indices[piece]] = 1
    return labels, list(names)


def class_names(values: Iterable[str], label: Label, order: list[str] | None = None) -> list[str]:
    """The names in `label`, or those that the data has: in their `order`, else sorted, numbers by size, then text."""
    if label.names is not None:
        return list(label.names)
    found = {value.strip() for value in values} - {""}
    return [name for name in order if name in found] if order is not None else sorted(found, key=_by_number)


def label_names(table: pd.DataFrame, label: Label, order: list[str] | None = None) -> list[str]:
    """`class_names` of a multilabel table."""
    if label.columns is not None:
        return list(label.names or label.columns)
    cells = (_pieces(value, label.separator) or () for value in table[label.column])
    return class_names((piece for pieces in cells for piece in pieces), label, order)


def _indices(values: Iterable[str], names: list[str], label: Label) -> dict[str, int]:
    """The class of each value that is known: by name, or as the data writes it, numbers compared as numbers."""
    if label.written is None:
        return {name: index for index, name in enumerate(names)}
    indices = {value: index for index, value in enumerate(label.written)}
    numbers = {_number(value): index for value, index in indices.items()}
    by_number = {value: numbers.get(_number(value)) for value in values if _number(value) is not None}
    return {value: index for value, index in by_number.items() if index is not None} | indices


def _unknown(value: str, names: list[str], label: Label) -> str:
    return f"unknown label {value!r}{suggest(value, (label.written or names)[:20])}"


def _pieces(cell: str, separator: str | None) -> list[str] | None:
    """The labels in a cell, None where it is no list."""
    if not cell.strip():
        return []
    if separator is not None:
        return [piece.strip() for piece in cell.split(separator) if piece.strip()]
    try:
        found = json.loads(cell, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        return None
    return [item.strip() for item in found]


def _flags(values: pd.Series, place: str) -> np.ndarray:
    """A column of 0 and 1 as int8 (rows,)."""
    flags = {value: _flag(value.strip().lower()) for value in set(values)}
    for line, value in values.items():
        if flags[value] is None:
            raise UserError(
                f"{place}: {values.index.name} {line}: column {values.name!r}: expected 0 or 1, found {value!r}; "
                f"mend it, or add it to label.drop to leave such rows out"
            )
    return values.map(flags).to_numpy(np.int8)


def _flag(text: str) -> int | None:
    number = _number(text)
    return FLAGS.get(text if number is None else f"{number:g}")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _by_number(name: str) -> tuple[float, str]:
    """Sorts stars as 1, 2, 10; names that are no numbers follow in alphabetical order."""
    number = _number(name)
    return (math.inf if number is None else number, name)
