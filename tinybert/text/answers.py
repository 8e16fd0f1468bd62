"""Answers to questions as text: when two are the same, how much of one is in the other, when to give none.

The measures are SQuAD's (Rajpurkar et al. 2016, section 6; 2018, section 5), written from their definition.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)
"""ASCII's only: “ or – stay, as in the official scorer."""


@lru_cache(maxsize=1 << 18)
def normalise(answer: str) -> str:
    """Without case, punctuation, articles and superfluous space."""
    return " ".join(ARTICLES.sub(" ", answer.lower().translate(PUNCTUATION)).split())


def exact(golds: Sequence[str], answer: str) -> float:
    """1 where the answer is one of the right ones after normalisation, else 0. No right answer means "" is right."""
    return float(normalise(answer) in _targets(golds))


def f1(golds: Sequence[str], answer: str) -> float:
    """F1 of the answer's words against those of the right answer that it shares most with.

    Where one of the two has no words, they have to be equal.
    """
    return max(_f1(target, normalise(answer)) for target in _targets(golds))


MEASURES = {"span_f1": f1, "exact_match": exact}


def answer_values(metric: str, golds: Iterable[Sequence[str]], answers: Iterable[str]) -> np.ndarray:
    """What each answer is worth, float64 (rows,): the metric is their mean.

    Args:
        metric: `span_f1` or `exact_match`.
        golds: the right answers to each question; none where it has no answer.
    """
    measure = MEASURES[metric]
    return np.array([measure(right, answer) for right, answer in zip(golds, answers, strict=True)], dtype=np.float64)


def decide(answers: np.ndarray, margins: np.ndarray, threshold: float) -> np.ndarray:
    """The answers, "" where no answer is more likely by more than the threshold (object array of str)."""
    return np.where(margins <= threshold, answers, "")


def best_threshold(golds: Iterable[Sequence[str]], answers: np.ndarray, margins: np.ndarray) -> float:
    """The threshold of `decide` with the highest F1; of equals the lowest, in the middle between two margins.

    Args:
        margins: score of no answer minus that of the answer, (rows,).
    """
    golds = list(golds)
    order = np.argsort(margins, kind="stable")
    ranked = margins[order].astype(np.float64)
    given = answer_values("span_f1", golds, answers)[order]
    withheld = answer_values("span_f1", golds, [""] * len(answers))[order]
    # The total where the first k questions are answered: their answers' worth, and that of none for the others.
    totals = np.concatenate([[0.0], np.cumsum(given - withheld)])
    distinct = np.concatenate([[True], ranked[1:] > ranked[:-1], [True]])
    first = int(np.where(distinct, totals, -np.inf).argmax())
    if first in (0, len(ranked)):
        return float(ranked[0] - 1 if first == 0 else ranked[-1] + 1)
    return float((ranked[first - 1] + ranked[first]) / 2)


@lru_cache(maxsize=1 << 18)
def _normalised(golds: tuple[str, ...]) -> tuple[str, ...]:
    # Right answers that are nothing but articles or punctuation don't count; a question with no others has none.
    return tuple(text for gold in golds if (text := normalise(gold))) or ("",)


def _targets(golds: Sequence[str]) -> tuple[str, ...]:
    return _normalised(tuple(golds))


@lru_cache(maxsize=1 << 18)
def _words(text: str) -> Counter[str]:
    return Counter(text.split())


def _f1(target: str, answer: str) -> float:
    if not target or not answer:
        return float(target == answer)
    right, said = _words(target), _words(answer)
    shared = (right & said).total()
    return 2 * shared / (right.total() + said.total())
