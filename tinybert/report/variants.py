"""Students as rows of a table: one for each `variant`, seeds taken together, beside the paper's numbers."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tinybert.evaluate.schema import Measured, Result
from tinybert.report.differences import Trained, difference, draw_scores
from tinybert.report.published import TABLES, TEACHER, WHOLE, Column, Published, Size
from tinybert.report.rendering import tenths

Group = Mapping[str, Mapping[str, Result]]
"""A variant's students: by task, then by name."""
VERDICTS = ("confirmed", "opposite to the paper", "not told apart", "trained once")


class Cell(NamedTuple):
    """In points: the mean over seeds, how far they spread (the sample's standard deviation), how many seeds they are
    (0 for a mean of other cells), and the paper's number."""

    mean: float | None
    spread: float | None
    seeds: int
    published: float | None

    def __str__(self) -> str:
        """`82.1 ± 0.4 (82.8)`: the paper's number in brackets."""
        ours = "" if self.mean is None else tenths(self.mean)
        spread = "" if self.spread is None else f"± {tenths(self.spread)}"
        paper = "" if self.published is None else f"({tenths(self.published)})"
        return " ".join(filter(None, (ours, spread, paper)))


class Row(NamedTuple):
    """A variant: its cells, and its size where the table has sizes, ours (None if not run) and the paper's."""

    name: str
    cells: list[Cell]
    size: Size | None = None
    published_size: Size | None = None


class Table(NamedTuple):
    """Rows in the order of the students, then the paper's that are not run; `seeds` is the most in a cell's mean.

    `note` says what keeps the paper's numbers from being compared with ours, `remark` what comes of comparing them.
    """

    title: str
    columns: list[str]
    rows: list[Row]
    seeds: int
    with_sizes: bool
    note: str
    remark: str


def variant_tables(
    results: Mapping[str, Result],
    faster: Mapping[str, float] | None = None,
    trained: Mapping[str, Trained] | None = None,
) -> list[Table]:
    """The tables that these students make: each of the paper's that they have rows and columns of.

    Students of one task and variant are one cell, the mean over their seeds. Where they were trained on none of the
    paper's tasks, its average stands beside our scores, in the table that has most of the variants. Variants and tasks
    that the paper doesn't have are in the first table. Without any variant there is no table.

    Args:
        faster: how many times as fast as its teacher each student is, as far as that is known.
        trained: what the students are samples of; without it nothing is said of how sure differences are.
    """
    groups: dict[str, dict[str, dict[str, Result]]] = {}
    for student, result in results.items():
        if result.variant is not None:
            groups.setdefault(result.variant, {}).setdefault(result.task, {})[student] = result
    if not groups:
        return []
    tasks = {task: next(iter(found.values())) for group in groups.values() for task, found in group.items()}
    shown = _choose(groups, tasks)
    known = {name for table in shown for name in table.rows}
    covered = {column.task for table in shown for column in _measured(table, tasks)}
    own = [Column(f"{task} {tasks[task].metric}", task, tasks[task].metric) for task in tasks if task not in covered]
    tables = []
    for table in shown:
        first = table is shown[0]
        rows = {name: group for name, group in groups.items() if name in table.rows or (first and name not in known)}
        tables.append(_table(table, own if first else [], rows, tasks, faster or {}, trained or {}))
    return tables


def _choose(groups: Mapping[str, Group], tasks: Mapping[str, Result]) -> list[Published]:
    def rows(table: Published) -> int:
        return sum(name in table.rows for name in groups)

    measured = [table for table in TABLES if _measured(table, tasks)]
    closest = max(measured or TABLES, key=rows)
    repeated = [table for table in measured if rows(table) > 1]
    return repeated or [closest if rows(closest) else Published("Variants", "", (), {}, {})]


def _measured(table: Published, tasks: Mapping[str, Result]) -> list[Column]:
    return [each for each in table.columns if each.task in tasks and each.metric in tasks[each.task].student.metrics]


