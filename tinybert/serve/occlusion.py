"""Which words an answer hangs on: each is left out once, and the model asked again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from tinybert.runtime.predictor import Answer, Row

WORD = re.compile(r"\w+(?:['’]\w+)*")
MOST = 200
"""Words that are tried; of a longer text the first."""


class Part(NamedTuple):
    """A piece of a text.

    Attributes:
        weight: how much less probable the answer is without this word; of a number how much smaller it is. None of
            what stands between the words, and of words that were not tried.
        flips: whether another answer is given without it.
    """

    text: str
    weight: float | None
    flips: bool


def without_each_word(row: Row) -> list[Row]:
    """The row, and after it the row without each of the words of its last text."""
    *before, text = row
    rows = [row]
    for word in _words(text):
        rest = text[: word.start()] + text[word.end() :]
        rows.append((*before, " ".join(rest.split())))
    return rows


def weigh_words(text: str, answers: Sequence[Answer]) -> list[Part]:
    """The text in parts that joined give it back.

    Args:
        answers: to `without_each_word`.
    """
    whole, *others = answers
    places = _words(text)
    weights = {
        word.start(): Part(word[0], round(_score(whole, whole) - _score(whole, other), 6), other.label != whole.label)
        for word, other in zip(places, others, strict=True)
    }
    ends = sorted({0, len(text), *(end for word in places for end in word.span())})
    return [weights.get(start, Part(text[start:end], None, False)) for start, end in pairwise(ends)]


def _words(text: str) -> list[re.Match[str]]:
    return [*WORD.finditer(text)][:MOST]


def _score(whole: Answer, answer: Answer) -> float:
    """The probability of what is said of the whole text, or the number."""
    if isinstance(whole.label, float):
        return answer.label if isinstance(answer.label, float) else 0.0
    if answer.probabilities is None:
        return float(answer.label == whole.label)
    labels = whole.label if isinstance(whole.label, list) else [whole.label]
    return sum(answer.probabilities[label] for label in labels)
