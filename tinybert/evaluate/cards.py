"""Model cards with scores, in Markdown: reports/cards/<student>.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tinybert.evaluate.gather import Evidence
from tinybert.evaluate.page import points, quantity
from tinybert.params.tasks import METRICS


def render_card(student: Evidence) -> str:
    """The card of one student: what it is, its numbers beside its teacher's, how to load it, where it comes from."""
    environment = Environment(
        loader=PackageLoader("tinybert.evaluate"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )  # no autoescape: this is Markdown; what comes from data goes through `markdown` or `tojson`
    environment.filters |= {"points": points, "quantity": quantity, "markdown": markdown}
    return environment.get_template("card.md.j2").render(
        name=student.name,
        result=student.result,
        distilled=student.distilled,
        span=student.result.metric in METRICS["span"],
        lineage="\n".join(_tree(student.lineage)) if student.lineage else "",
    )


def markdown(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|#~$&])", r"\\\1", " ".join(text.split()))


def _tree(lineage: dict[str, Any], depth: int = 0) -> Iterator[str]:
    """A nested list: the stage, then what it read, with shortened digests."""
    if not depth:
        yield f"- `{lineage['stage']}`"
    for role, source in sorted(lineage["inputs"].items()):
        before = source.get("lineage")
        stage = f"`{before['stage']}`, " if before else ""
        yield f"{'  ' * (depth + 1)}- {role}: {stage}`{source['path']}` `{source['sha256'][:12]}`"
        if before:
            yield from _tree(before, depth + 1)
