"""Answers to questions as text: when two are the same, how much of one is in the other, when to give none.

The measures are SQuAD's (Rajpurkar et al. 2016, section 6; 2018, section 5), written from their definition. Its two
versions differ in which right answers count, and in nothing else: see `right_answers`.
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


def right_answers(texts: Iterable[str], no_answer: bool) -> tuple[str, ...]:
    """Those of a question's right answers that count; none where it has no answer.

    SQuAD 1.1 counts all of them. In 2.0, where a question may have none, one that is nothing but articles or
    punctuation doesn't count, and a question with no others has no answer.
    """
    return tuple(text for text in texts if not no_answer or normalise(text))


def exact(golds: Sequence[str], answer: str) -> float:
    """1 where the answer is one of the right ones after normalisation, else 0. No right answer means "" is right."""
    return float(normalise(answer) in ({normalise(gold) for gold in golds} or {""}))


def f1(golds: Sequence[str], answer: str) -> float:
    """F1 of the answer's words against those of the right answer that it shares most with, 0 where it shares none.

    Where there is no right answer, "" is right.
    """
    said = _words(answer)
    return max(
        (2 * (right & said).total() / max(1, right.total() + said.total()) for right in map(_words, golds)),
        default=float(not said),
    )


MEASURES = {"span_f1": f1, "exact_match": exact}


def answer_values(metric: str, golds: Iterable[Sequence[str]], answers: Iterable[str]) -> np.ndarray:
    """What each answer is worth, float64 (rows,): the metric is their mean.

    Args:
        metric: `span_f1` or `exact_match`.
        golds: the right answers to each question that count; none where it has no answer.
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
def _words(answer: str) -> Counter[str]:
    return Counter(normalise(answer).split())
