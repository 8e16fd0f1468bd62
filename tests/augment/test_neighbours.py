from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors

from tests.augment.conftest import VECTOR_WORDS, write_vectors
from tinybert.augment.neighbours import Neighbours, share_vectors


def neighbours(source: Path, words: int, k: int) -> Neighbours:
    shared = source / "shared"
    shared.mkdir(exist_ok=True)
    share_vectors(source, words, shared)
    return Neighbours(shared, k)


def test_vectors_are_shared_by_mapping_a_few_in_memory_at_a_time(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tinybert.augment.neighbours.ROWS", 100)
    count, width = 10_000, 500
    write_vectors(tmp_path, [f"w{n}" for n in range(count)], np.ones((count, width)))
    tracemalloc.start()
    try:
        shared = neighbours(tmp_path, 8_000, 3)
        assert tracemalloc.get_traced_memory()[1] < count * width
    finally:
        tracemalloc.stop()
    assert shared._matrix.shape == (width, 8_000)
    assert isinstance(shared._matrix.base, np.memmap)


def test_neighbours_are_those_of_gensim_without_signs_and_numbers(vectors: Path) -> None:
    loaded = KeyedVectors(8)
    loaded.add_vectors(VECTOR_WORDS, np.load(vectors / "vectors.npy"))
    found = neighbours(vectors, 100, 3).find(VECTOR_WORDS)
    for word in VECTOR_WORDS:
        nearest = [other for other, _ in loaded.most_similar(word, topn=len(VECTOR_WORDS)) if other.isalpha()][:3]
        assert sorted(found[word]) == sorted(nearest)
        assert word not in found[word]


def test_words_are_found_in_lower_case_and_the_unknown_have_none(vectors: Path) -> None:
    found = neighbours(vectors, 2, 15).find(["Films", "films", "zzz"])  # more candidates are asked for than there are
    assert found == {"Films": ["unwatchable"], "films": ["unwatchable"], "zzz": []}


@pytest.mark.filterwarnings("error")  # such as a division by zero
def test_a_vector_of_zeros_is_nobodys_neighbour_and_has_none(tmp_path: Path) -> None:
    write_vectors(tmp_path, ["none", "good", "fine", "bad"], [[0.0, 0.0], [1.0, 0.0], [1.0, 0.1], [-1.0, 0.0]])
    found = neighbours(tmp_path, 10, 1).find(["good", "fine", "bad", "none", "None"])
    assert found == {"good": ["fine"], "fine": ["good"], "bad": ["fine"], "none": [], "None": []}


def test_a_repeated_word_is_no_neighbour_of_itself(tmp_path: Path) -> None:
    write_vectors(tmp_path, ["good", "fine", "good", "bad"], [[1.0, 0.0], [1.0, 0.2], [1.0, 0.1], [-1.0, 0.0]])
    found = neighbours(tmp_path, 10, 2).find(["good", "bad"])
    assert found == {"good": ["fine", "bad"], "bad": ["good", "fine"]}
