"""Figures as SVG to be put into a page: its fonts, its colours in light and dark, the same bytes every time."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from tinybert.evaluate.schema import Alternative, Onnx, Scores

# matplotlib knows no CSS: these colours stand for the page's own and are replaced in the SVG's text.
INK, MUTED, GRID, PAPER, TEACHER = "#010200", "#010201", "#010202", "#010203", "#010204"
SERIES = [f"#0102{10 + index}" for index in range(8)]
CSS = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    GRID: "var(--line)",
    PAPER: "var(--paper)",
    TEACHER: "var(--teacher)",
}
CSS |= {colour: f"var(--series-{index})" for index, colour in enumerate(SERIES, start=1)}
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text, to be searched and read aloud
    "svg.hashsalt": "tinybert",
    "text.parse_math": False,
    "font.size": 9.0,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.5,
    "grid.linewidth": 0.6,
    "axes.facecolor": "none",
    **dict.fromkeys(("text.color", "legend.labelcolor"), INK),
    **dict.fromkeys(("axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), MUTED),
    **dict.fromkeys(("axes.edgecolor", "grid.color", "xtick.color", "ytick.color"), GRID),
    **dict.fromkeys(("axes.grid", "axes.axisbelow"), True),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right", "axes.unicode_minus", "legend.frameon"), False),
}


class Point(NamedTuple):
    """A model in a figure: its mark, as in the table, its place on the x axis, and what is written beside it."""

    badge: str
    colour: int
    place: float
    scores: Scores | Onnx | Alternative
    name: str = ""


@mpl.rc_context(STYLE)
def scatter(
    models: Sequence[Point],
    x_label: str,
    y_label: str,
    unit: Callable[[float], str],
    mark: tuple[str, float] | None = None,
    width: float = 4.6,
) -> Markup:
    """Scores in percent against a positive number on a logarithmic axis, with the bars of the 95 % intervals.

    Args:
        unit: writes a number of the x axis.
        mark: label and place of a vertical line: a model that has no score.
        width: inches; the page's whole width is 9.2.
    """
    axes = _axes(width, 3.0)
    for badge, number, place, scores, name in models:
        score, (low, high) = scores.score, scores.ci95 or (scores.score, scores.score)
        bars = [[100 * max(0.0, score - low)], [100 * max(0.0, high - score)]]
        axes.errorbar(
            [place], [100 * score], yerr=bars, color=model_colour(number), elinewidth=1.4, capsize=3, zorder=2
        )
        _badge(axes, badge, number, place, 100 * score)
        axes.annotate(
            name, (place, 100 * score), xytext=(0, -13), textcoords="offset points", ha="center", va="center", size=7,
            color=MUTED,
        )  # fmt: skip
    if mark is not None:
        axes.axvline(mark[1], color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
        axes.annotate(
            mark[0], (mark[1], 0.02), xycoords=("data", "axes fraction"), rotation=90, ha="right", va="bottom",
            xytext=(-3, 0), textcoords="offset points", size=8, color=MUTED,
        )  # fmt: skip
    places = [each.place for each in models]
    _logarithmic(axes, "x", [*places, mark[1]] if mark else places, unit, room=1.35)
    axes.set(xlabel=x_label, ylabel=y_label)
    return _svg(axes, f"{y_label} against {x_label}")


@mpl.rc_context(STYLE)
def epochs(curves: Mapping[int, pd.DataFrame], metric: str) -> Markup:
    """Scores in percent by epoch, a line for each model, by its number (see `model_colour`)."""
    axes = _axes(3.1, 2.2)
    for number, curve in curves.items():
        percent = 100 * curve["score"]
        axes.plot(curve["epoch"], percent, color=model_colour(number), marker="o", markersize=3)
        _badge(axes, str(number or "T"), number, curve["epoch"].iloc[-1], percent.iloc[-1])
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return _svg(axes, f"{metric} on the validation split, by epoch")


@mpl.rc_context(STYLE)
def lines(series: Mapping[str, pd.Series], title: str) -> Markup:
    """Losses by step, on a logarithmic axis if they span a factor of five; a legend where there is more than one."""
    axes = _axes(3.1, 2.2)
    for index, (label, losses) in enumerate(series.items()):
        dashes = "-" if index < len(SERIES) else "--"
        axes.plot(losses.index, losses, color=SERIES[index % len(SERIES)], linestyle=dashes, label=label)
    values = np.concatenate(list(series.values()))
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() / values.min() >= 5:
        _logarithmic(axes, "y", values, "{:g}".format)
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if len(series) > 1:
        axes.legend(loc="best", ncols=1 if len(series) < 5 else 2, handlelength=1.2, columnspacing=1)
    return _svg(axes, title)


@mpl.rc_context(STYLE)
def plain_scatter(labels: pd.Series, predictions: pd.Series) -> Markup:
    """A student's predictions against the labels."""
    axes = _axes(3.1, 2.8)
    axes.plot(labels, predictions, "o", markersize=3, alpha=0.4, color=SERIES[0], markeredgewidth=0)
    axes.set(xlabel="label", ylabel="student")
    return _svg(axes, "student against label")


def model_colour(number: int) -> str:
    """Of the teacher, 0, and of the students."""
    return SERIES[(number - 1) % len(SERIES)] if number else TEACHER


def _badge(axes: Axes, text: str, number: int, x: float, y: float) -> None:
    """The mark that a model has in the table too: its number, or a letter, in a disc of its colour."""
    axes.plot([x], [y], "o", markersize=13, color=model_colour(number), markeredgecolor=PAPER, zorder=3)
    axes.annotate(text, (x, y), ha="center", va="center_baseline", size=8, weight="bold", color=PAPER, zorder=4)


def _logarithmic(
    axes: Axes, axis: str, values: Sequence[float] | np.ndarray, unit: Callable[[float], str], room: float = 1.1
) -> None:
    """A logarithmic axis around `values` with ticks at 1, 2 and 5 of each decade, or finer where those are too few."""
    low, high = min(values) / room, max(values) * room
    axes.set(**{f"{axis}scale": "log", f"{axis}lim": (low, high)})
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), [1 + step / 10 for step in range(90)]):
        ticks = [digit * 10.0**decade for decade in decades for digit in digits if low <= digit * 10.0**decade <= high]
        if len(ticks) >= 3:
            break
    target = axes.xaxis if axis == "x" else axes.yaxis
    target.set_major_locator(FixedLocator(ticks, nbins=6))
    target.set_minor_locator(NullLocator())
    target.set_major_formatter(FuncFormatter(lambda value, _: unit(value)))


def _axes(width: float, height: float) -> Axes:
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def _svg(axes: Axes, title: str) -> Markup:
    """The SVG element of what was drawn, as wide as the page lets it be."""
    figure: Any = axes.figure
    stream = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    drawing = stream.getvalue().partition("<svg")[2]  # without the head of a file
    for colour, name in CSS.items():
        drawing = drawing.replace(colour, name)
    return Markup('<svg role="img" aria-label="{}"').format(title) + Markup(drawing)
