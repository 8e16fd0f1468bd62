"""The soak's short form: each stage that keeps its progress is killed, and ends in the same bytes."""

from __future__ import annotations

import random

import pytest

from tests.soak.project import KEEPING, prepare
from tests.soak.rounds import Soak

pytestmark = pytest.mark.slow

WAYS = ["kill -9 of both, in the stage's work", "kill -9 in a checkpoint's write"]
"""Signals that ask to stop are sent at chosen steps, in tests/train/loop/test_checkpoints.py."""


def test_every_stage_that_is_killed_ends_in_the_same_bytes(tmp_path):
    soak, draw = Soak(prepare(tmp_path / "soak")), random.Random(0)
    for number, target in enumerate(KEEPING):
        soak.round(target, WAYS[number % len(WAYS)], draw, times=1)
    assert not soak.wrong
    assert sum(count["resumed"] for count in soak.counts.values()) >= len(KEEPING) / 2
