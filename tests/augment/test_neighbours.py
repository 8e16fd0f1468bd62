from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.augment.conftest import VECTOR_WORDS
from tinybert.augment.neighbours import Neighbours, load_vectors
from tinybert.errors import UserError


def test_the_first_words_are_loaded(vectors: Path) -> None:
    loaded = load_vectors(vectors, 4)
    assert loaded.index_to_key == VECTOR_WORDS[:4]
    np.testing.assert_array_equal(loaded.vectors, np.load(vectors / "vectors.npy")[:4])


def test_of_a_large_file_only_the_first_rows_are_in_memory(tmp_path: Path) -> None:
    rows, width = 50_000, 500
    np.lib.format.open_memmap(tmp_path / "vectors.npy", mode="w+", dtype=np.float32, shape=(rows, width))
    pq.write_table(pa.table({"word": [f"w{n}" for n in range(rows)]}), tmp_path / "words.parquet")
    tracemalloc.start()
    try:
        assert len(load_vectors(tmp_path, 10)) == 10
        assert tracemalloc.get_traced_memory()[1] < rows * width
    finally:
        tracemalloc.stop()


def test_neighbours_are_those_of_gensim_without_signs_and_numbers(vectors: Path) -> None:
    loaded = load_vectors(vectors, 100)
    found = Neighbours(loaded, 3).find(VECTOR_WORDS)
    for word in VECTOR_WORDS:
        nearest = [other for other, _ in loaded.most_similar(word, topn=len(VECTOR_WORDS)) if other.isalpha()][:3]
        assert sorted(found[word]) == sorted(nearest)
        assert word not in found[word]


def test_words_are_found_in_lower_case_and_the_unknown_have_none(vectors: Path) -> None:
    found = Neighbours(load_vectors(vectors, 100), 3).find(["Films", "films", "zzz"])
    assert found["Films"] == found["films"] != []
    assert found["zzz"] == []


def write(folder: Path, rows: list[tuple[str, list[float]]]) -> Path:
    words, array = zip(*rows, strict=True)
    np.save(folder / "vectors.npy", np.array(array, np.float32))
    pq.write_table(pa.table({"word": list(words)}), folder / "words.parquet")
    return folder


@pytest.mark.filterwarnings("error")  # such as a division by zero
def test_a_vector_of_zeros_is_nobodys_neighbour_and_has_none(tmp_path: Path) -> None:
    rows = [("none", [0.0, 0.0]), ("good", [1.0, 0.0]), ("fine", [1.0, 0.1]), ("bad", [-1.0, 0.0])]
    found = Neighbours(load_vectors(write(tmp_path, rows), 10), 1).find(["good", "fine", "bad", "none", "None"])
    assert found == {"good": ["fine"], "fine": ["good"], "bad": ["fine"], "none": [], "None": []}


def test_a_repeated_word_is_no_neighbour_of_itself(tmp_path: Path) -> None:
    rows = [("good", [1.0, 0.0]), ("fine", [1.0, 0.2]), ("good", [1.0, 0.1]), ("bad", [-1.0, 0.0])]
    neighbours = Neighbours(load_vectors(write(tmp_path, rows), 10), 2)
    assert neighbours.find(["good", "bad"]) == {"good": ["fine", "bad"], "bad": ["good", "fine"]}


def test_more_candidates_than_words(vectors: Path) -> None:
    assert Neighbours(load_vectors(vectors, 2), 15).find(["films"]) == {"films": ["unwatchable"]}


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"vectors\.npy: missing"):
        load_vectors(tmp_path, 10)
    pq.write_table(pa.table({"word": ["a", "b"]}), tmp_path / "words.parquet")
    np.save(tmp_path / "vectors.npy", np.array(["an", "object"], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="expected numbers in"):
        load_vectors(tmp_path, 10)
    np.save(tmp_path / "vectors.npy", np.zeros((3, 2), np.float32))
    with pytest.raises(UserError, match=r"each of the 2 words, found an array of shape \(3, 2\)"):
        load_vectors(tmp_path, 10)
