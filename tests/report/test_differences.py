"""What counts as a sample, and that an interval covers rows and seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.report.test_variants import results
from tinybert.report.differences import DRAWS, Trained, difference, draw_scores


def made(generals, values, noise=0.0):
    """Students `<side><number>` with these general students and scores, each moving alike on resampled rows."""
    rows = noise * np.random.default_rng(1).normal(size=1 + DRAWS)
    rows[0] = 0
    scores = {name: value + rows for name, value in values.items()}
    return scores, {name: Trained(general, pd.DataFrame()) for name, general in zip(values, generals, strict=True)}


def compare(generals, ours, others, **more):
    values = {f"a{index}": value for index, value in enumerate(ours)}
    values |= {f"b{index}": value for index, value in enumerate(others)}
    names = list(values)
    return difference(names[: len(ours)], names[len(ours) :], *made(generals, values, **more))


def test_students_of_one_general_student_are_a_sample():
    """t of 4 degrees of freedom, 2.78, times the standard error of two means of three, 1·√(2/3)."""
    found = compare("gggggg", [79, 80, 81], [69, 70, 71])
    assert found.points == pytest.approx(10)
    assert found.points - found.low == pytest.approx(2.78 * np.sqrt(2 / 3), rel=0.1)


def test_where_general_distillation_differs_its_students_are():
    assert compare("ggghhh", [79, 80, 81], [69, 70, 71]) is None
    found = compare("gghhijklmnop", [80, 90, 81, 91, 82, 92], [70, 71, 72, 73, 74, 75])
    assert found.points == pytest.approx((85 + 86 + 82 + 92) / 4 - 72.5)


def test_what_both_start_from_is_drawn_in_pairs():
    """What the general students are worth, tens of points, is no uncertainty of the difference."""
    found = compare("ghighi", [60, 70, 80], [59, 68.9, 79.1])
    assert (found.low, found.high) == pytest.approx((0.75, 1.25), abs=0.1)


def test_rows_are_resampled_for_all_alike():
    """A score that falls on hard rows for both sides tells nothing of their difference."""
    found = compare("gggg", [80, 80], [70, 70], noise=5.0)
    assert (found.low, found.high) == pytest.approx((10, 10))


@pytest.mark.parametrize(("task", "labels", "said"), [
    ({"accuracy": 0.5}, [0, 1, 0, 1], [0, 1, 1, 0]),
    ({"f1": 0.5}, [0, 1, 0, 1], [0, 1, 1, 0]),
    ({"f1_micro": 0.5}, [[0, 1], [1, 0]], [[0, 1], [0, 1]]),
    ({"pearson": 1.0}, [0.0, 1.0, 2.0], [1.0, 2.0, 3.0]),
    ({"span_f1": 0.5}, [["rain"], ["sun"]], ["rain", "snow"]),
])  # fmt: skip
def test_scores_of_all_rows_are_the_metrics(task, labels, said):
    (result,) = results(("full", "movies", task)).values()
    if "accuracy" not in task and "f1" not in task:
        result = result.model_copy(update={"names": None})
    table = pd.DataFrame({"label": labels, "student": said})
    (drawn,) = draw_scores({"a": result}, {"a": Trained("g", table)}).values()
    assert drawn.shape == (1 + DRAWS,)
    assert drawn[0] == pytest.approx(100 * next(iter(task.values())))
