"""What a reader sees of wiki markup, read off its tokens: to make a tree of nodes of them takes four times as long."""

from __future__ import annotations

import re
from collections.abc import Callable, Set

from mwparserfromhell.parser import Parser, tokens
from mwparserfromhell.parser.tokens import Token

from tinybert.corpus.templates import Argument, expand, is_known

SILENT_LINK = re.compile(
    r"\s*([a-z]{2,3}(-[a-z]+)*|simple):"  # the page in another language
    r"|[^:]+:.+\.(jpe?g|png|svg|gif|tiff?|web[pm]|og[gav]|mp3|wav|flac|pdf|djvu|xcf)\s*$",  # `Bild:`, now `Datei:`
    re.DOTALL,
)
NESTED = "\0"
"""What stands in a name or target for a template, a link or a tag in it."""


def say(markup: str, silent: Set[str]) -> str:
    """What a reader sees in the sentence; signs of lists stay, so that their lines can be told.

    Args:
        silent: namespaces whose links are no words of the sentence, in small letters.

    Raises:
        RecursionError: hundreds of templates in each other.
    """
    return _Reader(markup, silent).until()[0]


class _Reader:
    """Each method is called behind the token that opens what it reads, and reads the one that closes it."""

    def __init__(self, markup: str, silent: Set[str]) -> None:
        self.tokens = iter(Parser()._tokenizer.tokenize(markup, 0, True))
        self.silent = silent

    def until(self, *ends: type[Token]) -> tuple[str, str, Token]:
        """What is said up to a token of `ends`, or to the end of all; the same as it is written; and that token."""
        said, written = [], []
        for token in self.tokens:
            kind = type(token)
            if kind is tokens.Text:
                said.append(token["text"])
                written.append(token["text"])
            elif kind in ends:
                break
            elif kind is tokens.HTMLEntityStart:
                said.append(self.entity())
                written.append(said[-1])
            elif read := READ.get(kind):
                said.append(read(self, token))
                written.append(NESTED)
        else:
            token = Token()
        return "".join(said), "".join(written), token

    def entity(self) -> str:
        text = "&"
        for token in self.tokens:
            match token:
                case tokens.HTMLEntityNumeric():
                    text += "#"
                case tokens.HTMLEntityHex():
                    text += token["char"]
                case tokens.HTMLEntityEnd():
                    break
                case _:
                    text += token["text"]
        return text + ";"

    def wikilink(self, _: Token) -> str:
        said, target, end = self.until(tokens.WikilinkSeparator, tokens.WikilinkClose)
        shown = said.lstrip(":") if isinstance(end, tokens.WikilinkClose) else self.until(tokens.WikilinkClose)[0]
        is_silent = target.partition(":")[0].strip().lower() in self.silent or SILENT_LINK.match(target)
        return "" if is_silent else shown

    def external_link(self, _: Token) -> str:
        end = self.until(tokens.ExternalLinkSeparator, tokens.ExternalLinkClose)[2]
        return "" if isinstance(end, tokens.ExternalLinkClose) else self.until(tokens.ExternalLinkClose)[0]

    def template(self, _: Token) -> str:
        said, name, end = self.until(tokens.TemplateParamSeparator, tokens.TemplateClose)
        if not is_known(name):
            self.skip(end)
            return ""
        arguments: list[Argument] = []
        while not isinstance(end, tokens.TemplateClose):
            key: str | None = None
            value, written, end = self.until(*OF_ARGUMENT)
            if isinstance(end, tokens.TemplateParamEquals):
                key = written.strip()
                value, written, end = self.until(*OF_ARGUMENT)
            arguments.append((key, value))
        return expand(name, said, arguments)

    def skip(self, end: Token) -> None:
        """The rest of a template, those in it included."""
        depth = int(not isinstance(end, tokens.TemplateClose))
        while depth:
            kind = type(next(self.tokens))
            depth += (kind is tokens.TemplateOpen) - (kind is tokens.TemplateClose)

    def tag(self, start: Token) -> str:
        _, name, end = self.until(*OF_TAG)
        while isinstance(end, tokens.TagAttrStart):
            end = self.until(*OF_TAG)[2]
        said = ""
        if isinstance(end, tokens.TagCloseOpen):
            said = self.until(tokens.TagOpenClose)[0]
            self.until(tokens.TagCloseClose)
        name = name.lower()
        if name in ("table", "br"):
            return " " if name == "br" else ""
        if name in ("li", "dt", "dd", "hr"):
            return start.get("wiki_markup") or f"\n* {said}"
        return said

    def heading(self, _: Token) -> str:
        self.until(tokens.HeadingEnd)
        return "\n\n"

    def argument(self, _: Token) -> str:
        self.until(tokens.ArgumentClose)
        return ""

    def comment(self, _: Token) -> str:
        self.until(tokens.CommentEnd)
        return ""


OF_ARGUMENT = (tokens.TemplateParamEquals, tokens.TemplateParamSeparator, tokens.TemplateClose)
OF_TAG = (tokens.TagAttrStart, tokens.TagCloseOpen, tokens.TagCloseSelfclose)
READ: dict[type[Token], Callable[[_Reader, Token], str]] = {
    tokens.WikilinkOpen: _Reader.wikilink,
    tokens.ExternalLinkOpen: _Reader.external_link,
    tokens.TemplateOpen: _Reader.template,
    tokens.TagOpenOpen: _Reader.tag,
    tokens.HeadingStart: _Reader.heading,
    tokens.ArgumentOpen: _Reader.argument,
    tokens.CommentStart: _Reader.comment,
}
