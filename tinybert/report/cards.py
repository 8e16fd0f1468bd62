"""Model cards with scores, in Markdown: reports/cards/<student>.md."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from tinybert.models.card import lineage_list, markdown
from tinybert.params.tasks import METRICS
from tinybert.report.gather import Evidence
from tinybert.report.headline import faster, milliseconds, points, quantity


def render_card(student: Evidence) -> str:
    """The card of one student: what it is, its numbers beside its teacher's, how to load it, where it comes from."""
    environment = Environment(
        loader=PackageLoader("tinybert.report"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )  # no autoescape: this is Markdown; what comes from data goes through `markdown` or `tojson`
    environment.filters |= {
        "points": points,
        "quantity": quantity,
        "faster": faster,
        "ms": milliseconds,
        "markdown": markdown,
    }
    return environment.get_template("card.md.j2").render(
        name=student.name,
        result=student.result,
        speed=student.speed,
        distilled=student.distilled,
        like_tinybert=student.like_tinybert,
        span=student.result.metric in METRICS["span"],
        lineage=lineage_list(student.lineage),
    )
