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


def draw(labels: np.ndarray, names: Sequence[str] | None, split: Split) -> Splits:
    """Draw the validation and test rows of a task; a split that the source brings itself isn't drawn.

    Args:
        labels: class indices (rows,), 0 and 1 (rows, labels), or ratings (rows,), which have no `names`.

    Raises:
        UserError: there is nothing to learn, or too little to be split.
    """
    if names is None:
        return draw_splits(rating_strata(labels, split), split)
    strata = label_strata if labels.ndim == 2 else class_strata
    return spread(draw_splits(strata(labels, names, split), split), labels)


def class_strata(classes: np.ndarray, names: Sequence[str], split: Split) -> np.ndarray:
    """The groups that each split gets its share of: the classes themselves, `TRAINING` for rows of too small ones.

    Raises:
        UserError: one class only, a class without rows, or all but one too small to be in all splits.
    """
    counts = np.bincount(classes, minlength=len(names))
    if (counts > 0).sum() == 1:
        found = names[int(counts.argmax())]
        raise UserError(f"expected at least two classes, found {found!r} only; check label.column, threshold and drop")
    return np.where(_are_drawn(counts, names, split)[classes], classes, TRAINING)


def label_strata(labels: np.ndarray, names: Sequence[str], split: Split) -> np.ndarray:
    """The groups that each split gets its share of in a multilabel task: a row belongs to the rarest of its labels.

    So the labels that a random draw could miss are spread first. Rows without a label are a group of their own; groups
    too small to be in each split, and the smallest if there are more than a split has rows, join the largest. Rows of
    a label that is itself too small are `TRAINING`.

    Raises:
        UserError: one label only, a label without rows, or all but one too small to be in all splits.
    """
    if len(names) < 2:
        raise UserError(f"expected at least two labels, found {', '.join(map(repr, names)) or 'none'}; check label")
    counts = labels.sum(axis=0, dtype=np.int64)
    is_drawn = np.append(_are_drawn(counts, names, split), True)
    strata = np.where(labels == 1, counts, len(labels) + 1).argmin(axis=1)
    strata[labels.sum(axis=1) == 0] = len(names)
    strata[~is_drawn[strata]] = TRAINING
    groups, sizes = np.unique(strata[strata != TRAINING], return_counts=True)
    if not len(groups):
        return strata
    drawn = _sizes(len(labels), split).values()
    order = np.argsort(-sizes, kind="stable")
    kept = groups[order[sizes[order] > len(drawn)]][: max(1, min(drawn, default=len(labels)))]
    return np.where(np.isin(strata, [TRAINING, *kept]), strata, groups[order[0]])


def _are_drawn(counts: np.ndarray, names: Sequence[str], split: Split) -> np.ndarray:
    """Which classes have a row for each split, bool (classes,): at least two of them, and none is without rows."""
    for name, count in zip(names, counts, strict=True):
        if not count:
            advice = "add rows of it, or remove it from label.names, or leave out other splits' rows by label.drop"
            raise UserError(f"class {name!r} has 0 rows to train on; {advice}")
    splits = 1 + len(_sizes(1, split))
    large = counts >= splits
    if large.sum() < 2:
        small = int(counts.argmin())
        expected = f"expected at least {splits}, one for each split, of two classes or more"
        advice = "add rows, or give files for split.test and split.validation"
        raise UserError(f"class {names[small]!r} has {counts[small]} rows, {expected}; {advice}")
    return large


def rating_strata(ratings: np.ndarray, split: Split) -> np.ndarray:
    """The groups that each split gets its share of: up to ten quantiles of the ratings, of equal size.

    Raises:
        UserError: all ratings are the same.
    """
    rows = len(ratings)
    if ratings.min() == ratings.max():
        raise UserError(f"every rating is {ratings[0]:g}, so there is nothing to learn; check label.column")
    bins = max(1, min(10, rows // 10, *_sizes(rows, split).values()))
    ranks = np.argsort(ratings, kind="stable").argsort()
    return ranks * bins // rows


def draw_splits(strata: np.ndarray, split: Split) -> Splits:
    """Draw validation and test rows at random, fractions of all rows, each group in `strata` in its share.

    Where a split gets fewer rows than there are groups, neighbours in size share theirs. A split that the source brings
    itself isn't drawn, and isn't returned.

    Args:
        strata: the group of each row, `TRAINING` for those that aren't drawn.

    Raises:
        UserError: a split would get one row only, or training fewer than there are groups.
    """
    drawn = _sizes(len(strata), split)
    rest = np.flatnonzero(strata != TRAINING)
    groups = len(np.unique(strata[rest]))
    for name, size in (drawn | {"train": len(rest) - sum(drawn.values())}).items():
        expected = groups if name == "train" else min(groups, 2)
        if size < expected:
            found = f"gets {size} of {len(rest)} rows, expected at least {expected} for {groups} classes"
            raise UserError(f"the {name} split {found}; add rows, or change split.test and split.validation")
    splits = {}
    for name, size in drawn.items():
        rest, splits[name] = _draw(rest, strata[rest], size, split.seed)
    splits["train"] = np.concatenate([rest, np.flatnonzero(strata == TRAINING)])
    return {name: np.sort(splits[name]) for name in SPLITS if name in splits}


def spread(splits: Splits, labels: np.ndarray) -> Splits:
    """Give each split a row of each class that the draw left it none of, from the split that has most of it.

    Splits but training go without where a class has fewer rows than there are splits, or they fewer than classes.
    """
    splits = dict(splits)
    of_classes = labels.T == 1 if labels.ndim == 2 else np.arange(labels.max() + 1)[:, None] == labels
    for name in sorted(splits, key=SPLITS.index, reverse=True):
        for has in of_classes if name == "train" or len(splits[name]) >= len(of_classes) else ():
            count = {other: int(has[rows].sum()) for other, rows in splits.items()}
            if count[name] or sum(count.values()) < (1 if name == "train" else len(splits)):
                continue
            most = max(splits, key=lambda other: (count[other], -SPLITS.index(other)))
            row = splits[most][has[splits[most]]][0]
            splits[most] = splits[most][splits[most] != row]
            splits[name] = np.sort(np.append(splits[name], row))
    return splits


def _sizes(rows: int, split: Split) -> dict[str, int]:
    """Of the splits that are drawn."""
    return {part: round(rows * split.fraction(part)) for part in ("test", "validation") if split.fraction(part)}


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
