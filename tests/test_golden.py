"""A run of the smoke preset has the losses and scores that stand in git: written by `python -m tests.golden .smoke`."""

import json

import pytest

from tests.golden import FILE, golden

ROUNDING = 1e-3
"""Relative: of the last of four digits, and of another processor's order of sums."""
ROWS = 48
"""Of the smoke preset's test split; rounding may turn one."""


@pytest.mark.slow
def test_losses_and_scores_are_those_in_git(reproduced):
    expected, found = json.loads(FILE.read_text()), golden(reproduced)
    assert found.keys() == expected.keys()
    for name, columns in expected.items():
        tolerance = {"rel": ROUNDING} if name.endswith("losses.csv") else {"abs": 3 / ROWS}
        assert found[name].keys() == columns.keys(), name
        for column, values in columns.items():
            assert found[name][column] == pytest.approx(values, **tolerance), f"{name}: {column}"
