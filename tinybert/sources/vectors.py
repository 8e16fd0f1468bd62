"""Word vectors as `vectors.npy` (float32, words × dimensions) and `words.parquet` (column `word`), of any size."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import reprlib
import sys
import zlib
from array import array
from collections.abc import Iterator
from itertools import chain, takewhile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.errors import UserError
from tinybert.sources.progress import ByteProgress

VECTORS = "vectors.npy"
WORDS = "words.parquet"

CHUNK = 10_000
"""Rows in memory at a time."""

SHOWN = 20
"""Malformed lines whose numbers an error says."""

BLOCK = 1 << 20
"""Bytes of a binary file that are read at a time; no word is longer."""

CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
"""Bytes that binary numbers have, and text hasn't."""

ZIPPED = b"PK\x03\x04"
"""How an archive of that kind begins."""

Stream = gzip.GzipFile | io.BufferedReader

Chunks = Iterator[tuple[list[str], np.ndarray]]
"""Words and their vectors (words, dimensions), float32."""


def convert_vectors(files: list[Path], folder: Path, words: int | None = None) -> dict[str, int]:
    """Write one set of word vectors, in the order in which they came, to `folder`; in constant memory.

    Args:
        files: either a `.npy` matrix and a `.parquet` of its words, one column of strings; or one file, perhaps `.gz`,
            of the GloVe or word2vec format (a word and its numbers a line; word2vec's first line has the two sizes, and
            its numbers may be binary).
        folder: an existing folder.
        words: only the first so many are kept, and no further ones read; None keeps all.

    Raises:
        UserError: it is neither, the two do not have as many rows, or a line or a vector is malformed.
    """
    by_suffix = {file.suffix: file for file in files}
    if len(files) == 2 and by_suffix.keys() == {".npy", ".parquet"}:
        return _write(_read_matrix(by_suffix[".npy"], by_suffix[".parquet"], words), folder)
    if len(files) == 1 and files[0].suffix not in (".npy", ".parquet"):
        return _write(_read_file(files[0], words), folder)
    names = ", ".join(sorted(file.name for file in files))
    raise UserError(
        f"{files[0].parent}: vectors are a .npy matrix with a .parquet of words, or one file of GloVe's or word2vec's "
        f"format; found {names}"
    )


def _write(chunks: Chunks, folder: Path) -> dict[str, int]:
    """How many rows there are is known at the end; numpy leaves room in a file's header for that number to grow."""
    rows = dimensions = 0
    schema = pa.schema([("word", pa.string())])
    with (folder / VECTORS).open("wb") as file, pq.ParquetWriter(folder / WORDS, schema, compression="zstd") as names:
        for words, vectors in chunks:
            if not rows:
                dimensions = vectors.shape[1]
                _write_header(file, (0, dimensions))
            file.write(np.ascontiguousarray(vectors, dtype="<f4").tobytes())
            names.write_table(pa.table([words], schema=schema))
            rows += len(words)
        file.seek(0)
        _write_header(file, (rows, dimensions))
    return {"words": rows, "dimensions": dimensions}


def _write_header(file: object, shape: tuple[int, int]) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)  # type: ignore[arg-type]


def _read_matrix(matrix: Path, names: Path, limit: int | None) -> Chunks:
    vectors, words = _open_matrix(matrix), _read_words(names)
    if len(words) != len(vectors):
        raise UserError(f"{matrix}: {len(vectors)} vectors for {len(words)} words of {names.name}")
    for start in range(0, min(limit or len(words), len(words)), CHUNK):
        count = min(CHUNK, (limit or len(words)) - start)
        some = words.slice(start, count).to_pylist()
        chunk = np.asarray(vectors[start : start + count], dtype=np.float32)
        yield some, _finite(chunk, some, start, matrix)


