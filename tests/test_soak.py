"""The soak's short form: each stage that keeps its progress is killed, and ends in the same bytes."""

from __future__ import annotations

import random

import pytest

from tests.soak import ATTACKS, TARGETS, prepare

pytestmark = pytest.mark.slow


def test_every_stage_that_is_killed_ends_in_the_same_bytes(tmp_path):
    soak, draw = prepare(tmp_path / "soak"), random.Random(0)
    ways = ["kill -9 of all", "kill -9 in a checkpoint's write", "SIGTERM to the stage", "kill -9 in the last write"]
    assert set(ways) <= set(ATTACKS)
    for number, target in enumerate(TARGETS):
        soak.attack(target, ways[number % len(ways)], draw, times=1)
    assert not soak.wrong
    assert sum(count["resumed"] for count in soak.counts.values()) >= len(TARGETS) / 2
