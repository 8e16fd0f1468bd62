"""What to take: which evidence moves the choice, and which doesn't."""

import numpy as np
import pandas as pd
import pytest

from tests.evaluate.made_up import make_result, make_speed
from tinybert.evaluate.schema import Alternative, Result, Speed
from tinybert.report.advice import TOLERANCE, advice, choose, compare

ROWS = 4000
PACES = {"teacher/onnx": 40.0, "student/int8": 100.0, "tfidf": 5000.0, "static": 3000.0}


def evidence(rows=ROWS, metric="accuracy", **scores):
    """A result and the answers behind it: models with these shares of right answers, mostly wrong on the same rows.

    Names are those of speed.json with `_` for `/`; a model that is not named scores 0.85.
    """
    random, hard = np.random.default_rng(0), np.linspace(0, 1, rows, endpoint=False)
    named = {"teacher_torch": 0.85, "teacher_onnx": 0.85, "student_torch": 0.85, "student_int8": 0.85} | scores
    labels = random.integers(0, 2, rows)
    table = {"label": labels}
    for name, score in named.items():
        right = (hard + random.normal(0, 0.01, rows)).argsort().argsort() < score * rows
        table[name.replace("_", "/")] = np.where(right, labels, 1 - labels)
    answers = pd.DataFrame(table)
    result = Result.model_validate(make_result(0.85, 14_350_874, ["no", "yes"]) | {"metric": metric})
    found = {
        name: Alternative(score=scores[name], ci95=[0.0, 1.0], bytes=1)
        for name in ("tfidf", "static")
        if name in scores
    }
    result = result.model_copy(update={"alternatives": found or None})
    return result.model_copy(update={"paired": compare(result, answers)}), answers


def chosen(result, **paces):
    speed = make_speed(1.6)
    speed["models"] |= dict.fromkeys(("tfidf", "static"), speed["models"]["student/onnx"])
    for name, pace in (PACES | {name.replace("_", "/"): pace for name, pace in paces.items()}).items():
        speed["models"][name] = speed["models"][name] | {"texts_per_core_second": pace}
    return choose("s", result, Speed.model_validate(speed))


@pytest.mark.parametrize(
    ("scores", "paces", "taken"),
    [
        ({}, {}, "student/int8"),
        ({"student_int8": 0.845}, {}, "student/int8"),  # worse, but by less than a point
        ({"student_int8": 0.82}, {}, "teacher/onnx"),
        ({}, {"teacher_onnx": 100.0}, "teacher/onnx"),  # as good and as fast, and nothing to distil
        ({"student_int8": 0.88}, {"teacher_onnx": 100.0}, "student/int8"),
        ({"tfidf": 0.848}, {}, "tfidf"),
        ({"tfidf": 0.848}, {"tfidf": 90.0}, "student/int8"),  # no faster
        ({"tfidf": 0.80}, {}, "student/int8"),
        ({"tfidf": 0.848, "static": 0.86}, {}, "tfidf"),  # the faster of two
        ({"tfidf": 0.80, "static": 0.848}, {}, "static"),
        ({"student_int8": 0.80, "tfidf": 0.80}, {}, "teacher/onnx"),  # as good as a student that isn't taken
        ({"student_int8": 0.80, "tfidf": 0.85}, {}, "tfidf"),
    ],
)
def test_what_is_taken(scores, paces, taken):
    assert chosen(evidence(**scores)[0], **paces).taken.key == taken


@pytest.mark.parametrize("scores", [{"tfidf": 0.85}, {"student_int8": 0.80}])
def test_few_rows_show_nothing(scores):
    """The same scores on 60 rows: neither is TF-IDF as good, nor the student worse."""
    assert chosen(evidence(**scores)[0]).taken.key != "student/int8"
    assert chosen(evidence(rows=60, **scores)[0]).taken.key == "student/int8"


def test_intervals_are_paired_and_hold_together():
    """They are of McNemar's size for rows that both models don't have alike, and wider the more of them there are."""
    result, answers = evidence(student_int8=0.84)
    gain = result.paired["student/int8"]["teacher/onnx"]
    right = [answers[name] == answers["label"] for name in ("teacher/onnx", "student/int8")]
    only = [(right[0] & ~right[1]).sum(), (right[1] & ~right[0]).sum()]
    assert gain.score == pytest.approx((only[0] - only[1]) / ROWS, abs=1e-6)
    reach = 1.96 * np.sqrt(sum(only) - (only[0] - only[1]) ** 2 / ROWS) / ROWS
    assert gain.interval == pytest.approx([gain.score - reach, gain.score + reach], abs=0.1 * reach)
    more = evidence(student_int8=0.84, tfidf=0.7, static=0.7)[0].paired
    assert {reference: list(gains) for reference, gains in more.items()} == {
        "student/int8": ["teacher/onnx", "tfidf", "static"],
        "teacher/onnx": ["tfidf", "static"],
    }
    wider = more["student/int8"]["teacher/onnx"]
    assert wider.interval[1] - wider.interval[0] == pytest.approx(2 * reach * 2.576 / 1.96, rel=0.1)
    assert compare(result, answers) == result.paired  # the same each time


def test_advice_says_against_what():
    result, _ = evidence(student_int8=0.82)
    said = advice(result, chosen(result))
    assert said.startswith("Take the teacher in ONNX: accuracy 86.0, 3.0 points (")
    assert said.endswith(") above s in int8, 0.4 times as fast")
    result, _ = evidence(tfidf=0.848)
    assert advice(result, chosen(result)).startswith("TF-IDF is enough: accuracy 84.8, ")
    assert TOLERANCE == 0.01  # what the page calls a point


def test_a_run_of_before_has_no_advice():
    assert chosen(Result.model_validate(make_result(0.85, 14_350_874, ["no", "yes"]))) is None
