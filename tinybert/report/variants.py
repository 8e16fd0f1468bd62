"""Students as rows of a table: one for each `variant`, seeds taken together, beside the paper's numbers."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations
from typing import NamedTuple

from tinybert.evaluate.schema import Measured, Result
from tinybert.report.published import TABLES, TEACHER, Column, Published, Size

LEVEL = 0.05
"""Of significance, below which two variants count as told apart."""


def tenths(points: float) -> str:
    """One digit after the point, halves up: the mean of the paper's 80.6, 81.3, 84.6 and 38.5 is 71.3 there.

    What a sum of such numbers is off by in binary (71.24999999999999) is far below the digits that are looked at.
    """
    return str(Decimal(f"{points:.6f}").quantize(Decimal("0.1"), ROUND_HALF_UP))


class Cell(NamedTuple):
    """In points: the mean over seeds, how far they spread (the sample's standard deviation), how many seeds they are
    (0 for a mean of other cells), and the paper's number."""

    mean: float | None
    spread: float | None
    seeds: int
    published: float | None

    def __str__(self) -> str:
        """`82.1 ± 0.4 (82.8)`: the paper's number in brackets."""
        if self.mean is None:
            return "" if self.published is None else f"({tenths(self.published)})"
        text = tenths(self.mean) + (f" ± {tenths(self.spread)}" if self.spread is not None else "")
        return text if self.published is None else f"{text} ({tenths(self.published)})"


class Row(NamedTuple):
    """A variant: its cells, and its size where the table has sizes, ours and the paper's; ours is None if not run."""

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


def variant_tables(results: Mapping[str, Result], faster: Mapping[str, float] | None = None) -> list[Table]:
    """The tables that these students make: each of the paper's that they have rows and columns of.

    Students of one task and variant are one cell, the mean over their seeds. Where they were trained on none of the
    paper's tasks, its average stands beside our scores, in the table that has most of the variants. Variants and tasks
    that the paper doesn't have are in the first table. Without any variant there is no table.

    Args:
        faster: how many times as fast as its teacher each student is, as far as that is known.
    """
    groups: dict[str, dict[str, list[Result]]] = {}
    ratios: dict[str, list[float]] = {}
    for student, result in results.items():
        if result.variant is not None:
            groups.setdefault(result.variant, {}).setdefault(result.task, []).append(result)
            ratios.setdefault(result.variant, []).extend([faster[student]] if faster else [])
    speedups = {name: statistics.fmean(each) for name, each in ratios.items() if each}
    if not groups:
        return []
    tasks = {task: found[0] for of_variant in groups.values() for task, found in of_variant.items()}
    shown = _choose(groups, tasks)
    known = {name for table in shown for name in table.rows}
    covered = {column.task for table in shown for column in table.columns if _is_measured(column, tasks)}
    tables = []
    for table in shown:
        first = table is shown[0]
        own = [
            Column(f"{task} {result.metric}", task, result.metric)
            for task, result in tasks.items()
            if first and task not in covered
        ]
        names = [name for name in groups if name in table.rows or (first and name not in known)]
        tables.append(_table(table, own, {name: groups[name] for name in names}, tasks, speedups))
    return tables


def _choose(groups: Mapping[str, object], tasks: Mapping[str, Result]) -> list[Published]:
    def rows(table: Published) -> int:
        return sum(name in table.rows for name in groups)

    measured = [table for table in TABLES if any(_is_measured(column, tasks) for column in table.columns)]
    repeated = [table for table in measured if rows(table) > 1]
    closest = max(measured or TABLES, key=rows)
    return repeated or [closest if rows(closest) else Published("Variants", "", (), {}, {})]


def _is_measured(column: Column, tasks: Mapping[str, Result]) -> bool:
    return column.task in tasks and column.metric in tasks[column.task].student.metrics


def _table(
    table: Published,
    own: Sequence[Column],
    groups: Mapping[str, Mapping[str, Sequence[Result]]],
    tasks: Mapping[str, Result],
    speedups: Mapping[str, float],
) -> Table:
    columns = table.columns if any(_is_measured(column, tasks) for column in table.columns) else ()
    cited = [name for name in table.cited if columns and name not in groups]
    rows = []
    for name in ((TEACHER,) if TEACHER in table.rows or own else ()) + (*groups, *cited):
        models: dict[str, list[Measured]] = (
            {task: [result.teacher] for task, result in tasks.items()}
            if name == TEACHER
            else {task: [result.student for result in found] for task, found in groups.get(name, {}).items()}
        )
        published = table.rows.get(name, (None,) * len(table.columns))
        cells = [_cell(models, column, None) for column in own]
        cells += [_cell(models, column, number) for column, number in zip(columns, published, strict=bool(columns))]
        if table.averaged:
            ours = _mean(cell.mean for cell in cells[len(own) :]) if columns else None
            cells.append(Cell(ours, None, 0, _mean(published)))
        size = _size(name, groups, tasks, speedups.get(name)) if table.sizes and name not in cited else None
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
        seeds=max(len(found) for of_variant in groups.values() for found in of_variant.values()),
        with_sizes=bool(table.sizes),
        note=note,
        remark=_order(rows, own) if table.averaged and not columns else "",
    )


def _cell(models: Mapping[str, Sequence[Measured]], column: Column, published: float | None) -> Cell:
    scores = [
        100 * model.metrics[column.metric] for model in models.get(column.task, ()) if column.metric in model.metrics
    ]
    spread = statistics.stdev(scores) if len(scores) > 1 else None
    return Cell(statistics.fmean(scores) if scores else None, spread, len(scores), published)


def _mean(numbers: Iterable[float | None]) -> float | None:
    """None unless every number is there."""
    wanted = list(numbers)
    known = [number for number in wanted if number is not None]
    return statistics.fmean(known) if known and len(known) == len(wanted) else None


def _size(
    name: str, groups: Mapping[str, Mapping[str, Sequence[Result]]], tasks: Mapping[str, Result], speedup: float | None
) -> Size:
    if name == TEACHER:
        teacher = next(iter(tasks.values())).teacher
        return Size(teacher.parameters, teacher.flops, 1.0)
    student = next(iter(groups[name].values()))[0].student
    return Size(student.parameters, student.flops, speedup)


def _order(rows: Sequence[Row], own: Sequence[Column]) -> str:
    """How many pairs of variants our first column orders as the paper's average does, as far as seeds can tell."""
    from scipy.stats import ttest_ind_from_stats

    both = []
    for row in rows if own else ():
        ours, published = row.cells[0], row.cells[-1].published
        if ours.mean is not None and ours.spread is not None and published is not None:
            both.append(((ours.mean, ours.spread, ours.seeds), published))
    signs = [
        (a[0] - b[0]) * (of_a - of_b) if ttest_ind_from_stats(*a, *b, equal_var=False).pvalue < LEVEL else 0.0
        for (a, of_a), (b, of_b) in combinations(both, 2)
    ]
    if len(signs) < 3:
        return ""
    same, opposite = sum(sign > 0 for sign in signs), sum(sign < 0 for sign in signs)
    return (
        f"Pairs of variants: {same} in the paper's order, {opposite} in the opposite one, "
        f"{len(signs) - same - opposite} not told apart by Welch's t-test at {100 * LEVEL:.0f} %, each pair by itself: "
        f"by chance alone it would tell {LEVEL * len(signs):.0f} of {len(signs)} apart."
    )
