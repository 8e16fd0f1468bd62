"""How the report writes numbers, and what the templates of the page and of the cards have in common."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from jinja2 import Environment, PackageLoader, StrictUndefined

from tinybert.evaluate.schema import Time
from tinybert.models.card import lineage_list, markdown


def tenths(value: float) -> str:
    """One digit after the point, halves up: the mean of the paper's 80.6, 81.3, 84.6 and 38.5 is 71.3 there.

    What a sum of such numbers is off by in binary (71.24999999999999) is far below the digits that are looked at.
    """
    return str(Decimal(f"{value:.6f}").quantize(Decimal("0.1"), ROUND_HALF_UP))


def points(score: float) -> str:
    """A score in points of a hundred, as the paper's tables give them."""
    return tenths(100 * score)


def span(interval: Sequence[float]) -> str:
    """The two ends of an interval of scores, in points."""
    return " – ".join(map(points, interval))


def quantity(count: float) -> str:
    """A count as a person says it: 14.4 M, 920 k."""
    for unit, size in ((" G", 1e9), (" M", 1e6), (" k", 1e3)):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return f"{count:g}"


def ratio(value: float) -> str:
    """`2.1`, and of what is slower two digits: `0.082`."""
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def faster(time: Time | None, unit: str = " times") -> str:
    """`2.1 times (2.0 – 2.2)`; a dash for what is run one text at a time, asked for more."""
    if time is None:
        return "–"
    return "{}{} ({} – {})".format(ratio(time.times_faster), unit, *map(ratio, time.ci95))


def environment(escape: bool) -> Environment:
    """Templates of this package; a name that a template doesn't get is an error.

    Args:
        escape: of HTML. In Markdown what comes from data goes through `markdown` or `tojson`.
    """
    found = Environment(
        loader=PackageLoader("tinybert.report"),
        autoescape=escape,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=not escape,
    )
    found.filters |= {
        each.__name__: each for each in (tenths, points, span, quantity, ratio, faster, markdown, lineage_list)
    }
    found.filters |= {
        "times": lambda value: f"{ratio(value)}×",
        "ms": lambda value: f"{value:.0f}" if value >= 100 else f"{value:.3g}",
        "pace": lambda value: f"{value:,.0f}" if value >= 100 else f"{value:.3g}",
        "thousands": "{:,}".format,
    }
    return found
