"""Templates of wiki markup: a few stand for a part of the sentence, `{{convert|10|km}}`; most say nothing in it."""

from __future__ import annotations

import re

TEMPLATE = re.compile(
    r"\{\{(?!\{)"
    r"((?:[^{}]++|\{(?![{|])(?:[^{}]*\}(?!\}(?!\})))?|\}(?!\}))*+)"  # single braces are text, `{x}` or one alone
    r"\}\}"
)
TABLE = re.compile(r"\{\|(?:(?!\{\||\|\}).)*\|\}", re.DOTALL)
"""Without others inside; when these are gone, those around them are."""

UNCLOSED = re.compile(r"\{\{.*?(?=\n[ \t]*\n|\Z)", re.DOTALL)
"""A template without an end, and what of its paragraph may be part of it."""

MARK = re.compile(r"\||\]\]|[\[\]]")
"""What says where an argument ends: a pipe, but not the one in `[[target|text]]`."""

NAMED = re.compile(r"[^\W\d][\w -]*=")
POSITIONAL = re.compile(r"(1|text)\s*=\s*")

SIGNS = {
    "ndash": "–", "spaced ndash": " – ", "snd": " – ", "mdash": "—", "mdashb": "—", "spaced mdash": " — ", "nbsp": " ",
    "thinsp": " ", "spaces": " ", "'": "'", "'s": "'s", "pound": "£", "euro": "€", "minus": "−", "times": "×",
    "dot": " · ", "·": " · ", "!": "|", "=": "=",
}  # fmt: skip

LAST = frozenset({"lang", "transl", "script"})
FIRST = frozenset({
    "nowrap", "nobr", "quote", "blockquote", "small", "smaller", "big", "abbr", "tooltip", "sic", "linktext", "ill",
    "nobold", "not a typo", "vanchor", "visible anchor", "nihongo", "angbr", "keypress", "sup", "sub", "sc", "val",
    "nts", "railgauge", "flag", "marriage",
})  # fmt: skip
"""Templates that show one of their own arguments."""

JOINED = {"gaps": "", "chem": "", "frac": "/", "sfrac": "/", "uss": " ", "hms": " "}
"""Templates that show all their arguments, and what is between them."""

POWERS = {"e3": "thousand ", "e6": "million ", "e9": "billion "}
"""How convert's units begin in `{{convert|3|e6acre}}`."""

RANGES = {"-", "–", "to", "and", "by", "x", "or"}
"""Between the two numbers of `{{convert|10|to|20|km}}`."""


def expand_templates(markup: str) -> str:
    """Markup with templates as what they say in the sentence, mostly nothing, and without tables.

    A template that is never closed takes the rest of its paragraph with it.
    """
    before = None
    while before != markup:
        before = markup
        markup = TABLE.sub("", TEMPLATE.sub(lambda found: _expand(found[1]), markup))
    return UNCLOSED.sub("", markup)


def _expand(content: str) -> str:
    name, *arguments = (part.strip() for part in _split(content))
    name = name.lower().replace("_", " ")
    shown = [POSITIONAL.sub("", argument, count=1) for argument in arguments if not _is_option(argument)]
    if name in SIGNS:
        return SIGNS[name]
    if not shown:
        return ""
    if name in ("convert", "cvt"):
        measure = " ".join(shown[: 4 if len(shown) > 3 and shown[1] in RANGES else 2])
        return re.sub(r"\be[369](?=[a-z])", lambda power: POWERS[power[0]], measure).replace("sqmi", "square miles")
    if name in ("circa", "c."):
        return f"c. {shown[0]}"
    if name == "as of":
        return f"As of {shown[0]}"
    if name.startswith("lang-"):
        return shown[0]
    if name == "langx":  # `{{langx|de|…}}` is what `{{lang-de|…}}` has become
        return shown[1] if len(shown) > 1 else ""
    if name in ("uss", "hms"):
        return f"{name.upper()} {shown[0]}"
    if name in JOINED:
        return JOINED[name].join(shown)
    return shown[0] if name in FIRST else shown[-1] if name in LAST else ""


def _split(content: str) -> list[str]:
    """A template's name and arguments, in time that grows as its length does."""
    parts: list[str] = []
    pipes: list[int] = []  # since the last bracket: separators, unless the next one is the end of a link
    start = 0
    for mark in [*((found[0], found.start()) for found in MARK.finditer(content)), ("", len(content))]:
        if mark[0] == "|":
            pipes.append(mark[1])
            continue
        for pipe in pipes if mark[0] != "]]" else ():
            parts.append(content[start:pipe])
            start = pipe + 1
        pipes = []
    return [*parts, content[start:]]


def _is_option(argument: str) -> bool:
    return bool(NAMED.match(argument)) and not POSITIONAL.match(argument)
