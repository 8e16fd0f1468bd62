"""Word vectors as `vectors.npy` (float32, words × dimensions) and `words.parquet` (column `word`)."""

from __future__ import annotations

import gzip
import logging
import re
import reprlib
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.errors import UserError
from tinybert.running.packed import READERS, ROWS, limited_batches, unpacked
from tinybert.sources.first_bytes import name_the_bytes

VECTORS = "vectors.npy"
WORDS = "words.parquet"
SIZES = re.compile(rb"(?:\xef\xbb\xbf)?(\d{1,12}) +(\d{1,6})\s*")
"""word2vec's first line: how many words there are, and of how many dimensions."""

CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
"""Bytes that binary numbers have, and text hasn't."""

CUT = "\N{REPLACEMENT CHARACTER}"
"""What stands in a word where its bytes are no UTF-8: word2vec's own program cuts long words by bytes."""

NO_ARRAY = (ValueError, TypeError, EOFError, SyntaxError, TokenError, OverflowError, RecursionError, MemoryError)
"""What numpy raises where a .npy is damaged: its header is a text of Python's."""

UNREAD = (".npy", ".parquet", ".zst", ".lz4")
"""What isn't a text of vectors, or is one that gensim would unpack in its own way."""

PART = 1 << 16
"""Bytes that are read together: a file cut off behind the words that are wanted is no worse for it."""

FEW = 10
"""So many of these words are no reason to doubt the file, nor is one in a hundred."""

Vectors = tuple[list[str], np.ndarray]
"""Words, and (words, dimensions)."""


def convert_vectors(files: list[Path], folder: Path, words: int | None = None) -> dict[str, int]:
    """Write one set of word vectors, in the order in which they came, to `folder`.

    Args:
        files: either a `.npy` matrix and a `.parquet` of its words, one column of strings; or one file, perhaps `.gz`,
            of the GloVe or word2vec format (a word and its numbers a line; word2vec's first line has the two sizes, and
            its numbers may be binary), as gensim reads it. Words with a space in them, or cut in the middle of a
            character, are in no text: they are left out, and counted. Of a word that stands there twice the first is
            taken.
        folder: an existing folder.
        words: only the first so many are read, so that memory holds no more; None reads all.

    Raises:
        UserError: it is neither, the two do not have as many rows, or a line or a vector is malformed.
    """
    for file in files:
        if sentence := name_the_bytes(file):
            raise UserError(f"{file}: {sentence}")
    by_suffix = {file.suffix: file for file in files}
    left_out: dict[str, int] = {}
    if len(files) == 2 and by_suffix.keys() == {".npy", ".parquet"}:
        names, vectors = _read_matrix(by_suffix[".npy"], by_suffix[".parquet"], words)
    elif len(files) == 1 and files[0].suffix not in UNREAD:
        names, vectors = _read_file(files[0], folder / ".regular", words, left_out)
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
    return {"words": len(names), "dimensions": vectors.shape[1]} | {what: n for what, n in left_out.items() if n}


def _read_matrix(matrix: Path, names: Path, limit: int | None) -> Vectors:
    try:
        vectors = np.load(matrix, mmap_mode="r", allow_pickle=False)
    except NO_ARRAY as error:
        raise UserError(f"{matrix}: not a whole .npy file of plain numbers ({_line(error)}); save it again") from None
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or not vectors.size:
        raise UserError(f"{matrix}: expected floats, words × dimensions, found {vectors.dtype} of {vectors.shape}")
    try:
        with pq.ParquetFile(names) as parquet:
            table = pa.Table.from_batches([*limited_batches(parquet.iter_batches(ROWS), names)], parquet.schema_arrow)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{names}: not a whole Parquet file ({_line(error)}); save or fetch it again") from None
    columns = [field.name for field in table.schema if field.type in (pa.string(), pa.large_string())]
    if len(columns) != 1:
        raise UserError(f"{names}: expected one column of strings, the words, found {columns or table.schema.names}")
    words = table.column(columns[0])
    if words.null_count:
        raise UserError(f"{names}: column {columns[0]!r}: {words.null_count} words are null; every row needs its word")
    if len(words) != len(vectors):
        raise UserError(f"{matrix}: {len(vectors)} vectors for {len(words)} words of {names.name}")
    return words.slice(0, limit).to_pylist(), vectors[:limit]


