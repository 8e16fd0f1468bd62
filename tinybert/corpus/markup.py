"""Wiki markup to running text: paragraphs of whole sentences, in their own case, without lists, tables and notes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Set

import regex

from tinybert.corpus.spoken import say
from tinybert.corpus.tangles import untangle

SILENT = frozenset({"file", "image", "media", "category"})
"""Namespaces whose links are no words of the sentence, by the names that every wiki knows."""

VERBATIM = re.compile(r"<!--.*?(?:-->|\Z)|<nowiki\s*>(.*?)</nowiki\s*>", re.DOTALL | re.IGNORECASE)
"""A comment, or text whose signs are no markup."""
SIGNS = {sign: chr(0xE000 + number) for number, sign in enumerate("{}[]|'<>")}
PLAIN, MARKS = str.maketrans(SIGNS), {code: sign for sign, code in SIGNS.items()}
MARK = re.compile(f"[{''.join(MARKS)}]")
"""From signs of markup to what stands for them in such text, and back."""

SHORT_FORMULA = re.compile(r"<math\b[^<>]*>\s{0,50}([\w ]{1,12})\s{0,50}</math>")
"""`<math>n</math>`, which is a word of its sentence."""
ELEMENT = re.compile(
    r"<(ref|math|chem|gallery|timeline|score|syntaxhighlight|source|pre|imagemap|hiero|graph|references)\b"
    r"[^<>]*?(/\s*>|>.*?</\1\s*>)",
    re.IGNORECASE | re.DOTALL,
)
"""Elements whose content is no running text. To parse them takes longer than all the rest, so they go before."""

UNCLOSED = re.compile(r"(\{\{|\[\[(?![^][\n]*\]\])).*?(?=\n[ \t]*\n|\Z)", re.DOTALL)
"""A template or link without an end, and what of its paragraph may be part of it."""
NO_CHARACTER = re.compile(r"&#\d{999,};?")
TAG = re.compile(r"</?[A-Za-z][^<>]*>")

INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u00ad\ufeff"
PAUSES, CLOSING = " ,;:，；：、", ")）"

TIDY: list[tuple[re.Pattern[str], str, tuple[str, ...]]] = [
    # Bold, switches, `up[on]`, invisible signs.
    (re.compile(rf"'{{2,}}|__[A-Z]{{3,}}__|[][{INVISIBLE}]"), "", ("''", "__", "[", "]", *INVISIBLE)),
    (re.compile(r"[{}]{2,}|\|"), " ", ("{{", "{}", "}{", "}}", "|")),
    # What a template that said nothing leaves in front, and at the end.
    (re.compile(r"([(（])[\s,;:–，；：、]+"), r"\1", ("(", "（")),
    (
        re.compile(rf"(?<![\s{PAUSES}])[\s{PAUSES}]+([{CLOSING}])"), r"\1",
        tuple(pause + end for end in CLOSING for pause in PAUSES),
    ),
    (re.compile(r"([,;，；、])(?:\s*[,;，；、])+"), r"\1", ()),
    (re.compile(r'(?<!\s)\s*(\(\)|（）)|(?<!\w)""(?!\w)'), "", ("()", "（）", '""')),
    (re.compile(r"(?<! ) +([,;:.!?])(?=\s|$)"), r"\1", tuple(" " + sign for sign in ",;:.!?")),
    (re.compile(r"^[\s,;:.)]+"), "", ()),
    (re.compile(r" {2,}"), " ", ("  ",)),
]  # fmt: skip
"""What is done to each paragraph, in this order; a run of signs is looked at from its start only, not from each one.

Beside a pattern and what takes its place: signs without which nothing matches, as most paragraphs are.
"""

NO_PROSE = re.compile(
    r"\s*([*#;|!]|:+\s*[*#;]|={2,}|-{4}|(file|image|category):|(thumb|left|right|center|frame|upright|\d+px)\b.*\|)",
    re.IGNORECASE,
)
"""How lines begin that are an item of a list, a term, a cell of a table, a rule, or what is left of a picture."""

CLOSERS = r"[\p{Pe}\p{Pf}\"']*+"
SENTENCE_END = regex.compile(
    rf"(?<!\b\p{{Lu}})[.!?…]{CLOSERS}(?=\s)"  # not after an initial
    rf"|[[\p{{STerm}}།༎]--[.!?]]{CLOSERS}"
    rf"|[.!?…\p{{LB=SA}}]{CLOSERS}$",
    regex.VERSION1,
)
"""A stop with what closes behind it: Latin ones stand before white space, those of other scripts anywhere. Scripts such
as Thai and Lao need none: the last letter of a paragraph ends its sentence.
"""

SHORTEST = 20
"""Bytes of letters (see `says`) below which a paragraph is debris."""


def size(text: str) -> int:
    """How much a text says, in bytes of its letters: a word of English has about five, an ideograph three."""
    return len("".join(filter(str.isalpha, text)).encode())


def says(text: str, least: int) -> bool:
    """Whether it says as much, in bytes of its letters; mostly its beginning does."""
    return size(text[: 2 * least]) >= least or size(text) >= least


def unescape(text: str) -> str:
    """As HTML does it; what is too long for a number of Python's is no character, as all that are too great."""
    return html.unescape(NO_CHARACTER.sub("\ufffd", text))


def clean(markup: str, silent: Set[str] = SILENT) -> str:
    """The running text of a page; paragraphs are lines. Tables, lists, headings, captions and notes are dropped.

    Args:
        silent: namespaces of pictures and categories, in small letters.
    """
    cleaned = (_clean(piece, silent) for piece in untangle(markup))
    return MARK.sub(lambda found: MARKS[found[0]], "\n".join(filter(None, cleaned)))


def _clean(markup: str, silent: Set[str]) -> str:
    markup = VERBATIM.sub(lambda found: (found[1] or "").translate(PLAIN), markup)
    markup = ELEMENT.sub("", SHORT_FORMULA.sub(r"\1", markup))
    try:
        text = UNCLOSED.sub("", say(markup, silent))
    except RecursionError:  # hundreds of templates in each other
        return ""
    text = unescape(unescape(TAG.sub("", text)))
    return "\n".join(filter(None, map(_tidy, _paragraphs(text))))


def _paragraphs(text: str) -> Iterator[str]:
    """Lines, those joined that are one sentence: a paragraph may be broken by hand."""
    lines: list[str] = []
    for line in text.split("\n"):
        indented = line.startswith(":")
        line = "" if NO_PROSE.match(line) else line.lstrip(":").strip()
        end = " ".join(lines[-3:])[-4:]
        if lines and (not line or indented or SENTENCE_END.search(end) or end.endswith(":")):
            yield " ".join(lines)
            lines = []
        lines += filter(None, [line])
    yield " ".join(lines)


def _tidy(paragraph: str) -> str:
    """A paragraph without debris, up to its last full sentence; empty where there is none.

    The sentence that introduces a list or a formula ends in a colon; what it introduces is gone, so it goes too.
    """
    paragraph = " ".join(paragraph.split())
    for pattern, replacement, signs in TIDY:
        if not signs or any(sign in paragraph for sign in signs):
            paragraph = pattern.sub(replacement, paragraph)
    ends = [found.end() for found in SENTENCE_END.finditer(paragraph)]
    paragraph = paragraph[: ends[-1]] if ends else ""
    return paragraph if says(paragraph, SHORTEST) else ""
