"""The articles of a MediaWiki dump as running text, streamed: a dump of any size is read in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

from tinybert.corpus.markup import SILENT, clean, says
from tinybert.corpus.store import groups
from tinybert.errors import UserError
from tinybert.running.packed import unpacked
from tinybert.running.parallel import count_cores, ordered_map
from tinybert.running.results import as_json, kept_results

STUB = 250
"""Bytes of letters (see `says`) below which an article is a stub: about 50 words of English, or 80 ideographs."""

SILENT_NAMESPACES = ("-2", "6", "14")
"""Media, File, Category: their numbers are the same in every wiki, their names are in its language."""

BATCH = 1 << 20
"""Bytes of markup, about, that a process cleans at a time."""
SHARE = 8 << 20
"""Bytes of a dump for which a process more is worth its start."""
IN_MEMORY = 20_000
"""Articles at most that are cleaned and not kept yet."""

Page = tuple[str, str]
"""Title, and markup or running text."""


def read_dump(
    dump: Path,
    dropped: dict[str, int],
    processes: int | None = None,
    at: Callable[[int], object] = lambda position: None,
    part: str = "",
) -> Iterator[Page]:
    """The (title, text) of each article in the dump's order; paragraphs of a text are lines, sentence case is kept.

    Args:
        dump: `.xml` or `.bz2` of a wiki's pages, as on dumps.wikimedia.org; of a page's history the newest is taken.
        dropped: counts by reason are added here: other namespaces, redirects, stubs; pages that only list what
            else has their title are stubs, too.
        processes: that clean, while this one reads; by default one a core, fewer for a small dump. Their number
            doesn't show in the result.
        at: told how many bytes of the file have been read.
        part: under which a stage keeps cleaned articles (see `tinybert.running.results`); none are kept when empty.

    Raises:
        UserError: the file is cut off, damaged, or no dump.
    """
    for reason in ("other namespaces", "redirects", "stubs"):
        dropped.setdefault(reason, 0)
    if processes is None:
        processes = min(count_cores(), 1 + dump.stat().st_size // SHARE)
    silent = set(SILENT)

    def clean_from(first: int) -> Iterator[Page]:
        # One process takes page by page: the first articles come at once. Those that are kept are read over.
        articles = islice(_read_articles(dump, dropped, silent, at), first, None)
        batches = groups(articles, BATCH if processes > 1 else 0)
        for cleaned in ordered_map(_clean_batch, ((batch, silent) for batch, _ in batches), processes):
            yield from cleaned

    with closing(kept_results(part, clean_from, as_json(), "articles", most=IN_MEMORY)) as pages:
        for title, text in pages:
            if not says(text, STUB):
                dropped["stubs"] += 1
            else:
                yield title, text


def _clean_batch(work: tuple[list[Page], set[str]]) -> list[Page]:
    pages, silent = work
    return [(title, clean(markup, silent)) for title, markup in pages]


def _read_articles(
    dump: Path, dropped: dict[str, int], silent: set[str], at: Callable[[int], object]
) -> Iterator[Page]:
    """(title, markup) of each article. What the dump says of its wiki, before its pages, is added to `silent`."""
    newest, markup = "", ""  # of the page's revisions: their times, as text, are in order
    for element, root, position in _elements(dump):
        match element.tag.rpartition("}")[2]:
            case "namespace" if element.get("key") in SILENT_NAMESPACES and element.text:
                silent.add(element.text.lower())
            case "revision":
                if (time := element.findtext("{*}timestamp") or "") >= newest:
                    newest, markup = time, element.findtext("{*}text") or ""
                element.clear()
            case "page":
                if (element.findtext("{*}ns") or "0") != "0":
                    dropped["other namespaces"] += 1
                elif element.find("{*}redirect") is not None:
                    dropped["redirects"] += 1
                else:
                    yield element.findtext("{*}title") or "", markup
                newest, markup = "", ""
                root.clear()  # the page itself, and the root's reference to it
                at(position)


def _elements(dump: Path) -> Iterator[tuple[ElementTree.Element, ElementTree.Element, int]]:
    """Each element at its end, with the root and how many bytes of the file have been read."""
    with dump.open("rb") as raw:
        try:
            events = ElementTree.iterparse(unpacked(raw, dump.suffix, f"{dump}"), events=("start", "end"))
            _, root = next(events)
            if not root.tag.endswith("mediawiki"):
                found = f"expected a MediaWiki dump, found XML of <{root.tag}>"
                raise UserError(f"{dump}: {found}; take a …-pages-articles.xml")
            for event, element in events:
                if event == "end":
                    yield element, root, raw.tell()
        # LookupError and ValueError: of an encoding; EOFError and OSError: of bzip2
        except (ElementTree.ParseError, LookupError, ValueError, EOFError, OSError) as error:
            raise UserError(f"{dump}: not valid XML, damaged or cut off ({error}); fetch it again") from None
