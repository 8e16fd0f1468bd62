"""From a download, or a file of one's own, to data/sources/<key>/, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tinybert.corpus.documents import write_corpus
from tinybert.errors import UserError
from tinybert.params.sources import File
from tinybert.sources.kinds import store_file

ROOT = Path("data/sources")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def documents(folder: Path) -> list[tuple[str, str]]:
    return [tuple(row.values()) for file in sorted(folder.glob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def failure(path: str, kind: str) -> str:
    """The error of an import: one line, and no trace on disk."""
    with pytest.raises(UserError) as error:
        store_file(File(path=path, kind=kind), ROOT / "mine", write_corpus)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    assert not list(ROOT.iterdir()) if ROOT.exists() else True
    return str(error.value)


def test_table_is_copied_as_it_is() -> None:
    Path("mine.csv").write_bytes(b"a,b\r\n\xff")
    store_file(File(path="mine.csv"), ROOT / "mine", write_corpus)
    assert (ROOT / "mine/mine.csv").read_bytes() == b"a,b\r\n\xff"


def test_splits_of_a_table_keep_their_names() -> None:
    for name in ("train.tsv", "dev.tsv", "extra/train.tsv", ".hidden"):
        Path("glue", name).parent.mkdir(parents=True, exist_ok=True)
        Path("glue", name).write_text(name)
    assert store_file(File(path="glue"), ROOT / "mine", write_corpus)["files"] == 3
    stored = {path.relative_to(ROOT / "mine").as_posix(): path for path in (ROOT / "mine").rglob("*.tsv")}
    assert {name: path.read_text() for name, path in stored.items()} == {
        name: name for name in ("train.tsv", "dev.tsv", "extra/train.tsv")
    }


def test_text_corpus() -> None:
    Path("corpus/part").mkdir(parents=True)
    Path("corpus/a.txt").write_bytes("\ufeffOne line.\r\nAnother — line.\n\n \nSecond.\n".encode())
    Path("corpus/part/b.txt").write_text("Third.")
    Path("corpus/.hidden").write_text("not this")
    pq.write_table(pa.table({"text": ["Fourth.", None, " "], "n": [1, 2, 3]}), "corpus/c.parquet")
    counts = store_file(File(path="corpus", kind="corpus"), ROOT / "mine", write_corpus)
    assert documents(ROOT / "mine") == [
        ("a.txt:1", "One line.\nAnother — line."),
        ("a.txt:5", "Second."),
        ("c.parquet:0", "Fourth."),
        ("b.txt:1", "Third."),
    ]
    assert counts["documents"] == 4
    assert counts["empty"] == 2


def test_endless_text_is_cut_into_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinybert.corpus.documents.LONGEST", 100)
    Path("long.txt").write_text("ten chars.\n" * 100)
    counts = store_file(File(path="long.txt", kind="corpus"), ROOT / "mine", write_corpus)
    assert counts["documents"] == 10


@pytest.mark.parametrize("content", ["", "\n \n\n"])
def test_empty_corpus(content: str) -> None:
    Path("empty.txt").write_text(content)
    assert "no document left" in failure("empty.txt", "corpus")


def test_parquet_without_text_or_cut_off() -> None:
    pq.write_table(pa.table({"content": ["x"]}), "c.parquet")
    assert "no column 'text'" in failure("c.parquet", "corpus")
    Path("c.parquet").write_bytes(b"PAR1 and then nothing")
    assert "not a whole Parquet file" in failure("c.parquet", "corpus")


def test_missing_path_and_empty_folder() -> None:
    assert "expected a file or folder, found nothing; correct `path`" in failure("nowhere", "table")
    Path("hollow").mkdir()
    assert "holds no file" in failure("hollow", "model")


def test_neither_file_nor_folder() -> None:
    os.mkfifo("pipe")
    assert "expected a file or folder, found a pipe, socket or device; correct `path`" in failure("pipe", "table")


def test_failed_import_leaves_the_last_good_one() -> None:
    Path("c.txt").write_text("Fine.")
    store_file(File(path="c.txt", kind="corpus"), ROOT / "mine", write_corpus)
    Path("c.txt").write_bytes(b"\xff")
    with pytest.raises(UserError):
        store_file(File(path="c.txt", kind="corpus"), ROOT / "mine", write_corpus)
    assert documents(ROOT / "mine") == [("c.txt:1", "Fine.")]
    assert [folder.name for folder in ROOT.iterdir()] == ["mine"]
