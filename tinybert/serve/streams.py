"""Rows of a file, a few thousand at a time, and rows with answers to a file: in memory that doesn't grow with it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.errors import UserError, suggest
from tinybert.running.outputs import whole_file
from tinybert.running.packed import limited_batches, unpacked
from tinybert.tables.json_values import parse

CHUNK = 2048
"""Rows that are read, answered and written together."""
SEPARATORS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
PARQUET = ".parquet"
FORMATS = ", ".join([*SEPARATORS, *JSON_LINES, PARQUET])
UNREADABLE = (ValueError, EOFError, OSError, zlib.error, pa.ArrowException)
"""What the readers raise on files that aren't what their names say."""


def file_format(file: Path) -> str:
    """The suffix that says how a file is read or written, without `.gz`.

    Raises:
        UserError: it is none that is known.
    """
    zipped = file.suffix == ".gz"
    suffix = (file.with_suffix("") if zipped else file).suffix.lower()
    if suffix not in (*SEPARATORS, *JSON_LINES, PARQUET) or (suffix == PARQUET and zipped):
        raise UserError(f"{file}: expected a file that ends with {FORMATS} (all but the last perhaps .gz)")
    return suffix


def read_rows(file: Path, separator: str | None = None) -> Iterator[pd.DataFrame]:
    """The rows as they stand there, all text where the file knows no types.

    Args:
        separator: of a CSV's cells, where it isn't the comma.

    Raises:
        UserError: there is no such file, it is of no known format, damaged, or holds no row.
    """
    if not file.is_file():
        raise UserError(f"{file}: there is no such file; correct --file")
    form, none = file_format(file), True
    try:
        for chunk in _chunks(file, form, separator):
            if len(chunk):
                none = False
                yield chunk
    except UNREADABLE as error:
        if getattr(error, "errno", None) is not None:  # it is the system's: bad gzip and bad Parquet have none
            raise
        found = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(f"{file}: not readable as {form}: {found}; mend it, or rename it") from None
    if none:
        raise UserError(f"{file}: expected rows, found none")


def _chunks(file: Path, form: str, separator: str | None) -> Iterator[pd.DataFrame]:
    if form == PARQUET:
        with pq.ParquetFile(file) as opened:
            batches = limited_batches(opened.iter_batches(CHUNK), file)
            yield from (batch.to_pandas() for batch in batches if batch.num_rows)
    elif form in SEPARATORS:
        cells = separator or SEPARATORS[form]
        text: Any = {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig"}
        with (
            file.open("rb") as raw,
            pd.read_csv(unpacked(raw, file.suffix, f"{file}"), sep=cells, chunksize=CHUNK, **text) as chunks,
        ):
            yield from chunks
    else:
        with file.open("rb") as raw:
            rows: list[dict[str, Any]] = []
            for number, line in enumerate(unpacked(raw, file.suffix, f"{file}"), start=1):
                if line.strip():
                    rows.append(_object(line, number))
                if len(rows) == CHUNK:
                    yield pd.DataFrame(rows)
                    rows = []
            if rows:
                yield pd.DataFrame(rows)


def _object(line: bytes, number: int) -> dict[str, Any]:
    found = parse(line.decode())
    if not isinstance(found, dict):
        raise ValueError(f"line {number}: expected an object, found {type(found).__name__}")
    return found


def choose_texts(rows: pd.DataFrame, columns: Sequence[str], place: str) -> list[str]:
    """The columns of text: those that are named, else `text` (and `text_pair`), else the only one that holds text.

    Raises:
        UserError: a named one is missing, or it isn't clear which is meant.
    """
    names = list(map(str, rows.columns))
    for column in columns:
        if column not in names:
            raise UserError(f"{place}: there is no column {column!r}{suggest(column, names)}")
    if columns:
        return list(columns)
    if "text" in names:
        return [name for name in ("text", "text_pair") if name in names]
    texts = [name for name in names if rows[name].map(lambda value: isinstance(value, str)).all()]
    if len(texts) != 1:
        raise UserError(f"{place}: which column is the text? name it: --column, one of {', '.join(names)}")
    return texts


@contextmanager
def write_rows(file: Path | None, out: IO[str]) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Something that writes rows, chunk by chunk, in the form that the file's name says, or as CSV to `out`.

    A file appears whole at the end, or not at all.

    Raises:
        UserError: it is of no known format, or its folder isn't there.
    """
    with ExitStack() as opened:
        if file is None:
            yield _csv(out, ",")
            return
        form = file_format(file)
        if not file.parent.is_dir():
            raise UserError(f"{file}: there is no folder {file.parent}; make it, or correct --out")
        partial = opened.enter_context(whole_file(file))
        if form == PARQUET:
            yield _parquet(partial, opened)
            return
        stream = opened.enter_context(_open(partial, "wt", file.suffix == ".gz"))
        yield _csv(stream, SEPARATORS[form]) if form in SEPARATORS else _json(stream)


def _open(file: Path, mode: str, zipped: bool | None = None) -> IO[str]:
    zipped = file.suffix == ".gz" if zipped is None else zipped
    opened: Any = (gzip.open if zipped else open)(file, mode, encoding="utf-8", newline="")
    return cast(IO[str], opened)


def _csv(stream: IO[str], separator: str) -> Callable[[pd.DataFrame], None]:
    first = True

    def write(rows: pd.DataFrame) -> None:
        nonlocal first
        rows.to_csv(stream, sep=separator, index=False, header=first, lineterminator="\n")
        first = False

    return write


def _json(stream: IO[str]) -> Callable[[pd.DataFrame], None]:
    def write(rows: pd.DataFrame) -> None:
        stream.write(rows.to_json(orient="records", lines=True, force_ascii=False))

    return write


def _parquet(file: Path, opened: ExitStack) -> Callable[[pd.DataFrame], None]:
    writer: list[pq.ParquetWriter] = []

    def write(rows: pd.DataFrame) -> None:
        table = pa.Table.from_pandas(rows, schema=writer[0].schema if writer else None, preserve_index=False)
        if not writer:
            writer.append(opened.enter_context(pq.ParquetWriter(file, table.schema)))
        writer[0].write_table(table)

    return write
