"""What figures say in writing."""

import re

import pandas as pd
import pytest

from tests.evaluate.made_up import make_result
from tinybert.evaluate.schema import Result
from tinybert.report import figures


def labels(svg):
    return re.findall(r"<text[^>]*>([^<]+)</text>", str(svg))


@pytest.mark.parametrize("losses", [[0.004, 0.001, 0.0004], [0.5753, 0.5251, 0.4752], [800.0, 30.0, 2.0]])
def test_the_ticks_of_an_axis_are_numbers_of_their_own(losses):
    written = labels(figures.lines({"hidden": pd.Series(losses, index=[1, 2, 3])}, "hidden states"))
    ticks = [float(text) for text in written if text not in ("1", "2", "3", "step")]
    assert len(set(ticks)) == len(ticks) >= 3
    assert min(ticks) > 0


def test_a_model_has_the_same_mark_in_figure_and_table():
    result = Result.model_validate(make_result(0.85, 14_350_874, ["negative", "positive"]))
    models = [
        figures.Point("T", 0, 22e6, result.teacher, "PyTorch"),
        figures.Point("1", 1, 14e6, result.student.int8, "int8"),
    ]
    written = labels(figures.scatter(models, "parameters", "accuracy", "{:g}".format))
    assert {"T", "1", "PyTorch", "int8", "parameters", "accuracy"} <= set(written)
