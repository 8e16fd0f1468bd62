"""A task's labels: strings of a column → class indices or numbers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from tinybert.errors import UserError, suggest
from tinybert.params.tasks import Label


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


def parse_classes(values: pd.Series, label: Label, place: str) -> tuple[np.ndarray, list[str]]:
    """Class indices, int64 (rows,), and the classes' names in the order of the indices.

    A threshold puts numbers above it into the second class, all others into the first.

    Raises:
        UserError: naming the first line with a value that is unknown, empty or (for a threshold) no number.
    """
    if label.threshold is not None:
        assert label.names is not None  # held by Label
        return (parse_numbers(values, place) > label.threshold).astype(np.int64), list(label.names)
    values = values.str.strip()
    names = label.names or sorted(set(values) - {""}, key=_by_number)
    indices = {name: index for index, name in enumerate(names)}
    for line, value in values.items():
        if value not in indices:
            found = f"unknown label {value!r}{suggest(value, names[:20])}" if value else "the label is empty"
            raise UserError(
                f"{place}: {values.index.name} {line}: column {values.name!r}: {found}; mend it, add it to "
                f"label.names, or add it to label.drop to leave such rows out"
            )
    return values.map(indices).to_numpy(np.int64), list(names)


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
