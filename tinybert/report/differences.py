"""How far one variant lies from another, and how sure that is: test rows and seeds are resampled together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from tinybert.evaluate.schema import Result
from tinybert.metrics.scores import score_of_rows
from tinybert.params.tasks import METRICS

DRAWS = 500
"""Of rows and seeds; from one run of them to another the standard error that they give varies by 3 %."""


class Trained(NamedTuple):
    """A student as one of a sample: the general student it starts from, and its answers on the test split."""

    general: str
    answers: pd.DataFrame


class Difference(NamedTuple):
    """In points, with the ends of its 95 % interval."""

    points: float
    low: float
    high: float


def draw_scores(students: Mapping[str, Result], trained: Mapping[str, Trained]) -> dict[str, np.ndarray]:
    """Scores of students of one task in points (1 + DRAWS,): on all test rows, then on resampled ones.

    A draw has the same rows for all students, since what is hard is hard for each of them.
    """
    rows = np.arange(len(trained[next(iter(students))].answers))
    draws = [rows, *np.random.default_rng(0).choice(rows, (DRAWS, len(rows)))]
    tables = {name: trained[name].answers for name in students}
    measures = {
        name: measure(result.metric, len(result.names or ()), tables[name]["label"], tables[name]["student"])
        for name, result in students.items()
    }
    return {name: 100 * np.array([score(drawn) for drawn in draws]) for name, score in measures.items()}


def difference(
    ours: Sequence[str], others: Sequence[str], scores: Mapping[str, np.ndarray], trained: Mapping[str, Trained]
) -> Difference | None:
    """The mean score of some students minus that of others; None where one side is a sample of one.

    What is drawn is what was trained anew: the students, where all of them start from one general student, otherwise
    the general students, in pairs where both sides have the same. A sample spreads less than what it was taken from,
    so its deviations are widened by √(n / (n − 1)), and the interval is Student's, with Welch's degrees of freedom. It
    errs on the side of caution: what rows and seeds do only together is counted with each of the two.
    """
    from scipy.stats import t

    generals = [{trained[name].general for name in side} for side in (ours, others)]
    one, paired = len(generals[0] | generals[1]) == 1, generals[0] == generals[1]
    samples = []
    for side in (ours, others):
        units: dict[str, list[np.ndarray]] = {}
        for name in sorted(side, key=lambda name: trained[name].general):
            units.setdefault(name if one else trained[name].general, []).append(scores[name])
        samples.append(np.stack([np.mean(of_unit, axis=0) for of_unit in units.values()]))  # (units, 1 + DRAWS)
    if min(map(len, samples)) < 2:
        return None
    if paired and not one:
        samples = [samples[0] - samples[1]]
    random, whole, mean = np.random.default_rng(0), np.zeros(1 + DRAWS), np.zeros(1 + DRAWS)
    for sign, sample in zip((1, -1), samples, strict=False):
        count, middle = len(sample), sample.mean(axis=0)
        drawn = np.take_along_axis(sample, random.integers(0, count, sample.shape), axis=0).mean(axis=0)
        mean += sign * middle
        whole += sign * (middle + np.sqrt(count / (count - 1)) * (drawn - middle))
    variance = whole[1:].var() + 1e-18
    of_seeds = max(variance - mean[1:].var(), 1e-9 * variance)
    freedom = sum(len(sample) - 1 for sample in samples) * (variance / of_seeds) ** 2
    reach = t.ppf(0.975, freedom) * np.sqrt(variance)
    return Difference(mean[0], mean[0] - reach, mean[0] + reach)


def measure(metric: str, classes: int, labels: pd.Series, said: pd.Series) -> Callable[[np.ndarray], float]:
    """A model's score on some of the rows, by their places.

    Args:
        classes: how many there are; 0 where the task has none.
        labels, said: as `tinybert.evaluate.predictions.answers` has them.
    """
    if metric in METRICS["span"]:
        return score_of_rows(metric, labels.to_numpy(), said.to_numpy())
    if metric in METRICS["classification"]:
        logits = np.eye(classes)[said]
    else:
        logits = np.stack(said.to_list()) - 0.5 if metric in METRICS["multilabel"] else said.to_numpy()[:, None]
    return score_of_rows(metric, np.stack(labels.to_list()), logits)
