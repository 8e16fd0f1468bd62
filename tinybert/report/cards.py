"""Model cards with scores, in Markdown: reports/cards/<student>.md."""

from __future__ import annotations

from tinybert.report.gather import Evidence
from tinybert.report.rendering import environment


def render_card(student: Evidence) -> str:
    """The card of one student: what it is, its numbers beside its teacher's, how to load it, where it comes from."""
    return environment(escape=False).get_template("card.md.j2").render(vars(student) | {"result": student.result})
