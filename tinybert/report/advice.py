"""Which model to take: the student, unless the test rows say that it is not worth its distilling."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from tinybert.evaluate.schema import Gain, Result, Speed
from tinybert.report.deployables import ALTERNATIVES, Deployable, deployables, deployed_form
from tinybert.report.differences import measure
from tinybert.report.rendering import points, ratio, span

TOLERANCE = 0.01
"""Of the metric: what a faster model may score less and still be as good."""
DRAWS = 2000
DECIMALS = 6
LEVEL = 0.95


class Choice(NamedTuple):
    """What to take, the model that it was weighed against last, and how much more it scores than that one."""

    taken: Deployable
    against: Deployable
    gain: Gain


def compare(result: Result, answers: pd.DataFrame) -> dict[str, dict[str, Gain]]:
    """How the models that could be deployed score beside each other: `paired` of metrics.json.

    A bootstrap over rows: each draw has the same rows for all models, since what is hard is hard for each of them. The
    intervals are Bonferroni's, 1 − 0.05 / comparisons each: all of them hold together with 95 %, and the choice,
    which looks at all of them, is misled by chance in one run of twenty at most. A bootstrap has no rows that the test
    split lacks: of models that differ on none the interval would have no width. So it reaches at least as far as the
    share of such rows that n rows can lack by chance, 1 − tail^(1/n).

    Args:
        answers: `label`, and the answers of the models by their names in speed.json (see `plain_answers`).

    Returns:
        by the one that is compared with, then by model: of teacher and alternatives beside the student, of alternatives
        beside the teacher.
    """
    student, teacher = deployed_form(result, "student"), deployed_form(result, "teacher")
    others = [name for name in ALTERNATIVES if name in answers]
    pairs = [(student, teacher), *((reference, name) for reference in (student, teacher) for name in others)]
    classes = len(result.names or ())
    scores = {
        name: measure(result.metric, classes, answers["label"], answers[name]) for name in (student, teacher, *others)
    }
    drawn = _draw(scores, len(answers))
    found: dict[str, dict[str, Gain]] = {}
    tail = (1 - LEVEL) / len(pairs) / 2
    unseen = 1 - tail ** (1 / len(answers))
    for reference, name in pairs:
        whole, *draws = drawn[name] - drawn[reference]
        low, high = np.quantile(draws, [tail, 1 - tail])
        ends = min(low, whole - unseen), max(high, whole + unseen)
        gain = Gain(score=round(float(whole), DECIMALS), interval=[round(float(end), DECIMALS) for end in ends])
        found.setdefault(reference, {})[name] = gain
    return found


def choose(name: str, result: Result, speed: Speed) -> Choice | None:
    """What to take; None where models were not compared, as before there were exported ones.

    One rule for every run, in three steps, of which the last two need evidence:

    1. The student as it is deployed (see `deployed_form`) is what the run was for, and stays unless
    2. the teacher as it is deployed scores more than `TOLERANCE` above it with its whole interval: the student lost
       what nobody wants to lose; or the teacher is no slower, and with its whole interval at most `TOLERANCE` below.
       Then the teacher is taken.
    3. An alternative is taken where it is faster than what stands after the second step, and with its whole interval
       at most `TOLERANCE` below it; of several the fastest.

    So too few test rows leave the student in its place, and never say that something else is as good. All scores are
    shown whatever is chosen: nothing is selected by it, and its own score is that of the table.

    Args:
        name: the student's.
    """
    if result.paired is None:
        return None
    models = deployables(name, result, speed)
    student, teacher = (models[deployed_form(result, who)] for who in ("student", "teacher"))
    gain = result.paired[student.key][teacher.key]
    if gain.interval[0] > TOLERANCE or (teacher.pace >= student.pace and gain.interval[0] > -TOLERANCE):
        choice = Choice(teacher, student, gain)
    else:
        low, high = gain.interval
        choice = Choice(student, teacher, Gain(score=-gain.score, interval=[-high, -low]))
    gains = result.paired.get(choice.taken.key, {})
    enough = [
        models[key]
        for key in ALTERNATIVES
        if key in gains and gains[key].interval[0] > -TOLERANCE and models[key].pace > choice.taken.pace
    ]
    if enough:
        best = max(enough, key=lambda model: model.pace)
        return Choice(best, choice.taken, gains[best.key])
    return choice


def advice(result: Result, choice: Choice) -> str:
    """The choice in words, without a full stop, with what it was weighed against."""
    taken, scored = choice.taken, choice.taken.scored
    assert scored is not None
    opening = f"{taken.name} is enough" if taken.key in ALTERNATIVES else f"take {taken.name}"
    faster = ratio(taken.pace / choice.against.pace)
    score = f"{result.title} {points(scored.score)}"
    return f"{opening[0].upper()}{opening[1:]}: {score}, {weighed(choice)}, {faster} times as fast"


def weighed(choice: Choice) -> str:
    """How the choice scores beside what it was weighed against: `0.8 points (0.1 – 1.5) below the teacher in int8`."""
    gain = choice.gain
    ends = sorted(-end for end in gain.interval) if gain.score < 0 else gain.interval
    side = "below" if gain.score < 0 else "above"
    return f"{points(abs(gain.score))} points ({span(ends)}) {side} {choice.against.name}"


def _draw(scores: dict[str, Callable[[np.ndarray], float]], rows: int) -> dict[str, np.ndarray]:
    """Scores (1 + DRAWS,): on all rows, then on resampled ones, the same for all models."""
    random, drawn = np.random.default_rng(0), {name: [score(np.arange(rows))] for name, score in scores.items()}
    for _ in range(DRAWS):
        places = random.integers(0, rows, rows)
        for name, score in scores.items():
            drawn[name].append(score(places))
    return {name: np.array(each) for name, each in drawn.items()}
