"""Shards of documents: complete, in order, in row groups, the same bytes each time, in constant memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from tinybert.corpus.store import write_documents
from tinybert.errors import UserError
from tinybert.running.digests import digest
from tinybert.tokens.blocks import list_row_groups, read_texts

DOCUMENTS = [(f"title {number}", f"Text of document {number}.\nSecond paragraph — {number}.") for number in range(100)]


def test_shards_and_row_groups_keep_all_documents_in_order_and_are_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        counts = write_documents(iter(DOCUMENTS), tmp_path / name, shard=1500, group=400)
    groups = list_row_groups(tmp_path / "a")
    assert len({file for file, _ in groups}) > 1
    assert max(group for _, group in groups) >= 1
    assert [text for file, group in groups for text in read_texts(file, group)] == [text for _, text in DOCUMENTS]
    assert counts == {"documents": 100, "characters": sum(len(text) for _, text in DOCUMENTS)}
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_no_documents(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no document left"):
        write_documents([], tmp_path)


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    def peak(documents: int) -> int:
        tracemalloc.start()
        try:
            write_documents(((str(number), "word " * 200) for number in range(documents)), tmp_path, group=10_000)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    assert peak(2000) < 2 * peak(100) + 100_000
