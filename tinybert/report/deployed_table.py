"""The report's first table: what could be deployed for a task, as rows for the page, for README and for a picture."""

from __future__ import annotations

from collections.abc import ItemsView, Mapping
from typing import NamedTuple

from tinybert.evaluate.schema import BASE, Result, Speed
from tinybert.report.deployables import ALTERNATIVES, FORMS, Deployable, deployables, deployed_form
from tinybert.report.rendering import points, ratio, span

BRIEF = (FORMS["torch"], FORMS["int8"])
BADGES = {"tfidf": ("F", 7), "static": ("S", 8)}


class Row(NamedTuple):
    """A model, the mark that it has in table and figure, and the number of that mark's colour (0: the teacher's)."""

    model: Deployable
    badge: str
    colour: int


def deployed_rows(results: Mapping[str, Result], speeds: Mapping[str, Speed], whole: str) -> list[Row]:
    """Of the students of one task: the teacher and one student in all their forms, of other students what is served,
    the alternatives, and the shape of BERT-base.

    Args:
        results: by student; so are `speeds`, in which some may be missing.
        whole: the student of which all forms are shown.
    """
    rows = [Row(model, "T", 0) for key, model in _models(whole, results, speeds) if key.startswith("teacher/")]
    for number, (name, result) in enumerate(results.items(), start=1):
        served = deployed_form(result, "student")
        own = [model for key, model in _models(name, results, speeds) if key.startswith("student/")]
        rows += [Row(model, str(number), number) for model in own if name == whole or model.key == served]
    rows += [Row(model, *BADGES[key]) for key, model in _models(whole, results, speeds) if key in ALTERNATIVES]
    if whole in speeds:
        rows.append(Row(Deployable(BASE, "BERT-base's shape", FORMS["torch"], None, speeds[whole].models[BASE]), "", 0))
    return rows


def _models(name: str, results: Mapping[str, Result], speeds: Mapping[str, Speed]) -> ItemsView[str, Deployable]:
    return deployables(name, results[name], speeds.get(name)).items()


def markdown_table(results: Mapping[str, Result], speeds: Mapping[str, Speed], brief: bool = False) -> str:
    """The rows of all tasks; `brief`: of teachers and students alone, in PyTorch and in int8."""
    lines = [
        "| model | score (95 %) | texts a second and core | one text, ms (p99) | MB | core-hours, 1 M texts |",
        "|---|---|---|---|---|---|",
    ]
    tasks: dict[str, dict[str, Result]] = {}
    for name, result in results.items():
        tasks.setdefault(result.task, {})[name] = result
    for task, of_task in tasks.items():
        for model, *_ in deployed_rows(of_task, speeds, next(iter(of_task))):
            if brief and (model.form not in BRIEF or model.key == BASE):
                continue
            name = f"teacher of `{task}`" if model.key.startswith("teacher/") else model.model
            lines.append(_line(model, f"`{name}`" if name in of_task else name))
    return "\n".join(lines)


def _line(model: Deployable, name: str) -> str:
    scored, time = model.scored, model.times.batch1 if model.times else None
    cells = [
        f"{name} {model.form}".strip(),
        points(scored.score) + _bracketed(span(scored.ci95) if scored.ci95 else "") if scored else "–",
        f"{model.rate:,.0f}" if model.rate else "–",
        _ms(time.p50_ms or time.ms) + _bracketed(_ms(time.p99_ms) if time.p99_ms else "") if time else "–",
        f"{scored.bytes / 1e6:.1f}" if scored else "–",
        ratio(model.core_hours) if model.core_hours else "–",
    ]
    return f"| {' | '.join(cells)} |"


def _ms(time: float) -> str:
    return f"{time:.1f}" if time >= 1 else f"{time:.2f}"


def _bracketed(text: str) -> str:
    return f" ({text})" if text else ""
