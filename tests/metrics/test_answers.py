"""SQuAD's measures, case by case, and the threshold of no answer."""

import random
import re
import string
from collections import Counter

import numpy as np
import pytest

from tinybert.metrics.answers import answer_values, best_threshold, decide, exact, f1, normalise, right_answers


@pytest.mark.parametrize(
    ("answer", "normal"),
    [
        ("The  Broncos!", "broncos"),
        ("an Apple a day", "apple day"),
        ("theatre", "theatre"),
        ("U.S.A.", "usa"),
        ("well-known", "wellknown"),
        ("a-b", "ab"),  # punctuation goes first: what it leaves is no article
        ("$1,000.50", "100050"),
        ("\tBeyoncé \n Knowles ", "beyoncé knowles"),
        ("“the” end–start", "“ ” end–start"),  # punctuation beyond ASCII stays
        ("İ", "i̇"),
        ("the", ""),
        ("...", ""),
    ],
)
def test_normalisation(answer, normal):
    assert normalise(answer) == normal


@pytest.mark.parametrize(
    ("golds", "answer", "em", "overlap"),
    [
        (["Denver Broncos"], "the Denver Broncos.", 1, 1),
        (["Denver Broncos"], "Broncos of Denver", 0, 2 * 2 / 5),
        (["Denver Broncos"], "Panthers", 0, 0),
        (["Denver Broncos", "Broncos"], "Broncos", 1, 1),
        (["in the city of Denver", "Denver, Colorado"], "Denver", 0, 2 / 3),  # the better of 2/5 and 2/3
        (["to be or not to be"], "to to to be", 0, 2 * 3 / 10),  # words count as often as both have them
        ([], "", 1, 1),
        ([], "the", 1, 1),
        ([], "Denver", 0, 0),
        (["Denver"], "", 0, 0),
        (["the", "Denver"], "a", 1, 0),  # of no words, none is shared
        (["the"], "Denver", 0, 0),
    ],
)
def test_exact_match_and_f1(golds, answer, em, overlap):
    assert exact(golds, answer) == em
    assert f1(golds, answer) == pytest.approx(overlap)


def test_answers_that_count():
    assert right_answers(["the", "Denver", "", "?"], no_answer=True) == ("Denver",)
    assert right_answers(["a", "..."], no_answer=True) == ()
    assert right_answers(["the", "Denver", ""], no_answer=False) == ("the", "Denver", "")


def tokens(text):
    """SQuAD's normalisation, step by step: lower case, no punctuation, no articles, words."""
    kept = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", kept).split()


def overlap(gold, said, both_empty):
    """Harmonic mean of the precision and the recall of words."""
    gold, said = tokens(gold), tokens(said)
    if not gold or not said:
        return both_empty * float(gold == said)
    common = sum(min(count, Counter(gold)[word]) for word, count in Counter(said).items())
    if not common:
        return 0.0
    precision, recall = common / len(said), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def official(golds, said, no_answer):
    if no_answer:
        golds = [gold for gold in golds if tokens(gold)] or [""]
    exact = max(float(tokens(gold) == tokens(said)) for gold in golds)
    return exact, max(overlap(gold, said, no_answer) for gold in golds)


WORDS = (
    "a an the The AN A. the_ Denver denver's of naïve e\u0301t\u00e9 \u00c9T\u00c9 \u0130 東京 “a” a\u0301 a-b 3-2 $5"
)
PARTS = [*WORDS.split(" "), "", "?", "--", "...", "'", "_", "\n", "\u00a0", "\u3000", "\u200b"]


@pytest.mark.parametrize("no_answer", [False, True], ids=["SQuAD 1.1", "SQuAD 2.0"])
def test_scores_are_those_of_the_official_formulas(no_answer):
    draw = random.Random(0)
    seen = set()

    def text():
        return draw.choice(["", " "]).join(draw.choices(PARTS, k=draw.randrange(4)))

    for _ in range(5000):
        texts = [text() for _ in range(draw.randrange(0 if no_answer else 1, 4))]
        said = draw.choice([*texts, text(), text().upper()])
        golds = right_answers(texts, no_answer)
        found, expected = (exact(golds, said), f1(golds, said)), official(texts, said, no_answer)
        assert found == pytest.approx(expected), (texts, said)
        seen.add((expected[0], expected[1] if expected[1] in (0, 1) else "in part"))
    # 1.1 alone knows answers that are right word by word but share no word, having none.
    assert {(1, 1), (0, 0), (0, "in part")} <= seen
    assert ((1, 0) in seen) is not no_answer


def test_values_are_one_for_each_question():
    golds, answers = [("Denver",), (), ("new york",)], ["denver", "denver", "york"]
    assert answer_values("exact_match", golds, answers).tolist() == [1, 0, 0]
    assert answer_values("span_f1", golds, answers) == pytest.approx([1, 0, 2 / 3])


def test_the_threshold_is_the_best_of_all():
    random = np.random.default_rng(0)
    for _ in range(30):
        count = int(random.integers(1, 12))
        golds = [("right",) if random.integers(2) else () for _ in range(count)]
        answers = np.array(random.choice(["right", "wrong", "right side"], count), dtype=object)
        margins = random.integers(-4, 5, count).astype(float)  # with ties
        found = best_threshold(golds, answers, margins)
        reached = answer_values("span_f1", golds, decide(answers, margins, found)).mean()
        tried = [decide(answers, margins, threshold) for threshold in np.arange(-6, 6, 0.25)]
        assert reached == pytest.approx(max(answer_values("span_f1", golds, each).mean() for each in tried))


def test_the_threshold_lies_between_two_margins():
    answers = np.array(["x", "y"], dtype=object)
    assert best_threshold([("x",), ()], answers, np.array([-2.0, 1.0])) == -0.5
    assert best_threshold([("x",), ("y",)], answers, np.array([-2.0, 1.0])) == 2
    assert best_threshold([(), ()], answers, np.array([-2.0, 1.0])) == -3
