"""A task's training, validation and test rows: drawn with a seed, and each class in each of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import train_test_split

from tinybert.errors import UserError
from tinybert.params.rows import Split

SPLITS = ("train", "validation", "test")
UNLABELLED = "unlabelled"
"""The folder of the files without labels, and their key in task.json."""

TRAINING = -1
"""The group of rows that aren't drawn: they are all for training."""

Splits = dict[str, np.ndarray]
"""Positions of rows, ascending, under `train`, `validation`, `test` and the names of further test sets."""


def class_strata(classes: np.ndarray, names: Sequence[str], splits: int = 3) -> np.ndarray:
    """The groups that each split gets its share of: the classes themselves, `TRAINING` for rows of too small ones.

    Args:
        splits: how many the rows are split into; a class with fewer rows than that is for training only.

    Raises:
        UserError: one class only, a class without rows, or all but one too small to be in all splits.
    """
    counts = np.bincount(classes, minlength=len(names))
    present = [name for name, count in zip(names, counts, strict=True) if count]
    if len(present) < 2:
        found = ", ".join(map(repr, present)) or "none"
        raise UserError(f"expected at least two classes, found {found} only; check label.column, threshold and drop")
    return np.where(_are_drawn(counts, names, splits)[classes], classes, TRAINING)


def label_strata(labels: np.ndarray, names: Sequence[str], split: Split, splits: int = 3) -> np.ndarray:
    """The groups that each split gets its share of in a multilabel task: a row belongs to the rarest of its labels.

    So the labels that a random draw could miss are spread first. Rows without a label are a group of their own; groups
    too small to be in each split, and the smallest if there are more than a split has rows, join the largest. Rows of
    a label that is itself too small are `TRAINING`.

    Args:
        labels: 0 and 1, (rows, labels).
        splits: see `class_strata`.

    Raises:
        UserError: one label only, a label without rows, or all but one too small to be in all splits.
    """
    if len(names) < 2:
        raise UserError(f"expected at least two labels, found {', '.join(map(repr, names)) or 'none'}; check label")
    counts = labels.sum(axis=0, dtype=np.int64)
    is_drawn = np.append(_are_drawn(counts, names, splits), True)
    strata = np.where(labels == 1, counts, len(labels) + 1).argmin(axis=1)
    strata[labels.sum(axis=1) == 0] = len(names)
    strata[~is_drawn[strata]] = TRAINING
    groups, sizes = np.unique(strata[strata != TRAINING], return_counts=True)
    if not len(groups):
        return strata
    by_size = groups[np.argsort(-sizes, kind="stable")]
    large = by_size[np.sort(sizes)[::-1] >= splits]
    kept = large[: max(1, _smallest_draw(len(labels), split))]
    return np.where(np.isin(strata, [TRAINING, *kept]), strata, by_size[0])


def _are_drawn(counts: np.ndarray, names: Sequence[str], splits: int) -> np.ndarray:
    """Which classes have a row for each split, bool (classes,): at least two of them, and none is without rows."""
    for name, count in zip(names, counts, strict=True):
        if not count:
            raise UserError(
                f"class {name!r} has 0 rows to train on; add rows of it, or remove it from label.names, or leave out "
                f"the rows that other splits have of it by label.drop"
            )
    large = counts >= splits
    if large.sum() < 2:
        small = int(counts.argmin())
        raise UserError(
            f"class {names[small]!r} has {counts[small]} rows, expected at least {splits}, one for each split, of two "
            f"classes or more; add rows, or give files for split.test and split.validation"
        )
    return large


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

    Both sizes are fractions of all rows. Where a split gets fewer rows than there are groups, neighbours in size share
    theirs. A split that the source brings itself isn't drawn, and isn't returned.

    Args:
        strata: the group of each row, `TRAINING` for those that aren't drawn.

    Raises:
        UserError: a split would get one row only, or training fewer than there are groups.
    """
    test, validation = _sizes(len(strata), split)
    rest = np.flatnonzero(strata != TRAINING)
    groups = len(np.unique(strata[rest]))
    drawn = {name: size for name, size in (("test", test), ("validation", validation)) if split.fraction(name)}
    for name, size in (drawn | {"train": len(rest) - test - validation}).items():
        expected = max(groups, 1) if name == "train" else min(max(groups, 1), 2)
        if size < expected:
            raise UserError(
                f"the {name} split gets {size} of {len(rest)} rows, expected at least {expected} "
                f"for {groups} classes; add rows, or change split.test and split.validation"
            )
    splits = {}
    for name, size in drawn.items():
        rest, splits[name] = _draw(rest, strata[rest], size, split.seed)
    splits["train"] = np.concatenate([rest, np.flatnonzero(strata == TRAINING)])
    return {name: np.sort(splits[name]) for name in SPLITS if name in splits}


def spread(splits: Splits, labels: np.ndarray) -> Splits:
    """Give each split a row of each class that the draw left it none of, from the split that has most of it.

    Splits but training go without where a class has fewer rows than there are splits, or they fewer than classes.

    Args:
        labels: class indices (rows,), or 0 and 1 (rows, labels), of the rows drawn from.
    """
    splits = dict(splits)
    classes = labels.shape[1] if labels.ndim == 2 else labels.max() + 1
    for name in sorted(splits, key=SPLITS.index, reverse=True):
        for index in range(classes if name == "train" or len(splits[name]) >= classes else 0):
            has = labels[:, index] == 1 if labels.ndim == 2 else labels == index
            count = {other: int(has[rows].sum()) for other, rows in splits.items()}
            if count[name] or sum(count.values()) < (1 if name == "train" else len(splits)):
                continue
            most = max(splits, key=lambda other: (count[other], -SPLITS.index(other)))
            row = splits[most][has[splits[most]]][0]
            splits[most] = splits[most][splits[most] != row]
            splits[name] = np.sort(np.append(splits[name], row))
    return splits


def _sizes(rows: int, split: Split) -> tuple[int, int]:
    return round(rows * split.fraction("test")), round(rows * split.fraction("validation"))


def _smallest_draw(rows: int, split: Split) -> int:
    """The size of the smaller split that is drawn; all rows where none is."""
    return min(
        (size for size, name in zip(_sizes(rows, split), ("test", "validation"), strict=True) if split.fraction(name)),
        default=rows,
    )


def _draw(rows: np.ndarray, strata: np.ndarray, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows that stay, and those drawn. Of a group that an earlier draw left one row of, that one stays."""
    strata = _at_most(min(size, len(rows) - size), strata)
    groups, counts = np.unique(strata, return_counts=True)
    last = np.isin(strata, groups[counts == 1])
    rest, drawn = train_test_split(rows[~last], test_size=size, random_state=seed, stratify=strata[~last])
    return np.concatenate([rest, rows[last]]), drawn


def _at_most(most: int, strata: np.ndarray) -> np.ndarray:
    """As many strata or fewer: where there are more, neighbours in size share one, of `rows / most` rows or more."""
    groups, inverse, counts = np.unique(strata, return_inverse=True, return_counts=True)
    if len(groups) <= most:
        return strata
    order = np.argsort(-counts, kind="stable")
    shared = np.empty(len(groups), dtype=np.int64)
    shared[order] = (np.cumsum(counts[order]) - counts[order]) * most // len(strata)
    return shared[inverse]
