"""Templates of wiki markup: a few stand for a part of the sentence, `{{convert|10|km}}`; most say nothing in it."""

from __future__ import annotations

import re

Argument = tuple[str | None, str]
"""The name of an argument that has one, and what its value says."""

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


def is_known(name: str) -> bool:
    """Whether a template of this name may say something."""
    name = _plain(name)
    return name in SHOWN or name in SIGNS or name.startswith(("lang-", "formatnum:"))


def expand(name: str, said: str, arguments: list[Argument]) -> str:
    """What a template says in its sentence, mostly nothing; `said` is what its name does."""
    name = _plain(name)
    if name.startswith("formatnum:"):
        return said.partition(":")[2].strip()
    part = SHOWN.get("lang-" if name.startswith("lang-") else name)
    if part is None:
        return SIGNS.get(name, "")
    shown = [value.strip() for key, value in arguments if key in (None, "1", "text")]
    if not shown:
        return ""
    if name in ("convert", "cvt"):
        several = len(shown) > 3 and shown[2].lstrip("-−")[:1].isdigit()  # |10|to|20|km, or |5|ft|6|in
        shown = [one.removesuffix("(-)") for one in shown[: 4 if several else 2]]
        shown[-1] = re.sub(r"^e[369](?=[a-z])", lambda power: POWERS[power[0]], shown[-1]).replace(
            "sqmi", "square miles"
        )
    before = BEFORE.get(name, "")
    before = before.lower() if any(key == "lc" for key, _ in arguments) else before
    return before + BETWEEN.get(name, " ").join(shown[part])


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", " ")
