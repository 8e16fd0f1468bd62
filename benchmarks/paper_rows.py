"""How much text the paper's presets read: GLUE's and SQuAD's rows, and English Wikipedia."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinybert.params.tasks import Task

WORDS = 2_500_000_000
"""Of English Wikipedia, as the paper counts them; a dump of today has more."""
PIECES = 1.3
"""Word pieces of a word of English, about."""
ROWS = {
    "mnli": (392_702, 30),
    "qqp": (363_846, 22),
    "qnli": (104_743, 37),
    "sst2": (67_349, 9),
    "cola": (8_551, 8),
    "stsb": (5_749, 22),
    "mrpc": (3_668, 44),
    "rte": (2_490, 52),
    "wnli": (635, 35),
    "squad1": (87_599, 10),
    "squad2": (130_319, 10),
}
"""Training rows, and words of a row that may be replaced, about (of SQuAD the questions')."""
CONTEXT = 120
"""Words of a context of SQuAD, about."""


def training_rows(key: str, data: str, task: Task) -> int:
    """Rows of `data`, original or augmented, as many copies made as are asked for."""
    return ROWS[key][0] * (1 + task.augment.copies if data == "augmented" else 1)


def row_words(key: str, task: Task) -> int:
    """Words of a row, those of a context among them."""
    return ROWS[key][1] + (CONTEXT if task.type == "span" else 0)
