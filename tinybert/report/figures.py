"""Figures as SVG to be put into a page: its fonts, its colours in light and dark, the same bytes every time."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from tinybert.report.loss_curves import Line

# matplotlib knows no CSS: these colours stand for the page's own and are replaced in the SVG's text.
INK, MUTED, GRID, PAPER, TEACHER = "#010200", "#010201", "#010202", "#010203", "#010204"
SERIES = [f"#0102{10 + index}" for index in range(8)]
CSS = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    GRID: "var(--line)",
    PAPER: "var(--paper)",
    TEACHER: "var(--teacher)",
} | {colour: f"var(--series-{index})" for index, colour in enumerate(SERIES, start=1)}
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text, to be searched and read aloud
    "svg.hashsalt": "tinybert",
    "text.parse_math": False,
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "lines.linewidth": 1.5,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "legend.labelcolor": INK,
}


class Point(NamedTuple):
    """A model in a scatter plot. `number` is its place among the students, None the teacher's."""

    number: int | None
    x: float
    score: float
    low: float
    high: float


def model_colour(index: int | None) -> str:
    return TEACHER if index is None else SERIES[index % len(SERIES)]


def _badge(axes: Axes, index: int | None, x: float, y: float) -> None:
    """The mark that a model has in the table too: its number in a disc of its colour, T for the teacher."""
    axes.plot([x], [y], "o", markersize=13, color=model_colour(index), markeredgecolor=PAPER, zorder=3)
    text = "T" if index is None else str(index + 1)
    axes.annotate(text, (x, y), ha="center", va="center_baseline", size=8, weight="bold", color=PAPER, zorder=4)


def scatter(
    points: Sequence[Point],
    x_label: str,
    y_label: str,
    unit: Callable[[float], str],
    mark: tuple[str, float] | None = None,
) -> Markup:
    """Scores in percent against a positive number on a logarithmic axis, with the bars of the 95 % intervals.

    Args:
        unit: writes a number of the x axis.
        mark: label and place of a vertical line: a model that has no score.
    """

    def draw(axes: Axes) -> None:
        for point in points:
            colour = model_colour(point.number)
            bars = [[100 * max(0.0, point.score - point.low)], [100 * max(0.0, point.high - point.score)]]
            axes.errorbar([point.x], [100 * point.score], yerr=bars, color=colour, elinewidth=1.4, capsize=3, zorder=2)
            _badge(axes, point.number, point.x, 100 * point.score)
        places = [point.x for point in points]
        if mark is not None:
            places.append(mark[1])
            axes.axvline(mark[1], color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
            axes.annotate(
                mark[0], (mark[1], 0.02), xycoords=("data", "axes fraction"), rotation=90, ha="right", va="bottom",
                xytext=(-3, 0), textcoords="offset points", size=8, color=MUTED,
            )  # fmt: skip
        _logarithmic(axes, "x", places, unit, room=1.35)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)

    return _svg(draw, f"{y_label} against {x_label}", size=(4.6, 3.0))


def epochs(scores: Mapping[int | None, Line], metric: str) -> Markup:
    """Scores in percent by epoch, a line for each model, by its place among the students, None for the teacher."""

    def draw(axes: Axes) -> None:
        for index, (x, y) in scores.items():
            percent = [100 * value for value in y]
            axes.plot(x, percent, color=model_colour(index), marker="o", markersize=3)
            _badge(axes, index, x[-1], percent[-1])
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))

    return _svg(draw, f"{metric} on the validation split, by epoch", size=(3.1, 2.2))


def lines(series: Mapping[str, Line], title: str) -> Markup:
    """Losses by step, on a logarithmic axis if they span a factor of five; a legend where there is more than one."""

    def draw(axes: Axes) -> None:
        for index, (label, (x, y)) in enumerate(series.items()):
            style = "-" if index < len(SERIES) else "--"
            axes.plot(x, y, color=SERIES[index % len(SERIES)], linestyle=style, label=label)
        values = [value for _, y in series.values() for value in y if math.isfinite(value)]
        if values and min(values) > 0 and max(values) / min(values) >= 5:
            _logarithmic(axes, "y", values, lambda value: f"{value:g}")
        axes.set_xlabel("step")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        if len(series) > 1:
            axes.legend(loc="best", ncols=1 if len(series) < 5 else 2, handlelength=1.2, columnspacing=1)

    return _svg(draw, title, size=(3.1, 2.2))


def plain_scatter(x: Sequence[float], y: Sequence[float], x_label: str, y_label: str) -> Markup:
    """One number against another, such as predictions against labels."""

    def draw(axes: Axes) -> None:
        axes.plot(x, y, "o", markersize=3, alpha=0.4, color=SERIES[0], markeredgewidth=0)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)

    return _svg(draw, f"{y_label} against {x_label}", size=(3.1, 2.8))


def _logarithmic(
    axes: Axes, axis: str, values: Sequence[float], unit: Callable[[float], str], room: float = 1.1
) -> None:
    """A logarithmic axis around `values` with ticks at 1, 2 and 5 of each decade, or finer where those are too few."""
    low, high = min(values) / room, max(values) * room
    (axes.set_xscale if axis == "x" else axes.set_yscale)("log")
    (axes.set_xlim if axis == "x" else axes.set_ylim)(low, high)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), [1 + step / 10 for step in range(90)]):
        ticks = [digit * 10.0**decade for decade in decades for digit in digits if low <= digit * 10.0**decade <= high]
        if len(ticks) >= 3:
            break
    target = axes.xaxis if axis == "x" else axes.yaxis
    target.set_major_locator(FixedLocator(ticks, nbins=6))
    target.set_minor_locator(NullLocator())
    target.set_major_formatter(FuncFormatter(lambda value, _: unit(value)))


def _svg(draw: Callable[[Axes], None], title: str, size: tuple[float, float]) -> Markup:
    """The SVG element of what `draw` puts on the axes, as wide as the page lets it be."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot())
        stream = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    drawing = stream.getvalue().partition("<svg")[2]  # without the head of a file
    for colour, name in CSS.items():
        drawing = drawing.replace(colour, name)
    return Markup('<svg role="img" aria-label="{}"').format(title) + Markup(drawing)
