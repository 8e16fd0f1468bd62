"""A task's training, validation and test rows: drawn with a seed, and no text of one in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from tinybert.errors import UserError
from tinybert.params.rows import Split

SPLITS = ("train", "validation", "test")
UNLABELLED = "unlabelled"
"""The folder of the files without labels, and their key in task.json."""

Splits = dict[str, np.ndarray]
"""Positions of rows, ascending, under `train`, `validation`, `test` and the names of further test sets."""

Text = tuple[str, ...]
"""A row's text, or its pair of texts."""


def class_strata(classes: np.ndarray, names: Sequence[str], splits: int = 3) -> np.ndarray:
    """The groups that each split gets its share of: the classes themselves.

    Args:
        splits: how many the rows are split into; each needs a row of each class.

    Raises:
        UserError: one class only, or a class with too few rows to be in all splits.
    """
    counts = np.bincount(classes, minlength=len(names))
    present = [name for name, count in zip(names, counts, strict=True) if count]
    if len(present) < 2:
        found = ", ".join(map(repr, present)) or "none"
        raise UserError(f"expected at least two classes, found {found} only; check label.column, threshold and drop")
    _require_rows(counts, names, splits)
    return classes


def label_strata(labels: np.ndarray, names: Sequence[str], split: Split, splits: int = 3) -> np.ndarray:
    """The groups that each split gets its share of in a multilabel task: a row belongs to the rarest of its labels.

    So the labels that a random draw could miss are spread first. Rows without a label are a group of their own; groups
    too small to be in each split, and the smallest if there are more than a split has rows, join the largest.

    Args:
        labels: 0 and 1, (rows, labels).
        splits: see `class_strata`.

    Raises:
        UserError: one label only, or a label with too few rows to be in all splits.
    """
    if len(names) < 2:
        raise UserError(f"expected at least two labels, found {', '.join(map(repr, names)) or 'none'}; check label")
    counts = labels.sum(axis=0, dtype=np.int64)
    _require_rows(counts, names, splits)
    strata = np.where(labels == 1, counts, len(labels) + 1).argmin(axis=1)
    strata[labels.sum(axis=1) == 0] = len(names)
    groups, sizes = np.unique(strata, return_counts=True)
    by_size = groups[np.argsort(-sizes, kind="stable")]
    large = by_size[np.sort(sizes)[::-1] >= splits]
    kept = large[: max(1, _smallest_draw(len(labels), split))]
    return np.where(np.isin(strata, kept), strata, by_size[0])


def _require_rows(counts: np.ndarray, names: Sequence[str], splits: int) -> None:
    for name, count in zip(names, counts, strict=True):
        if count < splits:
            raise UserError(
                f"class {name!r} has {count} rows, expected at least {splits}, one for each split; add rows, "
                + ("or add it to label.drop" if count else "or remove it from label.names")
            )


def rating_strata(ratings: np.ndarray, split: Split) -> np.ndarray:
    """The groups that each split gets its share of: up to ten quantiles of the ratings, of equal size.

    Raises:
        UserError: all ratings are the same.
    """
    rows = len(ratings)
    if rows and ratings.min() == ratings.max():
        raise UserError(f"every rating is {ratings[0]:g}, so there is nothing to learn; check label.column")
    bins = max(1, min(10, rows // 10, _smallest_draw(rows, split)))
    ranks = np.empty(rows, dtype=np.int64)
    ranks[np.argsort(ratings, kind="stable")] = np.arange(rows)
    return ranks * bins // max(rows, 1)


def draw_splits(strata: np.ndarray, split: Split) -> Splits:
    """Draw validation and test rows at random, each group in `strata` in its share.

    Both sizes are fractions of all rows. A split that the source brings itself isn't drawn, and isn't returned.

    Raises:
        UserError: a split would be empty, or smaller than the number of groups.
    """
    test, validation = _sizes(len(strata), split)
    groups = len(np.unique(strata))
    drawn = {name: size for name, size in (("test", test), ("validation", validation)) if split.fraction(name)}
    for name, size in (drawn | {"train": len(strata) - test - validation}).items():
        if size < max(groups, 1):
            raise UserError(
                f"the {name} split gets {size} of {len(strata)} rows, expected at least {max(groups, 1)} "
                f"for {groups} classes; add rows, or change split.test and split.validation"
            )
    splits, rest = {}, np.arange(len(strata))
    for name, size in drawn.items():
        rest, splits[name] = _draw(rest, strata, size, split.seed)
    return {name: np.sort(rows) for name, rows in (("train", rest), *reversed(splits.items()))}


def separate(splits: Splits, texts: Sequence[Text]) -> tuple[Splits, int]:
    """Take from train, then from validation, the rows whose text is in a later split too; test sets stay as they are.

    Texts that differ in case or spacing only are the same.

    Returns:
        The splits, and how many rows went.

    Raises:
        UserError: nothing is left of a split.
    """
    keys = [same_text(text) for text in texts]
    seen: set[Text] = set()
    apart, removed = {}, 0
    tests = [name for name in splits if name not in ("validation", "train")]
    for name in (*tests, "validation", "train"):
        rows = splits[name]
        kept = np.array([row for row in rows if name in tests or keys[row] not in seen], dtype=np.int64)
        if not len(kept):
            raise UserError(
                f"nothing is left of the {name} split: its texts are in other splits too; remove repeated rows"
            )
        removed += len(rows) - len(kept)
        seen.update(keys[row] for row in kept)
        apart[name] = kept
    return {name: apart[name] for name in splits}, removed


def count_conflicts(texts: Sequence[Text], labels: np.ndarray) -> int:
    """How many texts stand in several rows with labels that differ."""
    labels_of: dict[Text, set[Any]] = {}
    for text, label in zip(texts, labels.tolist(), strict=True):
        labels_of.setdefault(same_text(text), set()).add(tuple(label) if isinstance(label, list) else label)
    return sum(len(found) > 1 for found in labels_of.values())


def same_text(text: Text) -> Text:
    """Equal for texts that differ in case or spacing only."""
    return tuple(" ".join(part.casefold().split()) for part in text)


def _sizes(rows: int, split: Split) -> tuple[int, int]:
    return round(rows * split.fraction("test")), round(rows * split.fraction("validation"))


def _smallest_draw(rows: int, split: Split) -> int:
    """The size of the smaller split that is drawn; all rows where none is."""
    return min(
        (size for size, name in zip(_sizes(rows, split), ("test", "validation"), strict=True) if split.fraction(name)),
        default=rows,
    )


def _draw(rows: np.ndarray, strata: np.ndarray, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        rest, drawn = train_test_split(rows, test_size=size, random_state=seed, stratify=strata[rows])
    except ValueError:  # the last draw left less than two rows of a group
        smallest = np.bincount(strata[rows])[np.unique(strata[rows])].min()
        raise UserError(
            f"the smallest class has {smallest} of the {len(rows)} rows left to draw from, expected 2 or more; "
            f"add rows of it, or change split.test and split.validation"
        ) from None
    return rest, drawn