def _table(
    table: Published,
    own: Sequence[Column],
    groups: Mapping[str, Group],
    tasks: Mapping[str, Result],
    faster: Mapping[str, float],
    trained: Mapping[str, Trained],
) -> Table:
    columns = table.columns if _measured(table, tasks) else ()
    cited = [name for name in table.cited if columns and name not in groups]
    rows = []
    for name in ((TEACHER,) if TEACHER in table.rows or own else ()) + (*groups, *cited):
        group = groups.get(name, {})
        models = {task: [result.student for result in found.values()] for task, found in group.items()}
        if name == TEACHER:
            models = {task: [result.teacher] for task, result in tasks.items()}
        published = table.rows.get(name, (None,) * len(table.columns))
        cells = [_cell(models, column, None) for column in own]
        cells += [_cell(models, column, number) for column, number in zip(columns, published, strict=bool(columns))]
        if table.averaged:
            ours = _mean(cell.mean for cell in cells[len(own) :]) if columns else None
            cells.append(Cell(ours, None, 0, _mean(published)))
        size = None
        if table.sizes and models:
            model = next(iter(models.values()))[0]
            speed = _mean(faster.get(student) for found in group.values() for student in found)
            size = Size(model.parameters, model.flops, 1.0 if name == TEACHER else speed)
        row_title = f"{name} (not run)" if name in cited else name
        rows.append(Row(row_title, cells, size, table.sizes.get(name) if columns else None))
    title, note = table.title, table.note
    if columns:
        title = f"{table.title}; {table.source}"
    elif table.averaged:
        title = f"Variants, beside the average of {table.source}"
        note = f"The paper's average is over {', '.join(column.title for column in table.columns)}."
    titles = [column.title for column in (*own, *columns)]
    return Table(
        title,
        titles + (["average" if columns else "the paper's average"] if table.averaged else []),
        rows,
        seeds=max(len(found) for group in groups.values() for found in group.values()),
        with_sizes=bool(table.sizes),
        note=note,
        remark=_findings(table, own[0].task, groups, trained) if own and trained and not columns else "",
    )


def _cell(models: Mapping[str, Sequence[Measured]], column: Column, published: float | None) -> Cell:
    found = (model.metrics.get(column.metric) for model in models.get(column.task, ()))
    scores = [100 * score for score in found if score is not None]
    return Cell(_mean(scores), statistics.stdev(scores) if len(scores) > 1 else None, len(scores), published)


def _mean(numbers: Iterable[Any]) -> float | None:
    """None unless every number is there."""
    known = list(numbers)
    return statistics.fmean(known) if known and None not in known else None


def _findings(table: Published, task: str, groups: Mapping[str, Group], trained: Mapping[str, Trained]) -> str:
    """Which of the paper's differences from the whole method are confirmed on this task, and which are not."""
    students = {name: list(group[task]) for name, group in groups.items() if name in table.rows and task in group}
    if WHOLE not in students:
        return ""
    results = {name: groups[variant][task][name] for variant, names in students.items() for name in names}
    scores = draw_scores(results, trained)
    found: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
    for variant in students.keys() - {WHOLE}:
        far = difference(students[variant], students[WHOLE], scores, trained)
        if far is None:
            found["trained once"].append(variant)
            continue
        less = (_mean(table.rows[variant]) or 0) < (_mean(table.rows[WHOLE]) or 0)
        verdict = "not told apart"
        if far.low > 0 or far.high < 0:
            verdict = "confirmed" if less == (far.points < 0) else "opposite to the paper"
        found[verdict].append(f"{variant} {far.points:+.1f} ({far.low:+.1f} to {far.high:+.1f})")
    text = "; ".join(f"{verdict}: {', '.join(sorted(names))}" for verdict, names in found.items() if names)
    return f"Points from “{WHOLE}”, with 95 % intervals over test rows and seeds together: {text}."