def _read_file(file: Path, copy: Path, limit: int | None, left_out: dict[str, int]) -> Vectors:
    """What gensim reads, but for what can't be in a text.

    Args:
        copy: where the lines lie in the meantime that gensim can read, if there are others.
        left_out: filled with counts.
    """
    try:
        with _open(file) as stream:
            first = stream.readline()
            header = SIZES.fullmatch(first)
            is_binary = bool(header and CONTROL.search(stream.read(1000)))
        dimensions = int(header[2]) if header else first.rstrip().count(b" ")
        if not dimensions:
            found = f"found {reprlib.repr(first)}" if first else "the file is empty"
            raise UserError(f"{file}: line 1: expected a word and its numbers, separated by spaces; {found}")
        try:
            if not _is_whole(file, int(header[1]) if header else None, limit, dimensions, is_binary):
                raise (EOFError if header else ValueError)("it is shorter than the first line says")
            names, vectors = _load(file, limit, no_header=not header, binary=is_binary)
            if not is_binary and dimensions > 1 and (vectors.min(axis=1) == vectors.max(axis=1)).any():
                raise ValueError("gensim takes a single number for all of a vector")
        except ValueError:
            if is_binary:
                raise
            left_out["words with spaces"] = _copy_regular(file, copy, dimensions, bool(header), limit)
            if not copy.stat().st_size:
                raise UserError(
                    f"{file}: expected a word and its numbers a line, found only words with spaces"
                ) from None
            names, vectors = _load(copy, None, no_header=True)
            copy.unlink()
    except (gzip.BadGzipFile, EOFError, ValueError, zlib.error) as error:
        wrong = ", or line 1 counts words that are not there" if isinstance(error, EOFError) else ""
        raise UserError(f"{file}: the file is damaged or cut off{wrong} ({_line(error)}); fetch it again") from None
    whole = [row for row, name in enumerate(names) if CUT not in name]
    left_out["words cut off"] = cut = len(names) - len(whole)
    if cut > max(FEW, len(names) / 100) or not whole:
        raise UserError(f"{file}: {cut:,} of {len(names):,} words are not UTF-8; save the file as UTF-8")
    return ([names[row] for row in whole], vectors[whole]) if cut else (names, vectors)


def _load(file: Path, limit: int | None, no_header: bool, binary: bool = False) -> Vectors:
    from gensim.models import KeyedVectors  # takes seconds
    from smart_open import register_compressor  # with which gensim unpacks

    for chatty in ("gensim", "smart_open"):  # they warn of each word that stands there twice, and of the next lines
        logging.getLogger(chatty).setLevel(logging.ERROR)
    for ending in READERS:
        register_compressor(ending, lambda raw, mode, ending=ending: unpacked(raw, ending, raw.name))
    read = KeyedVectors.load_word2vec_format(
        str(file),
        binary=binary,
        no_header=no_header,
        limit=limit,
        encoding="utf-8-sig",  # a byte order mark is no part of the first word
        unicode_errors="replace",
        datatype=np.float32,
    )
    names = [name for name in read.index_to_key if name is not None]  # at its end None for each that stood there twice
    return names, read.vectors[: len(names)]


def _copy_regular(file: Path, copy: Path, dimensions: int, has_header: bool, limit: int | None) -> int:
    """Copy the lines of one word and its numbers, and return how many others are right but for the word's spaces.

    Raises:
        UserError: a line has something else.
    """
    spaced = 0
    with _open(file) as stream, copy.open("wb") as target:
        for number, line in islice(enumerate(stream, start=1), int(has_header), limit and limit + has_header):
            word, *numbers = line.rstrip().rsplit(b" ", dimensions) if line.strip() else [b""]
            try:
                np.array(numbers, dtype=np.float32)
            except ValueError:
                numbers = []
            if word and len(numbers) < dimensions:
                found = reprlib.repr(line.decode("utf-8", "replace").rstrip())
                advice = "replace its tabs by spaces" if b"\t" in line else "correct or remove the line"
                raise UserError(
                    f"{file}: line {number}: expected a word and {dimensions} numbers, found {found}; {advice}"
                )
            spaced += b" " in word
            target.write(line if word and b" " not in word else b"")
    return spaced


def _is_whole(file: Path, words: int | None, limit: int | None, dimensions: int, is_binary: bool) -> bool:
    """Whether the file has as many bytes as the numbers take at least for which gensim makes room.

    Args:
        words: as line 1 counts them; None where it doesn't, and each line has one.
    """
    least, most = (4 if is_binary else 2) * dimensions, min(words or sys.maxsize, limit or sys.maxsize)
    size = lines = gap = 0
    with _open(file) as stream:
        while (size < least * most if words else lines < most) and (chunk := stream.read(PART)):
            size, lines = size + len(chunk), lines + chunk.count(b"\n")
            gap = 0 if b" " in chunk else gap + len(chunk)
            if is_binary and gap > least + PART:  # no word: gensim would look through it again for each part
                return False
    return size >= least * (most if words else min(lines, most))


@contextmanager
def _open(file: Path) -> Iterator[IO[bytes]]:
    with file.open("rb") as raw:
        yield unpacked(raw, file.suffix, f"{file}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
