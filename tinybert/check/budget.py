"""How long an experiment is to train, and on how many copies: by its rows, or by the minutes that there are."""

from __future__ import annotations

from collections.abc import Mapping

import psutil

from tinybert.check.draft import Draft
from tinybert.check.estimate import Pace, Size, estimate, measure, padded_length
from tinybert.check.own_teacher import smaller
from tinybert.check.recipe import EFFORTS, Recipe, recipe
from tinybert.params.general import General
from tinybert.running.parallel import count_cores

RULE = "phases see about as many texts as the default's"
FEWER = 2
"""Layers of a student where the minutes are too few for TinyBERT's four."""


def fit(draft: Draft, minutes: float | None) -> list[str]:
    """Set epochs, copies and, where time is very short, the student's layers; the estimate in lines.

    The experiment takes the most effort that `minutes` allow, or that of the default.
    """
    rows = draft.summary["rows"]
    size = Size(
        rows["train"], rows["validation"] + rows["test"], draft.words, padded_length(draft.lengths), draft.max_length
    )
    pace = _measure(draft, size)
    effort = 1.0 if minutes is None else _largest(draft, pace, size, minutes)
    if effort is None:
        draft.own_general = True
        draft.general = draft.general | {"architecture": smaller(draft.general_teacher, FEWER)}
        draft.general_key = draft.student["general"] = f"{draft.key}-general"
        draft.why[f"{draft.general_key}.architecture"] = f"{FEWER} layers, {_rule(minutes)}; or tinybert4"
        pace = _measure(draft, size)
        effort = _largest(draft, pace, size, minutes or 0) or EFFORTS[0]
    plan = _plan(draft, size, effort)
    _settle(draft, plan, minutes)
    costs = _costs(draft, pace, size, plan)
    total = sum(costs.values())
    lines = [f"{name} {_minutes(seconds)}" for name, seconds in costs.items()]
    lines = [
        f"estimated from steps measured on this machine: {_minutes(total)}, {pace.bytes / 2**30:.1f} GiB",
        f"of it {', '.join(lines)}",
    ]
    if (load := psutil.getloadavg()[0]) > count_cores():
        lines.append(f"other programs kept this machine busy meanwhile (load {load:.1f}): alone, a run takes less")
    if minutes is not None and total > 60 * minutes:
        lines.append(f"{minutes:g} minutes are too few for {size.train:,} rows; fewer rows would take less")
    return lines


def _measure(draft: Draft, size: Size) -> Pace:
    return measure(General.model_validate(draft.general), draft.general_teacher, draft.teacher, size, draft.run)


def _largest(draft: Draft, pace: Pace, size: Size, minutes: float) -> float | None:
    """The most effort that fits."""

    def fits(effort: float) -> bool:
        return sum(_costs(draft, pace, size, _plan(draft, size, effort)).values()) <= 60 * minutes

    return max(filter(fits, EFFORTS), default=None)


def _plan(draft: Draft, size: Size, effort: float) -> Recipe:
    """The recipe for the rows; no copies of texts that English models can't vary, no training of a trained teacher."""
    return recipe(size.train, effort, copied=draft.english, tuned=draft.task["teacher"]["epochs"] == 0)


def _costs(draft: Draft, pace: Pace, size: Size, plan: Recipe) -> Mapping[str, float]:
    steps = draft.task["mlm"]["steps"] if plan.copies else 1
    return estimate(pace, size, plan, draft.general["train"]["epochs"], steps)


def _settle(draft: Draft, plan: Recipe, minutes: float | None) -> None:
    """Write the plan into the entries."""
    rule = _rule(minutes)
    task, student, key = draft.task, draft.student, draft.key
    task["augment"]["copies"] = plan.copies
    draft.why.setdefault(f"{key}.augment", f"copies: {rule}")
    if plan.teacher:
        task["teacher"] |= {"epochs": plan.teacher, "batch_size": plan.batch_size}
        draft.why.setdefault(f"{key}.teacher", f"epochs: {rule}")
    if not plan.copies:
        task["mlm"]["steps"] = 1
        draft.why[f"{key}.mlm"] = "not used without copies"
    for phase, epochs in (("intermediate", plan.intermediate), ("prediction", plan.prediction)):
        student[phase]["epochs"] = epochs
        draft.why[f"{key}-tinybert4.{phase}.epochs"] = rule


def _rule(minutes: float | None) -> str:
    return RULE if minutes is None else f"by --minutes {minutes:g}"


def _minutes(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
