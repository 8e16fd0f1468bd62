"""Word vectors as `vectors.npy` (float32, words × dimensions) and `words.parquet` (column `word`)."""

from __future__ import annotations

import gzip
import io
import re
import reprlib
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.errors import UserError
from tinybert.sources.first_bytes import name_the_bytes

VECTORS = "vectors.npy"
WORDS = "words.parquet"
SIZES = re.compile(rb"(?:\xef\xbb\xbf)?(\d{1,12}) +(\d{1,6})\s*")
"""word2vec's first line: how many words there are, and of how many dimensions."""

CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
"""Bytes that binary numbers have, and text hasn't."""

CUT = "\N{REPLACEMENT CHARACTER}"
"""What stands in a word where its bytes are no UTF-8: word2vec's own program cuts long words by bytes."""

FEW = 10
"""So many of these words are no reason to doubt the file, nor is one in a hundred."""

Stream = gzip.GzipFile | io.BufferedReader
Vectors = tuple[list[str], np.ndarray]
"""Words, and (words, dimensions)."""


def convert_vectors(files: list[Path], folder: Path, words: int | None = None) -> dict[str, int]:
    """Write one set of word vectors, in the order in which they came, to `folder`.

    Args:
        files: either a `.npy` matrix and a `.parquet` of its words, one column of strings; or one file, perhaps `.gz`,
            of the GloVe or word2vec format (a word and its numbers a line; word2vec's first line has the two sizes, and
            its numbers may be binary). Words with a space in them, or cut in the middle of a character, are in no text:
            they are left out, and counted. Of a word that stands there twice the first counts.
        folder: an existing folder.
        words: only the first so many are read, so that memory holds no more; None reads all.

    Raises:
        UserError: it is neither, the two do not have as many rows, or a line or a vector is malformed.
    """
    for file in files:
        if sentence := name_the_bytes(file):
            raise UserError(f"{file}: {sentence}")
    by_suffix = {file.suffix: file for file in files}
    left_out: Counter[str] = Counter()
    if len(files) == 2 and by_suffix.keys() == {".npy", ".parquet"}:
        names, vectors = _read_matrix(by_suffix[".npy"], by_suffix[".parquet"], words)
    elif len(files) == 1 and files[0].suffix not in (".npy", ".parquet"):
        names, vectors = _read_file(files[0], words, left_out)
    else:
        found = ", ".join(sorted(file.name for file in files))
        raise UserError(
            f"{files[0].parent}: vectors are a .npy matrix with a .parquet of words, or one file of GloVe's or "
            f"word2vec's format; found {found}"
        )
    finite = np.isfinite(vectors.min(axis=1)) & np.isfinite(vectors.max(axis=1))
    if not finite.all():
        row = int(np.argmin(finite))
        raise UserError(f"{files[0]}: the vector of {names[row]!r} (row {row}) is not finite; remove the word")
    np.save(folder / VECTORS, np.ascontiguousarray(vectors, "<f4"))
    table = pa.table({"word": pa.array(names, pa.string())})
    pq.write_table(table, folder / WORDS, row_group_size=10_000, compression="zstd")
    return {"words": len(names), "dimensions": vectors.shape[1]} | left_out


def _read_matrix(matrix: Path, names: Path, limit: int | None) -> Vectors:
    try:
        vectors, table = np.load(matrix, mmap_mode="r", allow_pickle=False), pq.read_table(names)
    except (ValueError, EOFError, OSError) as error:
        files = f"{matrix}, {names.name}: not a whole .npy file of plain numbers and a whole Parquet file"
        raise UserError(f"{files} ({' '.join(str(error).split())}); save or fetch them again") from None
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or not vectors.size:
        raise UserError(f"{matrix}: expected floats, words × dimensions, found {vectors.dtype} of {vectors.shape}")
    columns = [field.name for field in table.schema if field.type in (pa.string(), pa.large_string())]
    if len(columns) != 1:
        raise UserError(f"{names}: expected one column of strings, the words, found {columns or table.schema.names}")
    if len(table) != len(vectors):
        raise UserError(f"{matrix}: {len(vectors)} vectors for {len(table)} words of {names.name}")
    return table.column(columns[0]).slice(0, limit).to_pylist(), vectors[:limit]


def _read_file(file: Path, limit: int | None, left_out: Counter[str]) -> Vectors:
    """Each word once; those that can't be in a text are counted in `left_out`."""
    names: dict[str, None] = {}
    numbers = bytearray()
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            for word, vector in _read_rows(file, stream, limit):
                name = word.decode("utf-8-sig", "replace")  # a byte order mark is no part of the first word
                if b" " in word:
                    left_out["words with spaces"] += 1
                elif CUT in name:
                    left_out["words cut off"] += 1
                elif name not in names:
                    names[name] = None
                    numbers += vector
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{file}: the file is damaged or cut off ({error}); fetch it again") from None
    cut = left_out["words cut off"]
    if cut > max(FEW, len(names) / 100) or not names:
        raise UserError(f"{file}: {cut:,} of {len(names) + cut:,} words are not UTF-8; save the file as UTF-8")
    return list(names), np.frombuffer(numbers, "<f4").reshape(len(names), -1)


def _read_rows(file: Path, stream: Stream, limit: int | None) -> Iterator[tuple[bytes, bytes]]:
    """The word and the numbers (float32) of each row."""
    first = stream.readline()
    header = SIZES.fullmatch(first)
    dimensions = int(header[2]) if header else first.rstrip().count(b" ")
    if not dimensions:
        found = f"found {reprlib.repr(first)}" if first else "the file is empty"
        raise UserError(f"{file}: line 1: expected a word and its numbers, separated by spaces; {found}")
    if header and CONTROL.search(stream.peek(1000)[:1000]):
        rows = _read_binary(stream, dimensions)
    else:
        lines = enumerate(chain([] if header else [first], stream), start=2 if header else 1)
        rows = _read_text(file, lines, dimensions)
    count = min(int(header[1]) if header else sys.maxsize, limit or sys.maxsize)
    lacking = count
    for row in islice(rows, count):
        lacking -= 1
        yield row
    if header and lacking:
        raise EOFError("line 1 counts more words than there are")


def _read_text(file: Path, lines: Iterable[tuple[int, bytes]], dimensions: int) -> Iterator[tuple[bytes, bytes]]:
    for number, line in lines:
        word, *numbers = line.rstrip().rsplit(b" ", dimensions)
        try:
            vector = np.array(numbers, "<f4")
        except ValueError:
            vector = np.empty(0)
        if word and len(vector) < dimensions:
            found = reprlib.repr(line.decode("utf-8", "replace").rstrip())
            advice = "replace its tabs by spaces" if b"\t" in line else "correct or remove the line"
            raise UserError(f"{file}: line {number}: expected a word and {dimensions} numbers, found {found}; {advice}")
        if word:
            yield word, vector.tobytes()


def _read_binary(stream: Stream, dimensions: int) -> Iterator[tuple[bytes, bytes]]:
    while True:
        word = b""
        while (byte := stream.read(1)) not in (b" ", b""):
            word += byte
        vector = stream.read(4 * dimensions)
        if len(vector) < 4 * dimensions:
            return
        yield word.lstrip(b"\n"), vector  # some programs write a line break behind each vector
