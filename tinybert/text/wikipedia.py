"""The articles of a MediaWiki dump as running text, streamed: a dump of any size is read in constant memory."""

from __future__ import annotations

import bz2
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from tqdm import tqdm

from tinybert.errors import UserError
from tinybert.text.markup import clean

STUB = 50
"""Words below which an article is a stub."""

REDIRECT = re.compile(r"\s*#redirect\b", re.IGNORECASE)

DISAMBIGUATION = re.compile(
    r"\{\{\s*((human name |place name )?disambig(uation)?( page)?|disamb|dab|(hn|geo|school|number|road)dis|mathdab|"
    r"surname|given name|set index( article)?|sia)\s*[|}]",
    re.IGNORECASE,
)
"""Templates of pages that only list what else has the title."""


def read_dump(dump: Path, dropped: dict[str, int], minimum_words: int = STUB) -> Iterator[tuple[str, str]]:
    """The (title, text) of each article in the dump's order; paragraphs of a text are lines, sentence case is kept.

    Args:
        dump: `.xml` or `.bz2` of a wiki's pages, as on dumps.wikimedia.org.
        dropped: counts by reason are added here: other namespaces, redirects, disambiguation, stubs.
        minimum_words: an article with fewer words, once it is cleaned, is a stub.

    Raises:
        UserError: the file is cut off, damaged, or no dump.
    """
    for reason in ("other namespaces", "redirects", "disambiguation", "stubs"):
        dropped.setdefault(reason, 0)
    for title, namespace, is_redirect, markup in _read_pages(dump):
        if namespace != "0":
            dropped["other namespaces"] += 1
        elif is_redirect or REDIRECT.match(markup):
            dropped["redirects"] += 1
        elif title.endswith("(disambiguation)") or DISAMBIGUATION.search(markup):
            dropped["disambiguation"] += 1
        else:
            text = clean(markup)
            if len(text.split()) < minimum_words:
                dropped["stubs"] += 1
            else:
                yield title, text


def _read_pages(dump: Path) -> Iterator[tuple[str, str, bool, str]]:
    """(title, namespace, whether it is a redirect, markup) of each page; nothing of a page is kept after it."""
    size = dump.stat().st_size
    with (
        dump.open("rb") as raw,
        tqdm(total=size, desc=f"  {dump.name}", unit="B", unit_scale=True, unit_divisor=1024, disable=None) as progress,
    ):
        stream = bz2.BZ2File(raw) if dump.suffix == ".bz2" else raw
        try:
            events = ElementTree.iterparse(stream, events=("start", "end"))
            _, root = next(events)
            if not root.tag.endswith("mediawiki"):
                raise UserError(f"{dump}: expected a MediaWiki dump, found XML of <{root.tag}>")
            for event, element in events:
                if event == "end" and element.tag.endswith("}page"):
                    yield (
                        element.findtext("{*}title") or "",
                        element.findtext("{*}ns") or "0",
                        element.find("{*}redirect") is not None,
                        element.findtext("{*}revision/{*}text") or "",
                    )
                    root.clear()  # the page itself, and the root's reference to it
                    progress.update(raw.tell() - progress.n)
        except ElementTree.ParseError as error:
            raise UserError(f"{dump}: not valid XML, or cut off ({error}); fetch it again") from None
        except (EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise UserError(f"{dump}: the file is damaged or cut off ({error}); fetch it again") from None
