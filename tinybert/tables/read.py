"""Labelled text as it comes from people (CSV, TSV, JSON, Parquet; gz or not) → strings, none of them guessed at.

A cell stays what it was: '001', 'NA' and 'null' are text. What can't be read with certainty is an error that names
the line.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tinybert.errors import UserError, suggest
from tinybert.running.packed import ROWS, limited_batches, unpacked
from tinybert.sources.first_bytes import name_the_bytes
from tinybert.tables.delimited import Dialect, declared_separator, find_quoted, keys_that_fit
from tinybert.tables.json_rows import cell, read_objects

TYPED = (".jsonl", ".ndjson", ".json", ".parquet")
FORMATS = (".csv", ".tsv", ".txt", *TYPED)


def find_files(folder: Path, name: str) -> list[Path]:
    """The files in the folder of a source that a name stands for, sorted.

    Args:
        name: as in `train-*.parquet`; an empty one stands for the one file of the folder.

    Raises:
        UserError: the folder is missing, or holds no such file (those that it holds are named), or not one.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: missing; `dvc repro` downloads or imports it")
    if not name:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        if len(files) != 1:
            found = ", ".join(file.name for file in files) or "none"
            hint = "; say in split.train, validation and test which is which" if files else ""
            raise UserError(f"{folder}: expected one file with the task's rows, found {found}{hint}")
        return files
    files = sorted(path for path in (folder.glob(name) if "*" in name else [folder / name]) if path.is_file())
    if not files:
        known = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        raise UserError(f"{folder}: there is no file {name!r}{suggest(name, known)}; correct the task's split")
    return files


def read_table(
    file: Path,
    columns: Sequence[str] | None,
    needed: Sequence[str],
    lists: Collection[str] = (),
    dropped: dict[str, int] | None = None,
    separator: str | None = None,
    quotes: bool | None = None,
) -> pd.DataFrame:
    """The needed columns of a table, every cell a str.

    Args:
        file: UTF-8 with or without a byte order mark, LF or CRLF. CSV has RFC 4180's quotes; TSV (.tsv, .txt) has none,
            as in GLUE. JSON is an object a line, or an array of objects. All of these may lie in a .gz.
        columns: names for all columns of a CSV or TSV without a header; None where the first line names them.
        needed: the columns to return.
        lists: those of them whose cells may be lists of text or numbers; one is returned as JSON, `["a", "7"]`.
        dropped: where given, lines with too few or too many columns are counted here as `broken`, instead of refused.
        separator: of a CSV or TSV, where it is another one than the file's name, or Excel's first line `sep=;`, says.
        quotes: whether a CSV or TSV has RFC 4180's quotes, where that is otherwise than its name says.

    Returns:
        Rows in the file's order. The index, called `line` (`row` for Parquet and an array of JSON), counts from 1.

    Raises:
        UserError: naming file and line; another format or encoding, no rows, a ragged row, a column that isn't there,
            the columns' names once more among the rows.
    """
    suffix = Path(file.name.removesuffix(".gz")).suffix.lower()
    if suffix not in FORMATS:
        raise UserError(f"{file}: expected a file that ends in {', '.join(FORMATS)} (or one of these texts and .gz)")
    if suffix in TYPED and (columns, separator, quotes) != (None, None, None):
        advice = "set columns: null, and remove split.separator and split.quotes"
        raise UserError(f"{file}: a {suffix} file names its columns itself and has no separators; {advice}")
    needed = list(dict.fromkeys(needed))
    if suffix == ".parquet":
        frame = _parquet(file, needed, lists)
    elif suffix in TYPED:
        frame = _json(file, needed, lists)
    else:
        csv = suffix == ".csv"
        declared, text = declared_separator(read_text(file))
        dialect = Dialect(separator or declared or ("," if csv else "\t"), csv if quotes is None else quotes)
        lines, rows = _delimited(text, dialect, columns, needed, file, dropped)
        if quotes is None and not dialect.quotes and (line := find_quoted(zip(lines, rows, strict=True))):
            advice = "set split.quotes: true, or false to keep the quotes as text"
            raise UserError(f"{file}: line {line}: cells look quoted, as by a program, and none otherwise; {advice}")
        frame = _frame(rows, needed, lines, "line")
    if frame.empty:
        raise UserError(f"{file}: expected rows, found none; add some")
    _require_no_header(frame, file, columns is not None)
    return frame


