"""What the templates of the page and of the cards have in common."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from tinybert.report.headline import milliseconds, points, quantity


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
    found.filters |= {"points": points, "quantity": quantity, "ms": milliseconds}
    return found
