"""Wiki markup to running text: paragraphs of whole sentences, in their own case, without lists, tables and notes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from gensim.corpora.wikicorpus import filter_wiki

from tinybert.corpus.templates import expand_templates

_APPENDIX = (
    r"see also|references?|external links?|links|further reading|(foot|end)?notes?|bibliograph(y|ies)|citations?|"
    r"works cited|cited in footnotes|publications|discography|filmography|gallery|list of works|sources|"
    r"(primary|secondary|additional|general|selected|etymological|other) (sources|references|bibliography|works)"
)
APPENDIX = re.compile(rf"({_APPENDIX})( (and|&) .*)?", re.IGNORECASE)
"""Titles of sections that hold no running text; their subsections go with them.

Not `Literature`, `Resources` or `Works`, which may tell of a country's books, of its oil, or of what somebody wrote:
where these are lists, they go as lists.
"""

HEADING = re.compile(r"^(={2,6})(.*?)\1[ \t]*$", re.MULTILINE)

VERBATIM = re.compile(r"<!--.*?(?:-->|\Z)|<nowiki\s*>(.*?)</nowiki\s*>", re.DOTALL | re.IGNORECASE)
"""A comment, or text whose signs are no markup."""

SHORT_FORMULA = re.compile(r"<math\b[^<>]*>\s*([\w ]{1,12})\s*</math>")
"""`<math>n</math>`, which is a word of its sentence."""

VOID = re.compile(r"<(ref|references|nowiki|section)\b[^<>]*/\s*>", re.IGNORECASE)
"""Elements without content: they go before their kind with content, which would else swallow up to the next end."""

ELEMENT = re.compile(
    r"<(ref|math|chem|gallery|timeline|score|syntaxhighlight|source|code|pre|imagemap|hiero|graph|references|table)\b"
    r"[^<>]*>.*?</\1\s*>",
    re.IGNORECASE | re.DOTALL,
)
"""Elements whose content is no running text."""

TAG = re.compile(r"</?[A-Za-z][^<>]*>")
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
LESS, MORE = "\ue000", "\ue001"
"""Stand for signs that are no markup, while gensim takes `<` and `>` for tags."""

SIGNS = "{}[]|'"
PLAIN = str.maketrans({"<": LESS, ">": MORE} | {sign: chr(0xE002 + number) for number, sign in enumerate(SIGNS)})
MARKS = str.maketrans({chr(0xE002 + number): sign for number, sign in enumerate(SIGNS)})
"""From signs of markup to what stands for them in text from `<nowiki>`, and back."""

ADDRESS = re.compile(r"\[\w+://[^\s\]]*")
"""How a link to elsewhere begins; the rest is its name, if it has one."""

SILENT = re.compile(r"\[\[\s*((?i:file|image|media|category)\s*:|([a-z]{2,3}(-[a-z]+)*|simple):)")
"""How links begin that are no words of the sentence: pictures, categories, the page in other languages."""

BRACKETS = re.compile(r"\[\[|\]\]|\n\n")

TIDY = [
    (re.compile(r"'{2,}"), ""),  # bold and italic
    (re.compile(r"__[A-Z]{3,}__"), ""),  # switches such as __NOTOC__
    (re.compile(r"\bhttps?://[^\s\]|<>)]+"), ""),
    (re.compile(r"[{}]{2,}|\|"), " "),
    (re.compile(r"[\u200b-\u200f\u00ad\ufeff]"), ""),
    (re.compile(r"[^\S\n]+"), " "),
    (re.compile(r"\(\s*(?:[,;:–-]\s*)+"), "("),  # what a template that said nothing leaves in front …
    (re.compile(r"(?:\s*[,;:])+\s*\)"), ")"),  # … and at the end
    (re.compile(r"([,;])(?:\s*[,;])+"), r"\1"),
    (re.compile(r"\(\s+"), "("),
    (re.compile(r"\s+\)"), ")"),
    (re.compile(r"\s*\(\)"), ""),
    (re.compile(r'(?<!\w)""(?!\w)'), ""),
    (re.compile(r" +([,;:.!?])(?=\s|$)"), r"\1"),
    (re.compile(r"^[\s,;:.)]+"), ""),
    (re.compile(r" {2,}"), " "),
]
"""What is done to each paragraph, in this order."""

NO_PROSE = re.compile(
    r"\s*([*#;|!]|:+\s*[*#;]|={2,}|-{4}|(file|image|category):|(thumb|left|right|center|frame|upright|\d+px)\b.*\|)",
    re.IGNORECASE,
)
"""How lines begin that are an item of a list, a term, a cell of a table, a rule, or what is left of a picture."""

SENTENCE_END = re.compile(r"[.!?…][\"'”’»)]*(?=\s|$)")
WORD = re.compile(r"[^\W\d_]{2,}")

SHORTEST = 5
"""Words below which a paragraph is debris."""


def clean(markup: str) -> str:
    """The running text of a page; paragraphs are lines. Tables, lists, headings, captions and notes are dropped."""
    text = _drop_appendices(VERBATIM.sub(lambda found: (found[1] or "").translate(PLAIN), markup))
    text = ELEMENT.sub("", VOID.sub("", SHORT_FORMULA.sub(r"\1", text)))
    text = _drop_silent_links(expand_templates(text))
    text = TAG.sub("", BREAK.sub(" ", text))
    text = html.unescape(html.unescape(text)).replace("<", LESS).replace(">", MORE)
    text = ADDRESS.sub("", re.sub(r"\{\{|\}\}", " ", text))  # from `{{` on, gensim drops all that is left of the page
    text = filter_wiki(text).replace(LESS, "<").replace(MORE, ">")
    return "\n".join(filter(None, map(_tidy, _paragraphs(text)))).translate(MARKS)


def _drop_appendices(markup: str) -> str:
    """Without headings, and without the sections that `APPENDIX` names, down to the next heading of their depth."""
    kept: list[str] = []
    position = dropping = 0  # the depth of the section that is being dropped, 0 for none
    for heading in HEADING.finditer(markup):
        depth = len(heading[1])
        if not dropping:
            kept.append(markup[position : heading.start()])
        if not dropping or depth <= dropping:
            dropping = depth if APPENDIX.fullmatch(heading[2].strip(" \t:'")) else 0
        position = heading.end()
    if not dropping:
        kept.append(markup[position:])
    return "\n".join(kept)


def _drop_silent_links(markup: str) -> str:
    """Without pictures, whose captions may have links of their own, categories and other languages."""
    kept: list[str] = []
    position = 0
    for start in SILENT.finditer(markup):
        if start.start() < position:
            continue
        depth, end = 0, start.end()
        for bracket in BRACKETS.finditer(markup, start.start()):
            if bracket[0] == "\n\n":  # it is never closed
                break
            depth += 1 if bracket[0] == "[[" else -1
            end = bracket.end()
            if not depth:
                break
        kept.append(markup[position : start.start()])
        position = end
    return "".join([*kept, markup[position:]])


def _paragraphs(text: str) -> Iterator[str]:
    """Lines, those joined that are one sentence: a paragraph may be broken by hand."""
    paragraph = ""
    for line in text.split("\n"):
        indented = line.startswith(":")
        line = "" if NO_PROSE.match(line) else line.lstrip(":").strip()
        if paragraph and (not line or indented or SENTENCE_END.search(paragraph[-4:]) or paragraph.endswith(":")):
            yield paragraph
            paragraph = ""
        paragraph = f"{paragraph} {line}" if paragraph else line
    yield paragraph


def _tidy(paragraph: str) -> str:
    """A paragraph without debris, up to its last full sentence; empty where there is none.

    The sentence that introduces a list or a formula ends in a colon; what it introduces is gone, so it goes too.
    """
    for pattern, replacement in TIDY:
        paragraph = pattern.sub(replacement, paragraph)
    ends = [found.end() for found in SENTENCE_END.finditer(paragraph)]
    paragraph = paragraph[: ends[-1]] if ends else ""
    return paragraph if len(WORD.findall(paragraph)) >= SHORTEST else ""
