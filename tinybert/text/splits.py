"""A task's training, validation and test rows: drawn with a seed, and no text of one in another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import train_test_split

from tinybert.errors import UserError
from tinybert.params.tasks import Split

Splits = dict[str, np.ndarray]
"""Positions of rows, ascending, under `train`, `validation` and `test`."""

Text = tuple[str, ...]
"""A row's text, or its pair of texts."""

LEAST = 3
"""Rows of a class that a split in three needs."""


def class_strata(classes: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """The groups that each split gets its share of: the classes themselves.

    Raises:
        UserError: one class only, or a class with too few rows to be in all splits.
    """
    counts = np.bincount(classes, minlength=len(names))
    present = [name for name, count in zip(names, counts, strict=True) if count]
    if len(present) < 2:
        found = ", ".join(map(repr, present)) or "none"
        raise UserError(f"expected at least two classes, found {found} only; check label.column, threshold and drop")
    for name, count in zip(names, counts, strict=True):
        if count < LEAST:
            raise UserError(
                f"class {name!r} has {count} rows, expected at least {LEAST}, one for each split; add rows, "
                + ("or add it to label.drop" if count else "or remove it from label.names")
            )
    return classes


def rating_strata(ratings: np.ndarray, split: Split) -> np.ndarray:
    """The groups that each split gets its share of: up to ten quantiles of the ratings, of equal size.

    Raises:
        UserError: all ratings are the same.
    """
    rows = len(ratings)
    if rows and ratings.min() == ratings.max():
        raise UserError(f"every rating is {ratings[0]:g}, so there is nothing to learn; check label.column")
    bins = max(1, min(10, rows // 10, *_sizes(rows, split)))
    ranks = np.empty(rows, dtype=np.int64)
    ranks[np.argsort(ratings, kind="stable")] = np.arange(rows)
    return ranks * bins // max(rows, 1)


def draw_splits(strata: np.ndarray, split: Split) -> Splits:
    """Draw validation and test rows at random, each group in `strata` in its share.

    Both sizes are fractions of all rows. A source that brings splits of its own has no need of this function.

    Raises:
        UserError: a split would be empty, or smaller than the number of groups.
    """
    test, validation = _sizes(len(strata), split)
    groups = len(np.unique(strata))
    sizes = {"test": test, "validation": validation, "train": len(strata) - test - validation}
    for name, size in sizes.items():
        if size < max(groups, 1):
            raise UserError(
                f"the {name} split gets {size} of {len(strata)} rows, expected at least {max(groups, 1)} "
                f"for {groups} classes; add rows, or change split.test and split.validation"
            )
    rest, drawn_test = _draw(np.arange(len(strata)), strata, test, split.seed)
    train, drawn_validation = _draw(rest, strata, validation, split.seed)
    return {"train": np.sort(train), "validation": np.sort(drawn_validation), "test": np.sort(drawn_test)}


def separate(splits: Splits, texts: Sequence[Text]) -> tuple[Splits, int]:
    """Take from train, then from validation, the rows whose text is in a later split too; test stays as it is.

    Texts that differ in case or spacing only are the same.

    Returns:
        The splits, and how many rows went.

    Raises:
        UserError: nothing is left of a split.
    """
    keys = [same_text(text) for text in texts]
    seen: set[Text] = set()
    apart, removed = {}, 0
    for name in ("test", "validation", "train"):
        rows = splits[name]
        kept = np.array([row for row in rows if keys[row] not in seen], dtype=np.int64)
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
    labels_of: dict[tuple[str, ...], set[float]] = {}
    for text, label in zip(texts, labels, strict=True):
        labels_of.setdefault(same_text(text), set()).add(label)
    return sum(len(found) > 1 for found in labels_of.values())


def same_text(text: Text) -> Text:
    """Equal for texts that differ in case or spacing only."""
    return tuple(" ".join(part.casefold().split()) for part in text)


def _sizes(rows: int, split: Split) -> tuple[int, int]:
    return round(rows * split.test), round(rows * split.validation)


def _draw(rows: np.ndarray, strata: np.ndarray, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rest, drawn = train_test_split(rows, test_size=size, random_state=seed, stratify=strata[rows])
    return rest, drawn
