"""What a score would be by chance: a model's answers, dealt out to the rows at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

PERMUTATIONS = 200
ERRORS = 2.0
"""Standard deviations of chance that a score has to be above it."""


@dataclass(frozen=True)
class Chance:
    """The score's mean and standard deviation where the same answers have nothing to do with the rows.

    For accuracy that is about the share of the largest class, for a correlation 0; for any metric it takes account of
    how many rows there are, and of how often each class is there and is answered.
    """

    mean: float
    deviation: float

    @property
    def highest(self) -> float:
        """What chance alone may reach."""
        return self.mean + ERRORS * self.deviation


def describe_labels(labels: np.ndarray, names: Sequence[str] | None) -> str:
    """What labels there are, in words: rows of each class, or mean and deviation; "" for the answers to questions."""
    if labels.dtype == object:
        return ""
    if names is None:
        return f"targets have the mean {labels.mean():.4g} and the deviation {labels.std():.3g}"
    counts = labels.sum(axis=0) if labels.ndim == 2 else np.bincount(labels, minlength=len(names))
    shown = [f"{count:,} × {name}" for name, count in zip(names[:5], counts, strict=False)]
    return f"rows are {', '.join(shown)}{', …' if len(names) > 5 else ''}"


def chance(score: Callable[[np.ndarray, np.ndarray], float], labels: np.ndarray, logits: np.ndarray) -> Chance:
    """The score of `logits` (rows, classes) against `labels` (rows, …) in an order drawn anew each time."""
    random = np.random.default_rng(0)
    scores = [score(labels[random.permutation(len(labels))], logits) for _ in range(PERMUTATIONS)]
    return Chance(float(np.mean(scores)), float(np.std(scores)))
