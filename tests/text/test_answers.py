"""SQuAD's measures, case by case, and the threshold of no answer."""

import numpy as np
import pytest

from tinybert.text.answers import answer_values, best_threshold, decide, exact, f1, normalise


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
        (["the", "Denver"], "a", 0, 0),  # a right answer of nothing but an article doesn't count
        (["the"], "", 1, 1),
        (["the"], "Denver", 0, 0),
    ],
)
def test_exact_match_and_f1(golds, answer, em, overlap):
    assert exact(golds, answer) == em
    assert f1(golds, answer) == pytest.approx(overlap)


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
        tried = [
            answer_values("span_f1", golds, decide(answers, margins, threshold)).mean()
            for threshold in np.arange(-6, 6, 0.25)
        ]
        assert reached == pytest.approx(max(tried))


def test_the_threshold_lies_between_two_margins():
    answers = np.array(["x", "y"], dtype=object)
    assert best_threshold([("x",), ()], answers, np.array([-2.0, 1.0])) == -0.5
    assert best_threshold([("x",), ("y",)], answers, np.array([-2.0, 1.0])) == 2
    assert best_threshold([(), ()], answers, np.array([-2.0, 1.0])) == -3
