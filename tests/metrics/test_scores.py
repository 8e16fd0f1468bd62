"""Scores against scikit-learn, scipy and numbers computed by hand."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, matthews_corrcoef

from tinybert.metrics.chance import describe_labels
from tinybert.metrics.scores import all_scores, confidence_interval, retention, retention_interval, score, title


def one_hot(answers, classes):
    return np.eye(classes, dtype=np.float32)[answers]


def test_binary_scores_by_hand():
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    logits = one_hot([1, 1, 1, 0, 1, 1, 0, 0], 2)  # tp 3, fn 1, fp 2, tn 2
    assert all_scores("classification", labels, logits) == pytest.approx(
        {"accuracy": 5 / 8, "f1": 2 * 3 / (2 * 3 + 1 + 2), "matthews": (3 * 2 - 2 * 1) / np.sqrt(5 * 4 * 4 * 3)}
    )


def test_the_class_that_f1_is_of_is_named():
    assert title("f1", ["fraud", "ok"]) == "f1 of ok"
    assert [title("f1", ["a", "b", "c"]), title("accuracy", ["a", "b"]), title("pearson", None)] == [
        "f1", "accuracy", "pearson",
    ]  # fmt: skip


def test_labels_in_words():
    assert describe_labels(np.array([0, 1, 1]), ["bad", "good", "odd"]) == "rows are 1 × bad, 2 × good, 0 × odd"
    assert describe_labels(np.array([[0, 1], [1, 1]]), ["wet", "warm"]) == "rows are 1 × wet, 2 × warm"
    assert describe_labels(np.array([1990.0, 2010.0]), None) == "targets have the mean 2000 and the deviation 10"


def test_f1_of_more_than_two_classes_is_the_mean_over_classes():
    rng = np.random.default_rng(0)
    labels, answers = rng.integers(0, 3, 200), rng.integers(0, 3, 200)
    assert score("matthews", labels, one_hot(answers, 3)) == pytest.approx(matthews_corrcoef(labels, answers))
    for known in (labels, labels % 2):  # a class that the test rows lack does not make three classes two
        assert score("f1", known, one_hot(answers, 3)) == pytest.approx(f1_score(known, answers, average="macro"))


def test_regression_scores_are_of_the_one_output():
    rng = np.random.default_rng(1)
    labels = rng.normal(size=50)
    logits = (labels + rng.normal(size=50)).astype(np.float32)[:, None]
    scores = all_scores("regression", labels, logits)
    assert list(scores) == ["pearson", "spearman"]
    assert scores["pearson"] == pytest.approx(stats.pearsonr(labels, logits[:, 0]).statistic)
    assert scores["spearman"] == pytest.approx(stats.spearmanr(labels, logits[:, 0]).statistic)


@pytest.mark.parametrize("metric", ["f1", "matthews", "pearson", "spearman"])
@pytest.mark.filterwarnings("error")
def test_constant_answers_score_zero_without_a_warning(metric):
    regression = metric in ("pearson", "spearman")
    labels = np.array([0.0, 1.0, 2.0, 1.0]) if regression else np.array([0, 1, 1, 0])
    assert score(metric, labels, np.ones((4, 1)) if regression else one_hot([0, 0, 0, 0], 2)) == 0.0


def test_interval_is_as_wide_as_the_binomial_says_and_the_same_twice():
    labels = np.zeros(1000, dtype=int)
    logits = one_hot((np.arange(1000) % 5 == 0).astype(int), 2)
    low, high = confidence_interval("accuracy", labels, logits, seed=3)
    half = 1.96 * np.sqrt(0.8 * 0.2 / 1000)
    assert (low, high) == pytest.approx((0.8 - half, 0.8 + half), abs=0.004)
    assert [low, high] == confidence_interval("accuracy", labels, logits, seed=3)


def test_interval_of_a_correlation_resamples_rows_in_pairs():
    labels = np.linspace(0, 1, 100)
    low, high = confidence_interval("pearson", labels, labels[:, None], seed=0)
    assert (low, high) == pytest.approx((1.0, 1.0))


def test_intervals_of_a_single_row_are_its_values():
    labels, logits = np.array([1]), one_hot([1], 2)
    assert confidence_interval("accuracy", labels, logits, seed=0) == [1.0, 1.0]
    assert retention_interval("accuracy", labels, logits, logits, seed=0) == [1.0, 1.0]


def test_retention_has_no_meaning_below_a_teacher_of_zero():
    assert [retention(teacher, 0.4) for teacher in (0.0, -0.1, 0.8)] == [None, None, 0.5]
    labels = np.array([0, 1, 0, 1])
    wrong = one_hot(1 - labels, 2)
    assert retention_interval("accuracy", labels, wrong, one_hot(labels, 2), seed=0) is None


def test_the_interval_of_retention_resamples_both_models_rows_together():
    """A student that errs where its teacher does, and on an eighth of the other rows."""
    labels = np.zeros(1000, dtype=int)
    teacher = np.arange(1000) % 5 == 0
    student = teacher | (np.arange(1000) % 10 == 1)
    both = [one_hot(wrong.astype(int), 2) for wrong in (teacher, student)]
    low, high = retention_interval("accuracy", labels, *both, seed=3)
    # of the 800 rows that the teacher has right the student has 700: a binomial share, teacher's errors being its own
    half = 1.96 * np.sqrt(0.875 * 0.125 / 800)
    assert (low, high) == pytest.approx((0.875 - half, 0.875 + half), abs=0.005)
    assert [low, high] == retention_interval("accuracy", labels, *both, seed=3)


def test_scores_need_no_torch():
    code = "import sys; import tinybert.metrics.scores; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_multilabel_scores_by_hand():
    labels = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 0]], dtype=np.int8)
    logits = np.array([[2, -1, 3], [1, 1, -2], [0.5, -0.5, -1], [-1, -1, -1]], dtype=np.float32)
    # labels: tp 2, fp 1, fn 0; tp 1, fp 0, fn 1; tp 1, fp 0, fn 0
    scores = all_scores("multilabel", labels, logits)
    by_hand = {"f1_micro": 2 * 4 / (2 * 4 + 1 + 1), "f1_macro": (4 / 5 + 2 / 3 + 1) / 3}
    assert scores == pytest.approx(by_hand | {"subset_accuracy": 2 / 4, "label_accuracy": 10 / 12})
    answers = (logits > 0).astype(int)
    for average in ("micro", "macro"):
        assert scores[f"f1_{average}"] == pytest.approx(f1_score(labels, answers, average=average))


def test_a_label_that_is_neither_said_nor_there_counts_nothing():
    nothing = np.zeros((4, 2), dtype=np.int8)
    assert list(all_scores("multilabel", nothing, nothing - 1.0).values()) == [0.0, 0.0, 1.0, 1.0]


def test_a_label_that_the_test_rows_lack_is_no_part_of_the_mean():
    labels = np.array([[1, 0], [1, 0], [0, 0]], dtype=np.int8)
    logits = np.array([[1, -1], [-1, -1], [-1, -1]], dtype=np.float32)
    assert score("f1_macro", labels, logits) == pytest.approx(2 / 3)
    assert score("f1_macro", labels, np.add(logits, [0, 2])) == pytest.approx((2 / 3 + 0) / 2)  # said, so it counts


def test_the_interval_of_many_rare_labels_holds_their_score():
    rng = np.random.default_rng(0)
    labels = (rng.random((60, 40)) < 0.05).astype(np.int8)
    logits = np.where(rng.random(labels.shape) < 0.02, -1, 1) * (labels - 0.5)
    low, high = confidence_interval("f1_macro", labels, logits, seed=0)
    assert low < score("f1_macro", labels, logits) < high
