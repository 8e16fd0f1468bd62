"""What figures say in writing."""

import re

import pytest

from tinybert.report import figures
from tinybert.report.figures import Point


def labels(svg):
    return re.findall(r"<text[^>]*>([^<]+)</text>", str(svg))


@pytest.mark.parametrize("losses", [[0.004, 0.001, 0.0004], [0.5753, 0.5251, 0.4752], [800.0, 30.0, 2.0]])
def test_the_ticks_of_an_axis_are_numbers_of_their_own(losses):
    (written,) = {tuple(labels(figures.lines({"hidden": ([1, 2, 3], losses)}, "hidden states")))}
    steps = [text for text in written if text.isdigit() and int(text) <= 3]
    ticks = [text for text in written if text not in (*steps, "step")]
    assert len(ticks) >= 3
    assert len(set(map(float, ticks))) == len(ticks)
    assert min(map(float, ticks)) > 0


def test_a_model_has_the_same_mark_in_figure_and_table():
    points = [Point(None, 22e6, 0.86, 0.84, 0.88), Point(0, 14e6, 0.85, 0.83, 0.87)]
    written = labels(figures.scatter(points, "parameters", "accuracy", lambda value: f"{value:g}"))
    assert {"T", "1", "parameters", "accuracy"} <= set(written)
