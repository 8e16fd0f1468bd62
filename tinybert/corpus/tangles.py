"""Markup that is opened and never closed: for each such sign a parser reads the rest of the page in vain."""

from __future__ import annotations

import re
from collections import Counter

SIGN = re.compile(r"(\{\{|\}\}|\[\[|\]\]|\{\||\|\}|\[(?=https?:|//)|\])|<(/?)([^\s<>/!]\w*)(?=([^<>]*)(>?))")
OPENED_BY = {"}}": "{{", "]]": "[[", "|}": "{|", "]": "["}
ALONE = frozenset({"br", "hr", "img", "wbr"})
"""Tags that have no end."""

BUDGET = 10_000_000
"""Characters read in vain, about, for one page; a second's worth or two. A page of 100 kB may have 100 such signs."""


def untangle(markup: str) -> list[str]:
    """The page as one piece where it can be parsed soon, else those of its paragraphs with which that is so."""
    budget = BUDGET - cost(markup)
    if budget >= 0:
        return [markup]
    pieces, budget = [], BUDGET
    for piece in re.split(r"\n(?:[ \t]*\n)+", markup):
        if (needed := cost(piece)) <= budget:
            pieces.append(piece)
            budget -= needed
    return pieces


def cost(markup: str) -> int:
    """Signs that nothing closes, times the characters of it all."""
    opened: Counter[str] = Counter()
    loose = 0
    for sign, slash, tag, rest, end in SIGN.findall(markup):
        name = OPENED_BY.get(sign, sign) or tag.lower()
        if tag and not end:
            loose += 1
        elif sign in OPENED_BY or slash:
            opened[name] -= opened[name] > 0
        elif not rest.endswith("/") and name not in ALONE:
            opened[name] += 1
    return (loose + opened.total()) * len(markup)
