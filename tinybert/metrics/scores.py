"""Scores of predictions against labels, and how sure they are. Knows arrays only: no model, no torch.

scipy and scikit-learn are imported where they are used: an accuracy needs neither, and they take two seconds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from tinybert.metrics.answers import answer_values
from tinybert.params.tasks import METRICS

RESAMPLES = 2000
"""Resamples of the bootstrap: the ends of a 95 % interval then vary by about 3 % of its width from seed to seed."""


def predict(metric: str, logits: np.ndarray) -> np.ndarray:
    """What a model answers: class indices, or the one output itself where the metric is of regression.

    Args:
        metric: any of `tinybert.params.tasks.METRICS`.
        logits: (rows, classes), or (rows, 1) for regression.

    Returns:
        (rows,), or for a metric of multilabel tasks 0 and 1 for each label (rows, labels): 1 above one half.
    """
    if metric in METRICS["multilabel"]:
        return (logits > 0).astype(np.int64)
    return logits[:, 0] if metric in METRICS["regression"] else logits.argmax(axis=1)


def score(metric: str, labels: np.ndarray, logits: np.ndarray) -> float:
    """One metric of a model's logits. Higher is better for all of them.

    A correlation with a constant is 0/0; it counts as 0.0, since a model that gives the same answer to every text
    says nothing about the labels, and a NaN would neither order nor survive in JSON. Classes and labels that are
    neither said nor there are no part of a mean of F1, as scikit-learn has it for classes: a resample of the bootstrap
    lacks rare ones, and would score lower for that alone.

    Args:
        metric: `accuracy`, `f1` (of class 1 where there are two classes, the mean over classes where there are more),
            `matthews`, `pearson` or `spearman`; of multilabel tasks `f1_micro`, `f1_macro`, `subset_accuracy` (all
            labels of a row right) or `label_accuracy` (the share of all decisions that are right); of answers to
            questions `span_f1` or `exact_match` (see `tinybert.metrics.answers`).
        labels: (rows,) class indices, or numbers for regression; 0 and 1 (rows, labels) for multilabel; for span
            the right answers to each question, tuples (rows,).
        logits: (rows, classes), or (rows, 1) for regression; for span the answers themselves, str (rows,).
    """
    if metric in METRICS["span"]:
        return float(answer_values(metric, labels, logits).mean())
    answers = predict(metric, logits)
    if metric in ("accuracy", "label_accuracy"):
        value = np.mean(labels == answers)
    elif metric == "subset_accuracy":
        value = np.mean((labels == answers).all(axis=1))
    elif metric in METRICS["multilabel"]:
        value = _f1_of_labels(labels, answers, metric == "f1_micro")
    elif metric == "f1":
        from sklearn.metrics import f1_score

        average = "binary" if logits.shape[1] == 2 else "macro"
        value = f1_score(labels, answers, average=average, zero_division=0.0)
    elif metric == "matthews":
        from sklearn.metrics import matthews_corrcoef

        value = matthews_corrcoef(labels, answers)
    else:
        value = correlation(metric, labels, answers)
    return float(value)


def title(metric: str, names: Sequence[str] | None) -> str:
    """What people read: `f1` of two classes is that of the second, and which one that is decides what it says."""
    return f"{metric} of {names[1]}" if metric == "f1" and names is not None and len(names) == 2 else metric


def _f1_of_labels(labels: np.ndarray, answers: np.ndarray, micro: bool) -> float:
    """F1 of 0 and 1 (rows, labels), of all decisions or the mean over labels; 0 where nothing is said nor there."""
    # F1 = 2·tp / (2·tp + fp + fn), and the denominator is what is true and what is said together.
    both = 2.0 * (labels * answers).sum(axis=0, dtype=np.int64)
    total = (labels.sum(axis=0, dtype=np.int64) + answers.sum(axis=0, dtype=np.int64)).astype(float)
    if not total.any():
        return 0.0
    return float(both.sum() / total.sum()) if micro else float((both[total > 0] / total[total > 0]).mean())


def correlation(metric: str, one: np.ndarray, other: np.ndarray) -> float:
    """`pearson` or `spearman` correlation of two series, 0.0 where one of them is constant (see `score`)."""
    from scipy import stats

    if len(one) < 2:
        return 0.0
    measure = stats.pearsonr if metric == "pearson" else stats.spearmanr
    with warnings.catch_warnings(action="ignore", category=stats.DegenerateDataWarning):
        value = measure(one, other).statistic
    return 0.0 if np.isnan(value) else float(value)


def all_scores(task_type: str, labels: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Every metric of a task's type, in the order of `METRICS`."""
    return {metric: score(metric, labels, logits) for metric in METRICS[task_type]}


def confidence_interval(metric: str, labels: np.ndarray, logits: np.ndarray, seed: int) -> list[float]:
    """The 95 % percentile bootstrap interval [low, high] of a score, over resampled rows.

    It says how far the score would move with another test set of this size; it does not cover another training seed.
    """
    return _bootstrap(score_of_rows(metric, labels, logits), len(labels), seed)


def retention(teacher: float, student: float) -> float | None:
    """The student's score as a fraction of its teacher's; None where that is not above 0 and means nothing."""
    return student / teacher if teacher > 0 else None


def retention_interval(
    metric: str, labels: np.ndarray, teacher: np.ndarray, student: np.ndarray, seed: int
) -> list[float] | None:
    """`confidence_interval` of the retention: a resampled row is one for both, since what is hard is hard for both.

    None where the teacher's score is not above 0, be it of some rows only.
    """
    of_teacher, of_student = (score_of_rows(metric, labels, each) for each in (teacher, student))

    def measure(rows: np.ndarray) -> float:
        kept = retention(of_teacher(rows), of_student(rows))
        return np.nan if kept is None else kept

    interval = _bootstrap(measure, len(labels), seed)
    return None if np.isnan(interval).any() else interval


def score_of_rows(metric: str, labels: np.ndarray, logits: np.ndarray) -> Callable[[np.ndarray], float]:
    """`score` of some of the rows, by their places."""
    if metric in METRICS["span"]:  # a mean of what each answer is worth, which is computed once
        values = answer_values(metric, labels, logits)
        return lambda rows: float(values[rows].mean())
    return lambda rows: score(metric, labels[rows], logits[rows])


def loss_interval(metric: str, labels: np.ndarray, before: np.ndarray, after: np.ndarray, seed: int) -> list[float]:
    """`confidence_interval` of what the second of two models scores less than the first, on the same resampled rows."""
    of_before, of_after = (score_of_rows(metric, labels, each) for each in (before, after))
    return _bootstrap(lambda rows: of_before(rows) - of_after(rows), len(labels), seed)


def _bootstrap(measure: Callable[[np.ndarray], float], rows: int, seed: int) -> list[float]:
    """The interval of what `measure` gives of the places of rows; of a single row its ends are one."""
    from scipy import stats

    places = np.arange(rows)
    if rows < 2:
        return [measure(places)] * 2
    random = np.random.default_rng(seed)
    with warnings.catch_warnings(action="ignore", category=stats.DegenerateDataWarning):  # its NaN is the answer
        interval = stats.bootstrap(
            (places,), measure, n_resamples=RESAMPLES, vectorized=False, method="percentile", rng=random
        ).confidence_interval
    return [float(interval.low), float(interval.high)]
