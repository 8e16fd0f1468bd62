"""What the report says of answers to questions: agreement, disagreements, scores and how sure they are."""

import numpy as np
import pandas as pd
import pytest

from tinybert.evaluate.predictions import agreement, answers, apart, disagreements
from tinybert.metrics.scores import all_scores, confidence_interval
from tinybert.report.page import _answer


@pytest.fixture
def rows():
    golds = [["Denver", "Denver, Colorado"], [], ["the red car"], ["Paris"]]
    label = [[{"text": gold, "start": 0} for gold in each] for each in golds]
    return pd.DataFrame({"text": list("abcd"), "text_pair": ["context"] * 4, "label": label, "id": list("1234")})


TEACHER = np.array(["Denver", "", "the red car", "London"], dtype=object)
STUDENT = np.array(["the Denver.", "nowhere", "red", "Rome"], dtype=object)


def test_models_agree_where_their_answers_are_the_same_words(rows):
    table = answers(rows, TEACHER, STUDENT, "span")
    assert apart(table).tolist() == [False, True, True, True]
    assert agreement(table, "span") == 0.25


def test_answers_are_scored_by_the_rules_of_their_task(rows):
    rows["label"] = [[{"text": "the", "start": 0}]] * 4
    said = np.array(["", "the", "Denver", "a"], dtype=object)
    of_one, of_two = (answers(rows, said, said, "span", no_answer) for no_answer in (False, True))
    assert of_one["teacher_f1"].tolist() == [0, 0, 0, 0]
    assert of_two["teacher_f1"].tolist() == [1, 1, 0, 1]
    assert of_two["label"].tolist() == [[]] * 4


def test_disagreements_begin_where_most_is_lost(rows, tmp_path):
    answers(rows, TEACHER, STUDENT, "span").to_parquet(tmp_path / "test.parquet")
    shown = disagreements(pd.read_parquet(tmp_path / "test.parquet"))
    assert shown["id"].tolist() == ["2", "3", "4"]
    said = [[_answer(row, who, None) for who in ("label", "teacher", "student")] for row in shown.to_dict("records")]
    assert said == [
        ["no answer", "no answer", "nowhere"],
        ["the red car", "the red car", "red"],
        ["Paris", "London", "Rome"],
    ]


def test_scores_and_their_interval():
    random = np.random.default_rng(0)
    labels, said = np.empty(60, dtype=object), np.full(60, "yes", dtype=object)
    labels[:] = [("yes",) if random.random() < 0.7 else ("no",) for _ in range(60)]
    scores = all_scores("span", labels, said)
    assert scores == {"span_f1": scores["span_f1"], "exact_match": scores["span_f1"]}
    low, high = confidence_interval("exact_match", labels, said, seed=0)
    deviation = (scores["exact_match"] * (1 - scores["exact_match"]) / 60) ** 0.5
    assert low < scores["exact_match"] < high
    assert high - low == pytest.approx(2 * 1.96 * deviation, rel=0.15)
