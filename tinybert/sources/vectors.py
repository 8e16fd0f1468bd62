"""Word vectors as `vectors.npy` (float32, words × dimensions) and `words.parquet` (column `word`)."""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.errors import UserError

VECTORS = "vectors.npy"
WORDS = "words.parquet"

CHUNK = 100_000
"""Rows that are checked at a time."""


def convert_vectors(files: list[Path], folder: Path) -> dict[str, int]:
    """Write one set of word vectors, in the order in which they came, to `folder`.

    Args:
        files: either a `.npy` matrix and a `.parquet` of its words, one column of strings; or one text file of the
            GloVe or word2vec format (a word and its numbers a line; word2vec's first line has the two sizes).

    Raises:
        UserError: it is neither, the two do not have as many rows, or a vector is not finite.
    """
    by_suffix = {file.suffix: file for file in files}
    if len(files) == 2 and by_suffix.keys() == {".npy", ".parquet"}:
        words = _read_words(by_suffix[".parquet"])
        vectors = _read_matrix(by_suffix[".npy"])
        place = str(by_suffix[".npy"])
        if len(words) != len(vectors):
            raise UserError(f"{place}: {len(vectors)} vectors for {len(words)} words of {by_suffix['.parquet'].name}")
    elif len(files) == 1 and files[0].suffix not in (".npy", ".parquet"):
        words, vectors = _read_text(files[0])
        place = str(files[0])
    else:
        names = ", ".join(sorted(file.name for file in files))
        raise UserError(
            f"{files[0].parent}: vectors are a .npy matrix with a .parquet of words, or one text file; found {names}"
        )
    for start in range(0, len(vectors), CHUNK):
        finite = np.isfinite(vectors[start : start + CHUNK]).all(axis=1)
        if not finite.all():
            row = start + int(np.argmin(finite))
            raise UserError(f"{place}: the vector of {words[row].as_py()!r} (row {row}) is not finite; remove the word")
    np.save(folder / VECTORS, np.ascontiguousarray(vectors, dtype=np.float32), allow_pickle=False)
    pq.write_table(pa.table({"word": words}), folder / WORDS, compression="zstd")
    return {"words": len(words), "dimensions": vectors.shape[1]}


def _read_matrix(file: Path) -> np.ndarray:
    try:
        matrix = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise UserError(f"{file}: not a .npy file of plain numbers ({' '.join(str(error).split())})") from None
    if matrix.ndim != 2 or matrix.dtype.kind != "f" or not matrix.size:
        raise UserError(f"{file}: expected floats, words × dimensions, found {matrix.dtype} of shape {matrix.shape}")
    return matrix


def _read_words(file: Path) -> pa.ChunkedArray:
    try:
        table = pq.read_table(file)
    except pa.ArrowInvalid as error:
        raise UserError(f"{file}: not a Parquet file ({' '.join(str(error).split())})") from None
    columns = [field.name for field in table.schema if field.type in (pa.string(), pa.large_string())]
    if len(columns) != 1:
        raise UserError(f"{file}: expected one column of strings, the words, found {columns or table.schema.names}")
    words = table.column(columns[0]).cast(pa.string())
    if words.null_count:
        raise UserError(f"{file}: column {columns[0]!r}: {words.null_count} words are null; every row needs its word")
    return words


def _read_text(file: Path) -> tuple[pa.ChunkedArray, np.ndarray]:
    words: list[str] = []
    numbers = array("f")
    dimensions = 0
    with file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            place = f"{file}: line {number}"
            try:
                parts = line.decode("utf-8").rstrip().split(" ")
                if number == 1 and len(parts) == 2:
                    continue  # word2vec's sizes
                dimensions = dimensions or len(parts) - 1
                word = " ".join(parts[:-dimensions])  # some of GloVe's words have spaces
                values = array("f", map(float, parts[-dimensions:]))
            except UnicodeDecodeError as error:
                raise UserError(f"{place}: not UTF-8 (byte {error.start} of the line); save it as UTF-8") from None
            except ValueError as error:
                raise UserError(f"{place}: expected a word and {dimensions} numbers: {error}; correct it") from None
            if not word or len(values) != dimensions:
                raise UserError(f"{place}: expected a word and {dimensions} numbers, found {len(parts)} parts")
            words.append(word)
            numbers.extend(values)
    if not words or not dimensions:
        raise UserError(f"{file}: no vectors in it; expected a word and its numbers on each line")
    return pa.chunked_array([pa.array(words, pa.string())]), np.frombuffer(numbers, np.float32).reshape(-1, dimensions)