def _finite(vectors: np.ndarray, words: list[str], first: int, file: Path) -> np.ndarray:
    """The vectors, of rows from `first` on, all of them finite."""
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise UserError(f"{file}: the vector of {words[row]!r} (row {first + row}) is not finite; remove the word")
    return vectors


def _open_matrix(file: Path) -> np.ndarray:
    try:
        matrix = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise UserError(f"{file}: not a whole .npy file of plain numbers ({_line(error)}); save it again") from None
    if matrix.ndim != 2 or matrix.dtype.kind != "f" or not matrix.size:
        raise UserError(f"{file}: expected floats, words × dimensions, found {matrix.dtype} of shape {matrix.shape}")
    return matrix


def _read_words(file: Path) -> pa.ChunkedArray:
    try:
        table = pq.read_table(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{file}: not a whole Parquet file ({_line(error)}); save or fetch it again") from None
    columns = [field.name for field in table.schema if field.type in (pa.string(), pa.large_string())]
    if len(columns) != 1:
        raise UserError(f"{file}: expected one column of strings, the words, found {columns or table.schema.names}")
    words = table.column(columns[0]).cast(pa.string())
    if words.null_count:
        raise UserError(f"{file}: column {columns[0]!r}: {words.null_count} words are null; every row needs its word")
    return words


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _read_file(file: Path, limit: int | None) -> Chunks:
    """A text file, or a binary one of word2vec's, unpacked on the way where it is a .gz."""
    try:
        with file.open("rb") as raw, ByteProgress([file]) as progress:
            if raw.peek(4).startswith(ZIPPED):
                raise UserError(f"{file}: a .zip archive; unpack it, and name the file of vectors in it")
            stream = gzip.GzipFile(fileobj=raw) if file.suffix == ".gz" else raw
            first = stream.readline().removeprefix(codecs.BOM_UTF8)
            sizes = _sizes(first, file)
            if sizes and CONTROL.search(stream.peek(1)):
                chunks = _read_binary(stream, *sizes, file, limit)
            else:
                chunks = _read_text(stream, first, sizes, file, limit)
            for chunk in chunks:
                progress.at(raw.tell())
                yield chunk
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{file}: the file is damaged or cut off ({error}); fetch it again") from None


def _read_text(lines: Stream, first: bytes, sizes: tuple[int, int] | None, file: Path, limit: int | None) -> Chunks:
    """What follows the line that is read already; that one is a word too where it says no sizes."""
    expected, dimensions = sizes or (None, 0)
    rows = 0
    blank: list[int] = []
    words: list[str] = []
    numbers = array("f")
    malformed = _Malformed()
    for number, line in enumerate(lines if sizes else chain([first], lines), start=2 if sizes else 1):
        if not line.strip():
            blank.append(number)
            continue
        for empty in blank:  # the last ones are no mistake
            malformed.add(empty, "expected a word and its numbers, found nothing; remove the line")
        blank = []
        rows += 1
        try:
            word, values = _parse(line, dimensions)
        except ValueError as error:
            malformed.add(number, str(error))
            if not dimensions:
                break  # nothing says how the others should be
        else:
            dimensions = len(values)
            words.append(word)
            numbers.extend(values)
        if len(words) == CHUNK or rows == limit:
            if not malformed.count:  # else only to count the others
                yield words, np.frombuffer(numbers, np.float32).reshape(-1, dimensions)
            words, numbers = [], array("f")
        if rows == limit:
            malformed.refuse(file)
            return
    malformed.refuse(file)
    if words:
        yield words, np.frombuffer(numbers, np.float32).reshape(-1, dimensions)
    if not rows:
        raise UserError(f"{file}: no vectors in it; expected a word and its numbers on each line")
    if expected is not None and rows != expected:
        raise UserError(f"{file}: line 1 says that there are {expected} words, found {rows}; the file is cut off")


def _read_binary(stream: Stream, count: int, dimensions: int, file: Path, limit: int | None) -> Chunks:
    """word2vec's binary form: after the sizes, each word, a space, and its numbers as float32, with or without a line
    break behind them.
    """
    count, width = min(count, limit or count), 4 * dimensions
    block, start = b"", 0
    for first in range(0, count, CHUNK):
        words: list[str] = []
        numbers = bytearray()
        for row in range(first, min(first + CHUNK, count)):
            while (space := block.find(b" ", start)) < 0 or len(block) <= space + width:
                more = stream.read(BLOCK)
                if not more or (space < 0 and len(block) - start > BLOCK):
                    raise UserError(f"{file}: word {row + 1} of {count} is cut off or damaged; fetch the file again")
                block, start = block[start:] + more, 0
            try:
                words.append(block[start:space].lstrip(b"\n").decode("utf-8"))
            except UnicodeDecodeError:
                raise UserError(f"{file}: word {row + 1}: not UTF-8; the file is damaged, or of another form") from None
            start = space + 1 + width
            numbers += block[space + 1 : start]
        yield words, _finite(np.frombuffer(numbers, "<f4").reshape(-1, dimensions), words, first, file)


def _sizes(line: bytes, file: Path) -> tuple[int, int] | None:
    """What word2vec's first line says: how many words there are, and of how many dimensions."""
    parts = line.split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        return None
    if max(map(len, parts)) > len(str(sys.maxsize)):
        raise UserError(f"{file}: line 1: expected how many words and dimensions, found {line[:20]!r}…; correct it")
    return int(parts[0]), int(parts[1])


def _parse(line: bytes, dimensions: int) -> tuple[str, array[float]]:
    """A word and its numbers; the first line says how many, where they are not known yet.

    Raises:
        ValueError: saying what was expected, what was found and what to change.
    """
    try:
        text = line.decode("utf-8").rstrip()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 (byte {error.start} of the line); save it as UTF-8") from None
    parts = text.split(" ")
    count = dimensions or len(parts) - 1
    word = " ".join(parts[:-count])  # some of GloVe's words have spaces
    values = _numbers(parts[-count:]) if count else None
    if not word or values is None or ("\t" in word and not dimensions):
        raise ValueError(f"expected a word and {dimensions or 'its'} numbers, {_found(text, dimensions)}")
    if not np.isfinite(np.frombuffer(values, np.float32)).all():
        raise ValueError(f"the vector of {word!r} is not finite; remove the word")
    return word, values


def _numbers(parts: list[str]) -> array[float] | None:
    try:
        return array("f", map(float, parts))
    except ValueError:
        return None


def _found(text: str, dimensions: int) -> str:
    """What is wrong with a line, and what to do."""
    if "\t" in text:
        return f"separated by spaces, found tabs in {reprlib.repr(text)}; replace them"
    parts = text.split(" ")
    behind = takewhile(lambda part: _numbers([part]) is not None, reversed(parts[1:]))
    found = f"found {sum(1 for _ in behind)} at the end of {reprlib.repr(text)}"
    if dimensions or len(parts) < 3:
        return f"{found}; correct or remove the line"
    return f"{found}; where its word has spaces, begin the file with a line of the numbers of words and dimensions"


class _Malformed:
    """The lines of a file that are not as they should be."""

    def __init__(self) -> None:
        self._lines: list[int] = []
        self._reason = ""
        self.count = 0

    def add(self, line: int, reason: str) -> None:
        self.count += 1
        self._reason = self._reason or f"line {line}: {reason}"
        if len(self._lines) < SHOWN:
            self._lines.append(line)

    def refuse(self, file: Path) -> None:
        """Raise one UserError for all of them, if there are any."""
        if self.count == 1:
            raise UserError(f"{file}: {self._reason}")
        if self.count:
            more = f" and {self.count - len(self._lines):,} more" if self.count > len(self._lines) else ""
            lines = ", ".join(map(str, self._lines))
            raise UserError(f"{file}: {self._reason} (malformed are lines {lines}{more})")
