"""How long to train, and on how many copies: by the number of rows, and by how much of the default's time to take."""

from __future__ import annotations

from typing import NamedTuple

TEACHER, INTERMEDIATE, PREDICTION, AUGMENTED = 15_000, 15_000, 15_000, 15_000
"""Texts that each phase sees, and rows with their copies, in the default experiment."""
MOST_COPIES, MOST_EPOCHS = 20, 20
"""The paper's N_a, and its most epochs on sets as small as are brought to that here."""
FEW = 1000
"""Training rows below which a teacher learns in smaller steps, so that there are some."""


class Recipe(NamedTuple):
    """What of a task and its student depends on the number of rows."""

    copies: int
    batch_size: int
    """Of the teacher."""
    teacher: int
    intermediate: int
    prediction: int
    """Epochs."""


def recipe(rows: int, effort: float = 1.0, copied: bool = True, tuned: bool = False) -> Recipe:
    """Phases that see as many texts as the default's do, times `effort`: small data gets copies, and more epochs.

    Args:
        rows: for training, without copies.
        copied: whether there may be copies.
        tuned: whether the teacher is fine-tuned already.
    """

    def times(texts: int, of: int, least: int, most: int) -> int:
        return min(most, max(least, round(texts * effort / of)))

    copies = times(AUGMENTED, rows, 1, MOST_COPIES + 1) - 1 if copied else 0
    augmented = rows * (1 + copies)
    return Recipe(
        copies,
        32 if rows >= FEW else 8,
        0 if tuned else times(TEACHER, rows, 1, MOST_EPOCHS),
        times(INTERMEDIATE, augmented, 1, MOST_EPOCHS),
        times(PREDICTION, augmented, 1, MOST_EPOCHS // 2),
    )


EFFORTS = tuple(2.0**power for power in range(-5, 5))
"""From which the largest is taken that fits into the user's minutes."""
