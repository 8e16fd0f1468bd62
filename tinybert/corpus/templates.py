"""Templates of wiki markup: a few stand for a part of the sentence, `{{convert|10|km}}`; most say nothing in it."""

from __future__ import annotations

import re
from collections.abc import Callable

from mwparserfromhell.nodes import Template
from mwparserfromhell.wikicode import Wikicode

SIGNS = {
    "ndash": "–", "spaced ndash": " – ", "snd": " – ", "mdash": "—", "mdashb": "—", "spaced mdash": " — ", "nbsp": " ",
    "thinsp": " ", "spaces": " ", "'": "'", "'s": "'s", "pound": "£", "euro": "€", "minus": "−", "times": "×",
    "dot": " · ", "·": " · ", "!": "|", "=": "=",
}  # fmt: skip

SHOWN = {
    **dict.fromkeys(("lang", "langue", "rtl-lang", "transl", "script"), slice(-1, None)),
    **dict.fromkeys((
        "nowrap", "nobr", "quote", "blockquote", "small", "smaller", "big", "abbr", "tooltip", "sic", "linktext",
        "ill", "nobold", "not a typo", "vanchor", "visible anchor", "nihongo", "angbr", "keypress", "sup", "sub", "sc",
        "val", "nts", "railgauge", "flag", "marriage", "circa", "c.", "as of", "uss", "hms", "lang-",
    ), slice(1)),
    **dict.fromkeys((
        "gaps", "chem", "frac", "sfrac", "convert", "cvt", "date", "unité", "nombre", "unidad", "oldstyledate",
    ), slice(None)),
    "langx": slice(1, 2),  # `{{langx|de|…}}` is what `{{lang-de|…}}` has become
}  # fmt: skip
"""Templates that show arguments of their own, and which."""

BEFORE = {"circa": "c. ", "c.": "c. ", "as of": "As of ", "uss": "USS ", "hms": "HMS "}
BETWEEN = {"gaps": "", "chem": "", "frac": "/", "sfrac": "/"}

POWERS = {"e3": "thousand ", "e6": "million ", "e9": "billion "}
"""How convert's units begin in `{{convert|3|e6acre}}`."""


def expand(template: Template, say: Callable[[Wikicode], str]) -> str:
    """What a template says in its sentence, mostly nothing; `say` tells what an argument does."""
    name = str(template.name).strip().lower().replace("_", " ")
    if name.startswith("formatnum:"):
        return say(template.name).partition(":")[2].strip()
    part = SHOWN.get("lang-" if name.startswith("lang-") else name)
    if part is None:
        return SIGNS.get(name, "")
    arguments = (one for one in template.params if not one.showkey or str(one.name).strip() in ("1", "text"))
    shown = [say(one.value).strip() for one in arguments]
    if not shown:
        return ""
    if name in ("convert", "cvt"):
        several = len(shown) > 3 and shown[2].lstrip("-−")[:1].isdigit()  # |10|to|20|km, or |5|ft|6|in
        shown = [one.removesuffix("(-)") for one in shown[: 4 if several else 2]]
        shown[-1] = re.sub(r"^e[369](?=[a-z])", lambda power: POWERS[power[0]], shown[-1]).replace(
            "sqmi", "square miles"
        )
    before = BEFORE.get(name, "")
    return (before.lower() if template.has("lc") else before) + BETWEEN.get(name, " ").join(shown[part])
