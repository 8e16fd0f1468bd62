"""Documents from the files of a corpus: MediaWiki dumps, text, CSV, JSON lines, Parquet; each as a stream."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any
from unicodedata import normalize

import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.corpus.markup import unescape
from tinybert.corpus.store import write_documents
from tinybert.corpus.wikipedia import read_dump
from tinybert.errors import UserError, suggest
from tinybert.running.bars import Bar
from tinybert.running.packed import limited_batches, unpacked
from tinybert.sources.choice import DUMP, TEXTS
from tinybert.sources.first_bytes import name_the_bytes
from tinybert.tables.delimited import Dialect
from tinybert.tables.json_values import parse, require_whole

DIALECTS = {".csv": Dialect(",", quotes=True), ".tsv": Dialect("\t", quotes=False)}

DOC, DOC_END = re.compile(r'<doc id=.*\btitle="(.*)">'), "</doc>"
"""The lines around each article in what WikiExtractor writes."""

KINDS = (
    (DOC, "WikiExtractor's output", ".txt"),
    (re.compile(r'\{\s*"[^"]*"\s*:'), "JSON lines", ".jsonl"),
    (re.compile("<mediawiki "), "a MediaWiki dump", ".xml"),
)
"""How a text begins, what it is then, and what its name ends in."""

LONGEST = 1 << 20
"""Characters at which a document of a text file ends at the next line, so that a file without blank lines is fine."""

Document = tuple[str, str | None]
"""Title and text; no text is counted as empty."""

At = Callable[[int], object]
"""Told how many bytes of the file on disk have been read."""


def write_corpus(files: list[Path], folder: Path, column: str | None = None) -> dict[str, int]:
    """Write the documents of `files` to `folder` (see `read_documents`, `tinybert.corpus.store`).

    Returns:
        Counts of what is written, and of what is left out, by cause.
    """
    dropped: dict[str, int] = {}
    return write_documents(read_documents(files, dropped, column), folder) | dropped


def read_documents(files: list[Path], dropped: dict[str, int], column: str | None = None) -> Iterator[tuple[str, str]]:
    """The documents of all files as (title, text), in order; paragraphs of a text are lines.

    Texts are in Unicode's composed form (NFC), as Wikipedia is: a letter and its accent are one character in all.

    Args:
        files: `.xml` and `.xml.bz2` dumps; `.txt` (blank lines separate documents, or the tags of WikiExtractor);
            `.parquet`, `.csv`, `.tsv` and JSON lines (`.jsonl`, `.ndjson`, `.json`), one document a row; `.gz` of the
            text ones. As in tables of labelled text, CSV has RFC 4180's quotes, and in TSV a quote is text.
        dropped: filled with counts of what is left out, and why.
        column: that holds the text, `text` by default; one called `title` is taken where there is one.

    Raises:
        UserError: a file is of another type, damaged or not UTF-8, or lacks the column; a line is malformed.
    """
    for file in files:
        advice = name_the_bytes(file)
        if not (DUMP.search(file.name) or file.name.endswith((*TEXTS, ".parquet"))):
            with file.open("rb") as stream:
                first = stream.readline(1000).decode(errors="replace")
            types = "expected .xml, .xml.bz2, .txt, .jsonl, .csv, .tsv (and .gz of these four) or .parquet for a corpus"
            advice = f"{types}; {advice or _call_it(first, file) or 'convert or move it'}"
        if advice:
            raise UserError(f"{file}: {advice}")
    sizes = [file.stat().st_size for file in files]
    name = files[0].name if len(files) == 1 else f"{len(files)} files"
    with Bar(total=sum(sizes), desc=f"  {name}", unit="B", unit_scale=True, unit_divisor=1024) as bar:
        before = 0
        for number, (file, size) in enumerate(zip(files, sizes, strict=True)):

            def at(position: int, before: int = before) -> None:
                bar.update(before + position - bar.n)

            if DUMP.search(file.name):
                documents: Iterator[Document] = read_dump(file, dropped, at=at, part=f"articles-{number}")
            elif _ending(file) == ".txt":
                documents = _read_text(file, at)
            else:
                documents = _read_rows(file, column or "text", at)
            for title, text in documents:
                if text := normalize("NFC", text or "").strip():
                    yield title, text
                else:
                    dropped["empty"] = dropped.get("empty", 0) + 1
            at(size)
            before += size


def _ending(file: Path) -> str:
    return PurePath(file.name.removesuffix(".gz")).suffix


def _call_it(first: str, file: Path) -> str | None:
    """What a text is by its first line, and what to call it where its name says something else."""
    gz = ".gz" if file.suffix == ".gz" else ""
    name = file.name.removesuffix(gz).removesuffix(".txt").removesuffix(".jsonl")
    for pattern, kind, ending in KINDS:
        if pattern.match(first) and _ending(file) != ending:
            return f"this is {kind}; call it {name}{ending}{gz}"
    return None


def _lines(file: Path, at: At) -> Iterator[tuple[int, str]]:
    """Numbered lines, unpacked on the way where the file is a .gz."""
    offset = 0
    try:
        with file.open("rb") as raw:
            for number, line in enumerate(unpacked(raw, file.suffix, f"{file}"), start=1):
                try:
                    yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    place = f"line {number}, byte {offset + error.start}"
                    raise UserError(f"{file}: {place}: not UTF-8; save the file as UTF-8") from None
                offset += len(line)
                if not number % 1000:
                    at(raw.tell())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{file}: the file is damaged or cut off ({error}); fetch it again") from None


def _read_text(file: Path, at: At) -> Iterator[Document]:
    lines: list[str] = []
    title, tagged, size = "", False, 0
    for number, raw in _lines(file, at):
        line = raw.strip()
        if number == 1 and (advice := _call_it(line, file)):
            raise UserError(f"{file}: {advice}")
        tag = DOC.fullmatch(line)
        ends = tag is not None or (line == DOC_END if tagged else not line)
        if lines and (ends or size >= LONGEST):
            yield title, "\n".join(lines)
            lines, size = [], 0
        if ends:
            title, tagged = unescape(tag[1]) if tag else "", tag is not None
        elif line and (lines or line != title):  # WikiExtractor writes the title as the first line, too
            title = title if tagged or lines else f"{file.name}:{number}"
            lines.append(line)
            size += len(line)
    if lines:
        yield title, "\n".join(lines)


def _read_rows(file: Path, column: str, at: At) -> Iterator[Document]:
    read = {".parquet": _parquet_rows, ".csv": _csv_rows, ".tsv": _csv_rows}.get(_ending(file), _json_rows)
    for number, row in read(file, column, at):
        place = f"{file}: {'row' if read is _parquet_rows else 'line'} {number}"
        if column not in row:
            advice = f"name one in `column`{suggest(column, list(row))}"
            raise UserError(f"{place}: there is no column {column!r} of text; {advice}")
        text, title = row[column], row.get("title")
        if not isinstance(text, str | None):
            raise UserError(f"{place}: {column!r}: expected text, found {text!r:.40}; name another in `column`")
        title = title if isinstance(title, str) and title else f"{file.name}:{number}"
        require_whole(f"{title}{text}", place)
        yield title, text


def _json_rows(file: Path, column: str, at: At) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in _lines(file, at):
        if line.strip():
            try:
                if not isinstance(record := parse(line), dict):
                    raise ValueError(f"found a {type(record).__name__}")
            except ValueError as error:
                advice = _call_it(line, file) or "a line holds one object, as {…}"
                raise UserError(f"{file}: line {number}: not valid JSON lines ({error}); {advice}") from None
            yield number, record


def _csv_rows(file: Path, column: str, at: At) -> Iterator[tuple[int, dict[str, str]]]:
    dialect = DIALECTS[_ending(file)]
    lines = (line for _, line in _lines(file, at))
    records = dialect.read(lines, file, "where quotes are text as they are, save it as .tsv or .jsonl")
    _, header = next(records, (1, []))
    for number, cells in records:
        if len(cells) != len(header):
            found = f"expected {len(header)} columns, found {len(cells)}"
            advice = "quote text that holds ','" if dialect.quotes else "save text that holds tabs or lines as .jsonl"
            raise UserError(f"{file}: line {number}: {found}; {advice}")
        yield number, dict(zip(header, cells, strict=True))


def _parquet_rows(file: Path, column: str, at: At) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with pq.ParquetFile(file) as parquet:
            size, names, number = file.stat().st_size, parquet.schema_arrow.names, 0
            wanted = [name for name in (column, "title") if name in names] if column in names else names
            for batch in limited_batches(parquet.iter_batches(1000, columns=wanted), file):
                yield from enumerate(batch.to_pylist(), start=number)
                number += len(batch)
                at(size * number // parquet.metadata.num_rows)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not a whole Parquet file ({' '.join(str(error).split())}); replace it") from None
