"""Rows from files of every format and back: whole, in order, chunk by chunk; what isn't readable is one line."""

import gzip
import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from tinybert.errors import UserError
from tinybert.serve import streams
from tinybert.serve.streams import choose_texts, read_rows, write_rows

TABLE = pd.DataFrame({"id": ["01", "2", "3"], "text": ['a "b", c', "línea\ndos", ""], "label": ["x", "y", "x"]})
NAMES = ("t.csv", "t.csv.gz", "t.tsv", "t.jsonl", "t.ndjson.gz", "t.parquet")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch, tmp_path):
    monkeypatch.setattr(streams, "CHUNK", 2)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_again_in_chunks(name):
    with write_rows(Path(name), sys.stdout) as write:
        write(TABLE[:2])
        write(TABLE[2:])
    chunks = list(read_rows(Path(name)))
    assert [len(chunk) for chunk in chunks] == [2, 1]
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), TABLE, check_dtype=False)


def test_a_file_appears_whole_or_not_at_all():
    Path("t.csv").write_text("before")

    def end_within():
        with write_rows(Path("t.csv"), sys.stdout) as write:
            write(TABLE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        end_within()
    assert Path("t.csv").read_text() == "before"
    assert [file.name for file in Path().iterdir()] == ["t.csv"]


def test_semicolons_and_a_byte_order_mark():
    Path("t.csv").write_text("text;label\none;two\n", encoding="utf-8-sig")
    (rows,) = read_rows(Path("t.csv"), ";")
    assert rows.to_dict("records") == [{"text": "one", "label": "two"}]


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("t.csv", b"", "not readable as .csv"),
        ("t.csv", b"text\n", "expected rows, found none"),
        ("t.csv", b"text\na\nb,c\n", "not readable as .csv: .*saw 2"),
        ("t.csv", "text\nä\n".encode("latin-1"), "not readable as .csv: .*utf-8"),
        ("t.csv.gz", b"text\na\n", "not readable as .csv: .*gzip"),
        ("t.csv.gz", gzip.compress(b"text\n" + b"abc\n" * 99)[:-9], "not readable as .csv"),
        ("t.jsonl", b'{"text": "a"}\n["b"]\n', "line 2: expected an object, found list"),
        ("t.jsonl", b'{"text": "a"}\n{"text"\n', "not readable as .jsonl"),
        ("t.parquet", b"PAR1", "not readable as .parquet"),
        ("t.xlsx", b"PK", "expected a file that ends with .csv"),
        (None, b"", "there is no such file; correct --file"),
    ],
)
def test_what_is_no_table_is_one_line(name, content, line):
    if name:
        Path(name).write_bytes(content)
    with pytest.raises(UserError, match=line) as error:
        list(read_rows(Path(name or "t.csv")))
    assert "\n" not in str(error.value)


def test_a_folder_that_is_not_there():
    with pytest.raises(UserError, match="there is no folder nowhere"), write_rows(Path("nowhere/t.csv"), sys.stdout):
        pass


@pytest.mark.parametrize(
    ("columns", "named", "expected"),
    [
        (["id", "text", "label"], [], ["text"]),
        (["text", "text_pair"], [], ["text", "text_pair"]),
        (["id", "review"], ["review"], ["review"]),
        (["review"], [], ["review"]),
    ],
)
def test_which_column_is_the_text(columns, named, expected):
    assert choose_texts(pd.DataFrame([["a"] * len(columns)], columns=columns), named, "t.csv") == expected


@pytest.mark.parametrize(
    ("columns", "named", "line"),
    [
        (["id", "review"], [], "which column is the text"),
        (["id", "review"], ["revew"], "did you mean 'review'"),
    ],
)
def test_no_such_column(columns, named, line):
    with pytest.raises(UserError, match=line):
        choose_texts(pd.DataFrame([["a", "b"]], columns=columns), named, "t.csv")


def test_numbers_keep_their_type_in_json_lines():
    Path("t.jsonl").write_text(json.dumps({"id": 7, "text": "a"}) + "\n")
    (rows,) = read_rows(Path("t.jsonl"))
    assert choose_texts(rows, [], "t.jsonl") == ["text"]
    with write_rows(Path("o.jsonl"), sys.stdout) as write:
        write(rows)
    assert json.loads(Path("o.jsonl").read_text()) == {"id": 7, "text": "a"}
