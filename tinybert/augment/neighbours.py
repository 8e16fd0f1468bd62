"""Word vectors, and the nearest neighbours of many words at once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

AT_ONCE = 64  # words in one matrix product: 64 × 100,000 similarities take 26 MB
ROWS = 65_536
"""Vectors that are read at once."""
MATRIX, WORDS = "matrix.npy", "words.parquet"


def share_vectors(source: Path, words: int, folder: Path) -> None:
    """Write the first `words` vectors of `source` to `folder`, as `Neighbours` maps them: several processes, one copy.

    `source` is what `tinybert.sources.vectors.convert_vectors` wrote. Written are unit vectors, a column each, those of
    alphabetic words first. A vector of zeros has no direction, so it is as good as none; of a word that is there
    several times the first vector counts. A few thousand are in memory at a time.
    """
    array = np.load(source / "vectors.npy", mmap_mode="r", allow_pickle=False)[:words]
    names = pq.read_table(source / WORDS)["word"].to_pylist()[:words]
    norms = np.empty(len(names), np.float32)
    for start in range(0, len(names), ROWS):
        norms[start : start + ROWS] = np.linalg.norm(array[start : start + ROWS], axis=1)
    rows: dict[str, int] = {}
    for row in np.flatnonzero(norms).tolist():
        rows.setdefault(names[row], row)
    kept = sorted(rows, key=lambda word: not word.isalpha())  # stable: the most frequent first, as in the file
    shape = (array.shape[1], len(kept))
    matrix = np.lib.format.open_memmap(folder / MATRIX, mode="w+", dtype=np.float32, shape=shape)
    for start in range(0, len(kept), ROWS):
        part = [rows[word] for word in kept[start : start + ROWS]]
        matrix[:, start : start + len(part)] = (array[part] / norms[part, np.newaxis]).T
    matrix.flush()
    pq.write_table(pa.table({"word": pa.array(kept, pa.string())}), folder / WORDS)


class Neighbours:
    """The K nearest words by cosine, alphabetic ones only, never the word itself.

    Found in batches, since a product of matrices takes a fraction of the time of as many products with a vector, and
    kept, since words come back.
    """

    def __init__(self, folder: Path, k: int) -> None:
        """`folder` is what `share_vectors` wrote; it is mapped, not read."""
        self._matrix = np.asarray(np.load(folder / MATRIX, mmap_mode="r", allow_pickle=False))
        self._words: list[str] = pq.read_table(folder / WORDS)["word"].to_pylist()
        self._column = {word: column for column, word in enumerate(self._words)}
        self._alphabetic = sum(map(str.isalpha, self._words))
        self._k = k
        self._known: dict[str, list[str]] = {}

    def find(self, words: Iterable[str]) -> dict[str, list[str]]:
        """Candidates of each word as it is or in lower case, most frequent first; none for a word without a vector."""
        keys = {word: word if word in self._column else word.lower() for word in dict.fromkeys(words)}
        new = [key for key in dict.fromkeys(keys.values()) if key not in self._known]
        self._known |= {key: [] for key in new}
        wanted = [key for key in new if key in self._column]
        for start in range(0, len(wanted), AT_ONCE):
            self._search(wanted[start : start + AT_ONCE])
        return {word: self._known[key] for word, key in keys.items()}

    def _search(self, keys: list[str]) -> None:
        columns = [self._column[key] for key in keys]
        similarity = np.ascontiguousarray(self._matrix[:, columns].T) @ self._matrix[:, : self._alphabetic]
        for row, column in enumerate(columns):
            if column < self._alphabetic:
                similarity[row, column] = -np.inf
        k = min(self._k, self._alphabetic - 1)
        for key, values in zip(keys, similarity, strict=True):
            # In the vectors' order, not that of similarity: a draw doesn't depend on the last bit of a product.
            nearest = np.sort(np.argpartition(values, -k)[-k:]).tolist() if k > 0 else []
            self._known[key] = [self._words[column] for column in nearest]