def read_text(file: Path) -> str:
    """The whole of a UTF-8 file, with or without a byte order mark, in a .gz or not.

    Raises:
        UserError: it is empty, damaged, or in another encoding (the line is named).
    """
    if named := name_the_bytes(file):
        raise UserError(f"{file}: {named}")
    with file.open("rb") as raw:
        try:
            content = unpacked(raw, file.suffix, f"{file}").read()
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise UserError(f"{file}: damaged or no gzip file ({error}); fetch or compress it again") from None
    if not content.strip():
        raise UserError(f"{file}: the file is empty; expected labelled text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        likely = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "windows-1252"
        raise UserError(
            f"{file}: line {line}: not UTF-8 (byte {error.start}, 0x{content[error.start]:02x}); save it as UTF-8, "
            f"as in `iconv -f {likely} -t utf-8`"
        ) from None


def read_parquet(file: Path, needed: Sequence[str], others: Sequence[str] = ()) -> pa.Table:
    """The needed columns of a Parquet file, and of the others those that it has.

    Raises:
        UserError: it is damaged or no Parquet, or lacks a needed column.
    """
    try:
        with pq.ParquetFile(file) as source:
            names = source.schema_arrow.names
            _require_columns(needed, names, file)
            columns = [*needed, *(name for name in others if name in names)]
            batches = [*limited_batches(source.iter_batches(ROWS, columns=columns), file)]
            return pa.Table.from_batches(batches, source.read_row_groups([], columns=columns).schema)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        found = name_the_bytes(file) or f"not a Parquet file: {' '.join(str(error).split())}; save or fetch it again"
        raise UserError(f"{file}: {found}") from None


def _delimited(
    text: str,
    dialect: Dialect,
    columns: Sequence[str] | None,
    needed: Sequence[str],
    file: Path,
    dropped: dict[str, int] | None,
) -> tuple[list[int], list[list[str]]]:
    """The lines of the rows, and the needed cells of each."""
    stream = io.StringIO(text, newline="" if dialect.quotes else "\n")
    records = dialect.read(stream, file, "where quotes are text as they are, set split.quotes: false")
    names = list(columns) if columns is not None else next(records, (1, []))[1]
    hint = ""
    if columns is None and not set(needed) <= set(names):
        fitting = keys_that_fit(text, dialect, set(needed).issubset)
        hint = fitting or "; if its first line is no header, name its columns in `columns`"
    _require_columns(needed, names, file, hint)
    positions = [names.index(column) for column in needed]
    lines: list[int] = []
    rows: list[list[str]] = []
    for line, cells in records:
        if len(cells) == len(names):
            lines.append(line)
            rows.append([cells[position] for position in positions])
        elif dropped is not None:
            dropped["broken"] = dropped.get("broken", 0) + 1
        else:
            hint = "; where this file has its texts in quotes, set split.quotes: true, else save it as .jsonl"
            if dialect.quotes:
                hint = f"; quote a text with {dialect.separator!r} in it"
            if not rows:
                hint = keys_that_fit(text, dialect, lambda others: len(others) == len(names)) or hint
            raise UserError(f"{file}: line {line}: expected {len(names)} columns, found {len(cells)}{hint}")
    return lines, rows


def _json(file: Path, needed: Sequence[str], lists: Collection[str]) -> pd.DataFrame:
    unit, objects = read_objects(read_text(file), file)
    if not objects:
        raise UserError(f"{file}: expected rows, found none; add some")
    _require_columns(needed, list(dict.fromkeys(key for _, value in objects for key in value)), file)
    rows = [
        [cell(value.get(column), f"{file}: {unit} {number}: {column}", column in lists) for column in needed]
        for number, value in objects
    ]
    return _frame(rows, needed, [number for number, _ in objects], unit)


def _parquet(file: Path, needed: Sequence[str], lists: Collection[str]) -> pd.DataFrame:
    table = read_parquet(file, needed)
    cells = {}
    for column in needed:
        values = table[column]
        try:
            if column in lists and pa.types.is_nested(values.type):
                lists_of_text = values.cast(pa.list_(pa.string())).to_pylist()
                cells[column] = ["" if each is None else json.dumps(each, ensure_ascii=False) for each in lists_of_text]
            else:
                if pa.types.is_floating(values.type):  # NaN is no value, as in pandas
                    values = pc.if_else(pc.is_nan(values), None, values)
                cells[column] = values.cast(pa.string()).fill_null("").to_pylist()
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            raise UserError(f"{file}: {column}: expected text or numbers, found {table[column].type}") from None
    return pd.DataFrame(cells, index=pd.RangeIndex(1, table.num_rows + 1, name="row"), dtype=object)


def _frame(rows: list[list[str]], needed: Sequence[str], numbers: list[int], unit: str) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(needed), index=pd.Index(numbers, name=unit, dtype="int64"), dtype=object)


def _require_columns(needed: Sequence[str], names: Sequence[str], file: Path, hint: str = "") -> None:
    """Refuse a table where a column isn't there, or several are called so; `hint` is what may be the reason."""
    for column in needed:
        if column not in names:
            known = suggest(column, [name[:40] for name in names])
            raise UserError(f"{file}: there is no column {column!r}{known}{hint}")
        if names.count(column) > 1:
            raise UserError(f"{file}: several columns are called {column!r}; rename all but one")


def _require_no_header(frame: pd.DataFrame, file: Path, has_names: bool) -> None:
    """Refuse the columns' names as a row, in whatever case; in one column alone they may be a text.

    Args:
        has_names: whether the names are the user's, and the file has no header.
    """
    names = [name.strip().casefold() for name in frame.columns]
    for line, *cells in frame.itertuples() if len(names) > 1 else ():
        if cells[-1].strip().casefold() == names[-1] and [cell.strip().casefold() for cell in cells] == names:
            found = f"{file}: {frame.index.name} {line} names the columns"
            if has_names and line == frame.index[0]:
                raise UserError(f"{found}, as `columns` does; set columns: null, and text and label as it calls them")
            raise UserError(f"{found} once more, as in files that were put together; remove it")
