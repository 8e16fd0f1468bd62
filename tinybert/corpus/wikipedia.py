"""The articles of a MediaWiki dump as running text, streamed: a dump of any size is read in constant memory."""

from __future__ import annotations

import bz2
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from tinybert.corpus.markup import clean
from tinybert.errors import UserError
from tinybert.running.parallel import count_cores, ordered_map

STUB = 50
"""Words below which an article is a stub."""

REDIRECT = re.compile(r"\s*#redirect\b", re.IGNORECASE)

DISAMBIGUATION = re.compile(
    r"\{\{\s*((human name |place name )?disambig(uation)?( page)?|disamb|dab|(hn|geo|school|number|road)dis|mathdab|"
    r"surname|given name|set index( article)?|sia)\s*[|}]",
    re.IGNORECASE,
)
"""Templates of pages that only list what else has the title."""


BATCH = 1 << 20
"""Characters of markup, about, that a process cleans at a time."""

SHARE = 8 << 20
"""Bytes of a dump for which a process more is worth its start."""

Page = tuple[str, str]
"""Title and markup, or title and running text."""


def read_dump(
    dump: Path,
    dropped: dict[str, int],
    minimum_words: int = STUB,
    processes: int | None = None,
    at: Callable[[int], None] = lambda position: None,
) -> Iterator[Page]:
    """The (title, text) of each article in the dump's order; paragraphs of a text are lines, sentence case is kept.

    Args:
        dump: `.xml` or `.bz2` of a wiki's pages, as on dumps.wikimedia.org.
        dropped: counts by reason are added here: other namespaces, redirects, disambiguation, stubs.
        minimum_words: an article with fewer words, once it is cleaned, is a stub.
        processes: that clean, while this one reads; by default one a core, fewer for a small dump. Their number
            doesn't show in the result.
        at: told how many bytes of the file have been read.

    Raises:
        UserError: the file is cut off, damaged, or no dump.
    """
    for reason in ("other namespaces", "redirects", "disambiguation", "stubs"):
        dropped.setdefault(reason, 0)
    if processes is None:
        processes = min(count_cores(), 1 + dump.stat().st_size // SHARE)
    clean_batch = partial(_clean_batch, minimum_words=minimum_words)
    # One process takes page by page: the first articles come at once.
    batches = _batches(_read_articles(dump, dropped, at), BATCH if processes > 1 else 0)
    for articles, counts in ordered_map(clean_batch, batches, processes):
        for reason, count in counts.items():
            dropped[reason] += count
        yield from articles


def _read_articles(dump: Path, dropped: dict[str, int], at: Callable[[int], None]) -> Iterator[Page]:
    for title, namespace, is_redirect, markup in _read_pages(dump, at):
        if namespace != "0":
            dropped["other namespaces"] += 1
        elif is_redirect or REDIRECT.match(markup):
            dropped["redirects"] += 1
        else:
            yield title, markup


def _batches(pages: Iterable[Page], size: int) -> Iterator[list[Page]]:
    batch: list[Page] = []
    filled = 0
    for title, markup in pages:
        batch.append((title, markup))
        filled += len(markup)
        if filled >= size:
            yield batch
            batch, filled = [], 0
    if batch:
        yield batch


def _clean_batch(pages: list[Page], minimum_words: int) -> tuple[list[Page], dict[str, int]]:
    articles: list[Page] = []
    counts = {"disambiguation": 0, "stubs": 0}
    for title, markup in pages:
        if title.endswith("(disambiguation)") or DISAMBIGUATION.search(markup):
            counts["disambiguation"] += 1
            continue
        text = clean(markup)
        if len(text.split()) < minimum_words:
            counts["stubs"] += 1
        else:
            articles.append((title, text))
    return articles, counts


def _read_pages(dump: Path, at: Callable[[int], None]) -> Iterator[tuple[str, str, bool, str]]:
    """(title, namespace, whether it is a redirect, markup) of each page; nothing of a page is kept after it."""
    with dump.open("rb") as raw:
        stream = bz2.BZ2File(raw) if dump.suffix == ".bz2" else raw
        try:
            events = ElementTree.iterparse(stream, events=("start", "end"))
            _, root = next(events)
            if not root.tag.endswith("mediawiki"):
                raise UserError(
                    f"{dump}: expected a MediaWiki dump, found XML of <{root.tag}>; take a …-pages-articles.xml"
                )
            for event, element in events:
                if event == "end" and element.tag.endswith("}page"):
                    yield (
                        element.findtext("{*}title") or "",
                        element.findtext("{*}ns") or "0",
                        element.find("{*}redirect") is not None,
                        element.findtext("{*}revision/{*}text") or "",
                    )
                    root.clear()  # the page itself, and the root's reference to it
                    at(raw.tell())
        except (ElementTree.ParseError, LookupError, ValueError) as error:  # the last two: of an encoding
            raise UserError(f"{dump}: not valid XML, or cut off ({error}); fetch it again") from None
        except (EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise UserError(f"{dump}: the file is damaged or cut off ({error}); fetch it again") from None
