"""Documents from the files of a corpus: MediaWiki dumps, text, Parquet; each as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.errors import UserError
from tinybert.text.wikipedia import read_dump

DUMP = re.compile(r"\.xml(-[^.]*)?(\.bz2)?$")
"""`pages-articles.xml`, `pages-articles.xml.bz2`, and parts such as `pages-articles1.xml-p1p41242.bz2`."""

LONGEST = 1 << 20
"""Characters at which a document of a text file ends at the next line, so that a file without blank lines is fine."""


def read_documents(files: list[Path], dropped: dict[str, int]) -> Iterator[tuple[str, str]]:
    """The documents of all files as (title, text), in order; paragraphs of a text are lines.

    Args:
        files: `.xml` and `.xml.bz2` dumps, `.txt` (blank lines separate documents), `.parquet` (a column `text`,
            perhaps one `title`).
        dropped: filled with counts of what is left out, and why.

    Raises:
        UserError: a file is of another type, damaged or not UTF-8.
    """
    for file in files:
        if not (DUMP.search(file.name) or file.suffix in (".txt", ".parquet")):
            raise UserError(f"{file}: expected .xml, .xml.bz2, .txt or .parquet for a corpus; convert or move it")
    for file in files:
        if file.suffix == ".txt":
            yield from _read_text(file)
        elif file.suffix == ".parquet":
            yield from _read_parquet(file, dropped)
        else:
            yield from read_dump(file, dropped)


def _read_text(file: Path) -> Iterator[tuple[str, str]]:
    lines: list[str] = []
    size = first = offset = 0
    with file.open("rb") as stream:
        for number, raw in enumerate(stream, start=1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError as error:
                place = f"line {number}, byte {offset + error.start}"
                raise UserError(f"{file}: {place}: not UTF-8; save the file as UTF-8") from None
            offset += len(raw)
            if line:
                first = first if lines else number
                lines.append(line)
                size += len(line)
            if lines and (not line or size >= LONGEST):
                yield f"{file.name}:{first}", "\n".join(lines)
                lines, size = [], 0
    if lines:
        yield f"{file.name}:{first}", "\n".join(lines)


def _read_parquet(file: Path, dropped: dict[str, int]) -> Iterator[tuple[str, str]]:
    try:
        with pq.ParquetFile(file) as parquet:
            names = parquet.schema_arrow.names
            if "text" not in names or not _is_text(parquet.schema_arrow.field("text").type):
                raise UserError(f"{file}: a corpus needs a column `text` of strings, found {names}")
            has_title = "title" in names and _is_text(parquet.schema_arrow.field("title").type)
            row = 0
            for batch in parquet.iter_batches(1000, columns=["title", "text"] if has_title else ["text"]):
                for record in batch.to_pylist():
                    text = (record["text"] or "").strip()
                    if text:
                        yield record.get("title") or f"{file.name}:{row}", text
                    else:
                        dropped["empty"] = dropped.get("empty", 0) + 1
                    row += 1
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{file}: not a whole Parquet file ({' '.join(str(error).split())}); replace it") from None


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
