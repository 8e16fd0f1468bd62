"""Model cards with scores, in Markdown: reports/cards/<student>.md."""

from __future__ import annotations

from tinybert.models.card import lineage_list, markdown
from tinybert.params.tasks import METRICS
from tinybert.report.gather import Evidence
from tinybert.report.headline import faster
from tinybert.report.rendering import environment


def render_card(student: Evidence) -> str:
    """The card of one student: what it is, its numbers beside its teacher's, how to load it, where it comes from."""
    cards = environment(escape=False)
    cards.filters |= {"faster": faster, "markdown": markdown}
    return cards.get_template("card.md.j2").render(
        name=student.name,
        result=student.result,
        speed=student.speed,
        distilled=student.distilled,
        like_tinybert=student.like_tinybert,
        span=student.result.metric in METRICS["span"],
        lineage=lineage_list(student.lineage),
    )
