"""Documents from the files of a corpus: MediaWiki dumps, text, CSV, JSON lines, Parquet; each as a stream."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.corpus.progress import ByteProgress
from tinybert.corpus.store import write_documents
from tinybert.corpus.wikipedia import read_dump
from tinybert.errors import UserError, suggest
from tinybert.sources.choice import DUMP, TEXTS
from tinybert.tables.delimited import Dialect
from tinybert.tables.json_values import parse, require_whole

JSON_LINES = (".jsonl", ".ndjson", ".json")
DIALECTS = {".csv": Dialect(",", quotes=True), ".tsv": Dialect("\t", quotes=False)}

LONGEST = 1 << 20
"""Characters at which a document of a text file ends at the next line, so that a file without blank lines is fine."""

Document = tuple[str, str | None]
"""Title and text; no text is counted as empty."""

At = Callable[[int], None]


def write_corpus(files: list[Path], folder: Path, column: str | None = None) -> dict[str, int]:
    """Write the documents of `files` to `folder` (see `read_documents`, `tinybert.corpus.store`).

    Returns:
        Counts of what is written, and of what is left out, by cause.
    """
    dropped: dict[str, int] = {}
    return write_documents(read_documents(files, dropped, column), folder) | dropped


def read_documents(
    files: list[Path], dropped: dict[str, int], column: str | None = None, processes: int | None = None
) -> Iterator[tuple[str, str]]:
    """The documents of all files as (title, text), in order; paragraphs of a text are lines.

    Args:
        files: `.xml` and `.xml.bz2` dumps; `.txt` (blank lines separate documents); `.parquet`, `.csv`, `.tsv` and
            JSON lines (`.jsonl`, `.ndjson`, `.json`), one document a row; `.gz` of the text ones. As in tables of
            labelled text, CSV has RFC 4180's quotes, and TSV has none: a quote in it is text.
        dropped: filled with counts of what is left out, and why.
        column: that holds the text, `text` by default; one called `title` is taken where there is one.
        processes: that clean a dump (see `read_dump`).

    Raises:
        UserError: a file is of another type, damaged or not UTF-8, or lacks the column; a line is malformed.
    """
    for file in files:
        if not (DUMP.search(file.name) or file.name.endswith((*TEXTS, ".parquet"))):
            types = ".xml, .xml.bz2, .txt, .jsonl, .csv, .tsv (and .gz of these four) or .parquet"
            raise UserError(f"{file}: expected {types} for a corpus; convert or move it")
    with ByteProgress(files) as progress:
        for file in files:
            if DUMP.search(file.name):
                yield from read_dump(file, dropped, processes=processes, at=progress.at)
            else:
                for title, text in _read(file, column or "text", progress.at):
                    text = (text or "").strip()
                    if text:
                        yield title, text
                    else:
                        dropped["empty"] = dropped.get("empty", 0) + 1
            progress.next_file()


def _read(file: Path, column: str, at: At) -> Iterator[Document]:
    suffix = PurePath(file.name.removesuffix(".gz")).suffix
    if suffix == ".parquet":
        return _read_parquet(file, column, at)
    if suffix == ".txt":
        return _read_text(file, at)
    return (_read_json if suffix in JSON_LINES else _read_csv)(file, column, at)


def _lines(file: Path, at: At) -> Iterator[tuple[int, str]]:
    """Numbered lines, unpacked on the way where the file is a .gz."""
    offset = 0
    try:
        with file.open("rb") as raw:
            for number, line in enumerate(gzip.GzipFile(fileobj=raw) if file.suffix == ".gz" else raw, start=1):
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
    size = first = 0
    for number, raw in _lines(file, at):
        line = raw.strip()
        if line:
            first = first if lines else number
            lines.append(line)
            size += len(line)
        if lines and (not line or size >= LONGEST):
            yield f"{file.name}:{first}", "\n".join(lines)
            lines, size = [], 0
    if lines:
        yield f"{file.name}:{first}", "\n".join(lines)


def _read_json(file: Path, column: str, at: At) -> Iterator[Document]:
    for number, line in _lines(file, at):
        if not line.strip():
            continue
        place = f"{file}: line {number}"
        try:
            record = parse(line)
        except ValueError as error:
            raise UserError(f"{place}: not valid JSON ({error}); a line holds one object, as {{…}}") from None
        if not isinstance(record, dict) or column not in record:
            found = f"{sorted(record)[:20]}" if isinstance(record, dict) else repr(record)[:40]
            raise UserError(f"{place}: expected an object with {column!r}, found {found}; name its key in `column`")
        if not isinstance(record[column], str | None):
            raise UserError(f"{place}: {column!r}: expected text, found {record[column]!r:.40}; correct it")
        title = _title(record.get("title"), file, number)
        require_whole(title, f"{place}: 'title'")
        require_whole(record[column] or "", f"{place}: {column!r}")
        yield title, record[column]


def _read_csv(file: Path, column: str, at: At) -> Iterator[Document]:
    dialect = DIALECTS[PurePath(file.name.removesuffix(".gz")).suffix]
    lines = (line for _, line in _lines(file, at))
    records = dialect.read_lines(lines, file, "where quotes are text as they are, save it as .tsv or .jsonl")
    _, header = next(records, (1, []))
    if column not in header:
        raise _no_column(file, column, header)
    place, title = header.index(column), header.index("title") if "title" in header else None
    for number, cells in records:
        if len(cells) != len(header):
            found = f"expected {len(header)} columns, found {len(cells)}"
            advice = "quote text that holds ','" if dialect.quotes else "save text that holds tabs or lines as .jsonl"
            raise UserError(f"{file}: line {number}: {found}; {advice}")
        yield _title(cells[title] if title is not None else None, file, number), cells[place]


def _read_parquet(file: Path, column: str, at: At) -> Iterator[Document]:
    try:
        with pq.ParquetFile(file) as parquet:
            schema, size = parquet.schema_arrow, file.stat().st_size
            if column not in schema.names or not _is_text(schema.field(column).type):
                raise _no_column(file, column, schema.names)
            columns = [column]
            if "title" in schema.names and column != "title" and _is_text(schema.field("title").type):
                columns.append("title")
            row = 0
            for batch in parquet.iter_batches(1000, columns=columns):
                titles = batch.column("title").to_pylist() if "title" in columns else [None] * len(batch)
                for title, text in zip(titles, batch.column(column).to_pylist(), strict=True):
                    yield _title(title, file, row), text
                    row += 1
                at(size * row // parquet.metadata.num_rows)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{file}: not a whole Parquet file ({' '.join(str(error).split())}); replace it") from None


def _title(title: object, file: Path, row: int) -> str:
    return title if isinstance(title, str) and title else f"{file.name}:{row}"


def _no_column(file: Path, column: str, found: list[str]) -> UserError:
    return UserError(f"{file}: there is no column {column!r} of text; name one in `column`{suggest(column, found)}")


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
