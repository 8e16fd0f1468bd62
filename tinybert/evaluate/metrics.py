"""Scores of predictions against labels, and how sure they are. Knows arrays only: no model, no torch."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import stats
from sklearn import metrics as sklearn_metrics

from tinybert.params.tasks import METRICS

RESAMPLES = 2000
"""Resamples of the bootstrap: the ends of a 95 % interval then vary by about 3 % of its width from seed to seed."""


def predict(metric: str, logits: np.ndarray) -> np.ndarray:
    """What a model answers: class indices, or the one output itself where the metric is of regression.

    Args:
        metric: any of `tinybert.params.tasks.METRICS`.
        logits: (rows, classes), or (rows, 1) for regression.
    """
    return logits[:, 0] if metric in METRICS["regression"] else logits.argmax(axis=1)


def score(metric: str, labels: np.ndarray, logits: np.ndarray) -> float:
    """One metric of a model's logits. Higher is better for all of them.

    A correlation with a constant is 0/0; it counts as 0.0, since a model that gives the same answer to every text
    says nothing about the labels, and a NaN would neither order nor survive in JSON. The same holds for F1 of a class
    that is neither predicted nor present.

    Args:
        metric: `accuracy`, `f1` (of class 1 where there are two classes, the mean over classes where there are more),
            `matthews`, `pearson` or `spearman`.
        labels: (rows,) class indices, or numbers for regression.
        logits: (rows, classes), or (rows, 1) for regression.
    """
    answers = predict(metric, logits)
    if metric == "accuracy":
        value = np.mean(labels == answers)
    elif metric == "f1":
        average = "binary" if logits.shape[1] == 2 else "macro"
        value = sklearn_metrics.f1_score(labels, answers, average=average, zero_division=0.0)
    elif metric == "matthews":
        value = sklearn_metrics.matthews_corrcoef(labels, answers)
    else:
        value = correlation(metric, labels, answers)
    return float(value)


def correlation(metric: str, one: np.ndarray, other: np.ndarray) -> float:
    """`pearson` or `spearman` correlation of two series, 0.0 where one of them is constant (see `score`)."""
    measure = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[metric]
    if len(one) < 2:
        return 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        value = measure(one, other).statistic
    return 0.0 if np.isnan(value) else float(value)


def all_scores(task_type: str, labels: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Every metric of a task's type, in the order of `METRICS`."""
    return {metric: score(metric, labels, logits) for metric in METRICS[task_type]}


def confidence_interval(metric: str, labels: np.ndarray, logits: np.ndarray, seed: int) -> list[float]:
    """The 95 % percentile bootstrap interval [low, high] of a score, over resampled rows.

    It says how far the score would move with another test set of this size; it does not cover another training seed.
    """
    if len(labels) < 2:
        return [score(metric, labels, logits)] * 2
    interval = stats.bootstrap(
        (np.arange(len(labels)),),
        lambda rows: score(metric, labels[rows], logits[rows]),
        n_resamples=RESAMPLES,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return [float(interval.low), float(interval.high)]
