"""From a file or folder of one's own to data/sources/<key>/, whole or not at all."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sources.conftest import failure
from tinybert.corpus.documents import write_corpus
from tinybert.errors import UserError
from tinybert.params.sources import File
from tinybert.sources.kinds import store_file


def store(path, kind="table"):
    return store_file(File(path=path, kind=kind), Path("out"), write_corpus)


def documents():
    return [tuple(row.values()) for file in sorted(Path("out").iterdir()) for row in pq.read_table(file).to_pylist()]


def test_table_is_copied_as_it_is():
    Path("mine.csv").write_bytes(b"a,b\r\n\xff")
    store("mine.csv")
    assert Path("out/mine.csv").read_bytes() == b"a,b\r\n\xff"


def test_splits_of_a_table_keep_their_names():
    for name in ("train.tsv", "dev.tsv", "extra/train.tsv", ".hidden"):
        Path("glue", name).parent.mkdir(parents=True, exist_ok=True)
        Path("glue", name).write_text(name)
    assert store("glue")["files"] == 3
    stored = {path.relative_to("out").as_posix(): path.read_text() for path in Path("out").rglob("*.tsv")}
    assert stored == {name: name for name in ("train.tsv", "dev.tsv", "extra/train.tsv")}


def test_text_corpus():
    Path("corpus/part").mkdir(parents=True)
    Path("corpus/a.txt").write_bytes("\ufeffOne line.\r\nAnother — line.\n\n \nSecond.\n".encode())
    Path("corpus/part/b.txt").write_text("Third.")
    Path("corpus/.hidden").write_text("not this")
    pq.write_table(pa.table({"text": ["Fourth.", None, " "], "n": [1, 2, 3]}), "corpus/c.parquet")
    counts = store("corpus", "corpus")
    assert documents() == [
        ("a.txt:1", "One line.\nAnother — line."),
        ("a.txt:5", "Second."),
        ("c.parquet:0", "Fourth."),
        ("b.txt:1", "Third."),
    ]
    assert (counts["documents"], counts["empty"]) == (4, 2)


def test_endless_text_is_cut_into_documents(monkeypatch):
    monkeypatch.setattr("tinybert.corpus.documents.LONGEST", 100)
    Path("long.txt").write_text("ten chars.\n" * 100)
    assert store("long.txt", "corpus")["documents"] == 10


def test_what_cannot_be_imported():
    Path("empty.txt").write_text("\n \n\n")
    Path("cut.parquet").write_bytes(b"PAR1 and then nothing")
    pq.write_table(pa.table({"content": ["x"]}), "c.parquet")
    Path("hollow").mkdir()
    assert "no document left" in failure(store, "empty.txt", "corpus")
    assert "no column 'text'" in failure(store, "c.parquet", "corpus")
    assert "not a whole Parquet file" in failure(store, "cut.parquet", "corpus")
    assert "there is no such file or folder; correct `path`" in failure(store, "nowhere")
    assert "holds no file" in failure(store, "hollow", "model")
    assert failure(store, "c.parquet", "model").startswith("c.parquet: a model is a folder, found a file")


def test_failed_import_leaves_the_last_good_one():
    Path("c.txt").write_text("Fine.")
    store("c.txt", "corpus")
    Path("c.txt").write_bytes(b"\xff")
    with pytest.raises(UserError):
        store("c.txt", "corpus")
    assert documents() == [("c.txt:1", "Fine.")]
