"""Word vectors, and the nearest neighbours of many words at once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from gensim.models import KeyedVectors

from tinybert.errors import UserError

AT_ONCE = 64  # words in one matrix product: 64 × 100,000 similarities take 26 MB


def load_vectors(folder: Path, words: int) -> KeyedVectors:
    """The first `words` vectors of `folder/vectors.npy` (words × dimensions) under their names in `words.parquet`.

    The array is mapped, so of a large file only the rows in use are read.

    Raises:
        UserError: the array holds objects or has another shape, or words and vectors differ in number.
    """
    file = folder / "vectors.npy"
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
        names = pq.read_table(folder / "words.parquet", columns=["word"])["word"]
    except FileNotFoundError as error:
        raise UserError(
            f"{error.filename}: missing; word vectors are vectors.npy and words.parquet in one folder"
        ) from None
    except (ValueError, KeyError) as error:
        raise UserError(
            f"{folder}: expected numbers in vectors.npy and a column 'word' in words.parquet, "
            f"found: {str(error).splitlines()[0]}"
        ) from None
    if array.ndim != 2 or len(array) != len(names):
        raise UserError(
            f"{file}: expected one row for each of the {len(names):,} words, found an array of shape {array.shape}"
        )
    vectors = KeyedVectors(vector_size=array.shape[1])
    vectors.add_vectors(names.slice(0, words).to_pylist(), np.asarray(array[:words], dtype=np.float32))
    return vectors


class Neighbours:
    """The K nearest words by cosine, alphabetic ones only, never the word itself.

    Found in batches, since a product of matrices takes a fraction of the time of as many products with a vector, and
    kept, since words come back. A vector of zeros has no direction, so it is as good as none; of a word that is there
    several times the first vector counts.
    """

    def __init__(self, vectors: KeyedVectors, k: int) -> None:
        vectors.fill_norms()
        known = np.flatnonzero(vectors.norms).tolist()
        self._index = {vectors.index_to_key[row]: row for row in reversed(known)}
        self._normed = vectors.vectors / np.where(vectors.norms, vectors.norms, np.float32(1))[:, np.newaxis]
        rows = [row for row in known if (word := vectors.index_to_key[row]).isalpha() and self._index[word] == row]
        self._words = [vectors.index_to_key[row] for row in rows]
        self._matrix = np.ascontiguousarray(self._normed[rows].T)
        self._column = {word: column for column, word in enumerate(self._words)}
        self._k = k
        self._known: dict[str, list[str]] = {}

    def find(self, words: Iterable[str]) -> dict[str, list[str]]:
        """Candidates of each word as it is or in lower case, most frequent first; none for a word without a vector."""
        keys = {word: word if word in self._index else word.lower() for word in dict.fromkeys(words)}
        new = [key for key in dict.fromkeys(keys.values()) if key not in self._known]
        self._known |= {key: [] for key in new}
        wanted = [key for key in new if key in self._index]
        for start in range(0, len(wanted), AT_ONCE):
            self._search(wanted[start : start + AT_ONCE])
        return {word: self._known[key] for word, key in keys.items()}

    def _search(self, keys: list[str]) -> None:
        similarity = self._normed[[self._index[key] for key in keys]] @ self._matrix
        for row, key in enumerate(keys):
            if key in self._column:
                similarity[row, self._column[key]] = -np.inf
        k = min(self._k, similarity.shape[1] - 1)
        for key, values in zip(keys, similarity, strict=True):
            # In the vectors' order, not that of similarity: a draw doesn't depend on the last bit of a product.
            nearest = np.sort(np.argpartition(values, -k)[-k:]).tolist() if k > 0 else []
            self._known[key] = [self._words[column] for column in nearest]
