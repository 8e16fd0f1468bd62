"""Tables come in as they are, or not at all."""

import csv
import gzip
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tinybert.errors import UserError
from tinybert.tables.read import find_files, read_table


@pytest.fixture
def read(tmp_path):
    def read(name, content, columns=None, needed=("text", "label"), **form):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(file, columns, needed, **form)

    return read


def rows(frame):
    return [tuple(row) for row in frame.to_numpy().tolist()]


VERBATIM = [("NA", "001"), ("null", "1.0"), ("", "")]


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("suffix", "separator"), [("csv", ","), ("tsv", "\t"), ("txt", "\t")])
@pytest.mark.parametrize("packed", [False, True], ids=["", "gz"])
def test_cells_stay_what_they_were(read, suffix, separator, start, end, packed):
    lines = [("text", "id", "label"), ("NA", "7", "001"), ("null", "8", "1.0"), ("", "9", "")]
    content = start + "".join(separator.join(line) + end for line in lines).encode()
    frame = read(f"t.{suffix}.gz", gzip.compress(content)) if packed else read(f"t.{suffix}", content)
    assert rows(frame) == VERBATIM
    assert list(frame.index) == [2, 3, 4]


def test_json_lines_keep_numbers_as_written(read):
    lines = ['{"text": "NA", "label": "001"}', '{"label": 1.0, "text": "null", "more": [1]}', '{"text": null}']
    assert rows(read("t.jsonl", "\n".join(lines))) == VERBATIM
    assert rows(read("t.jsonl", '{"text": "a", "label": true}\r\n\r\n{"text": "b", "label": -Infinity}')) == [
        ("a", "true"),
        ("b", ""),
    ]


@pytest.mark.parametrize("name", ["t.json", "t.json.gz"])
def test_json_array(read, name):
    lines = ["[", '  {"text": "NA", "label": "001"},', '  {"label": 1.0, "text": "null"}, {"text": null}', "]"]
    content = b"\xef\xbb\xbf" + "\r\n".join(lines).encode()
    frame = read(name, gzip.compress(content) if name.endswith(".gz") else content)
    assert rows(frame) == VERBATIM
    assert (frame.index.name, list(frame.index)) == ("row", [1, 2, 3])


def test_parquet_values_become_text(tmp_path):
    columns = {"text": ["a", None], "label": [1, 0], "rating": [0.5, -2.0], "vector": [[1.0], [2.0]]}
    columns |= {"missing": [1.0, float("nan")], "mood": pa.array(["b", None]).dictionary_encode()}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    frame = read_table(tmp_path / "t.parquet", None, ["text", "label", "rating", "missing", "mood"])
    assert rows(frame) == [("a", "1", "0.5", "1", "b"), ("", "0", "-2", "", "")]
    with pytest.raises(UserError, match="vector: expected text or numbers, found list"):
        read_table(tmp_path / "t.parquet", None, ["vector"])


def test_lists_come_as_json_where_they_are_expected(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"tags": ["a b", 7]}\n{"tags": []}\n{"tags": null}\n{"tags": "x"}\n')
    expected = [('["a b", "7"]',), ("[]",), ("",), ("x",)]
    assert rows(read_table(tmp_path / "t.jsonl", None, ["tags"], lists=["tags"])) == expected
    pq.write_table(pa.table({"tags": [[3, 27], [], None]}), tmp_path / "t.parquet")
    assert rows(read_table(tmp_path / "t.parquet", None, ["tags"], lists=["tags"])) == [
        ('["3", "27"]',),
        ("[]",),
        ("",),
    ]
    (tmp_path / "t.jsonl").write_text('{"tags": [["a"]]}\n')
    with pytest.raises(UserError, match="line 1: tags: expected text or a number, found a list"):
        read_table(tmp_path / "t.jsonl", None, ["tags"], lists=["tags"])


def test_broken_lines_are_counted_where_they_are_allowed(tmp_path):
    (tmp_path / "t.tsv").write_text("id\ttext\tlabel\n1\ta\t0\n2\tbroken\nin two\t1\n3\tb\t1\t\n4\tc\t1\n")
    dropped = {}
    frame = read_table(tmp_path / "t.tsv", None, ["text", "label"], dropped=dropped)
    assert rows(frame) == [("a", "0"), ("c", "1")]
    assert dropped == {"broken": 3}
    assert list(frame.index) == [2, 6]


def test_files_of_a_source_by_name_and_by_shard(tmp_path):
    (tmp_path / "mnli").mkdir()
    for name in ("train.tsv", "mnli/train-00001.parquet", "mnli/train-00000.parquet", "mnli/test-00000.parquet"):
        (tmp_path / name).touch()
    assert find_files(tmp_path, "train.tsv") == [tmp_path / "train.tsv"]
    shards = find_files(tmp_path, "mnli/train-*.parquet")
    assert [path.name for path in shards] == ["train-00000.parquet", "train-00001.parquet"]
    with pytest.raises(UserError, match=r"no file 'trian.tsv' \(did you mean 'train.tsv'\? known: mnli/test-00000"):
        find_files(tmp_path, "trian.tsv")
    with pytest.raises(UserError, match="gone: missing; `dvc repro`"):
        find_files(tmp_path / "gone", "train.tsv")


def test_no_quoting_in_tsv(read):
    content = 'label\ttext\n1\t"The pie business\n0\tHe said "100 percent\n'
    assert rows(read("t.tsv", content)) == [('"The pie business', "1"), ('He said "100 percent', "0")]


def test_csv_quotes_hold_commas_quotes_and_line_breaks(read):
    frame = read("t.csv", 'text,label\n"a, ""b""\nc",1\nd,0\n')
    assert rows(frame) == [('a, "b"\nc', "1"), ("d", "0")]
    assert list(frame.index) == [2, 4]


ODD = pd.DataFrame(
    {
        "text": ['a\ttab; and, a "quote"', '"quoted"', "two\nlines", 'plain, 5" wide', ""],
        "label": ["1", "2", "1", "2", "1"],
    }
)


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(
    ("name", "separator", "keys"),
    [
        ("t.csv", ";", {"separator": ";"}),
        ("t.csv", "\t", {"separator": "\t"}),
        ("t.tsv", "\t", {"quotes": True}),
        ("t.txt", "|", {"separator": "|", "quotes": True}),
    ],
)
def test_tables_as_pandas_writes_them(read, name, separator, keys, end):
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL):
        content = ODD.to_csv(sep=separator, index=False, quoting=quoting, lineterminator=end)
        assert rows(read(name, content.encode("utf-8-sig"), **keys)) == rows(ODD)
        content = ODD.to_csv(sep=separator, index=False, header=False, quoting=quoting, lineterminator=end)
        assert rows(read(name, content, columns=["text", "label"], **keys)) == rows(ODD)


def test_quotes_may_be_text_in_csv_and_separators_may_be_any(read):
    assert rows(read("t.csv", 'text,label\n"a,1\n"b",0\n', quotes=False)) == [('"a', "1"), ('"b"', "0")]
    assert rows(read("t.tsv", 'text,label\n"a,1\n', separator=",")) == [('"a', "1")]


@pytest.mark.parametrize(
    ("name", "content", "columns", "keys"),
    [
        ("t.csv", "text;label\na;1\n", None, 'set split.separator: ";"'),
        ("t.csv", "\r\ntext\tlabel\r\na\t1\r\n", None, r'set split.separator: "\\t"'),
        ("t.txt", "text|label\na|1\n", None, r'set split.separator: "\|"'),
        ("t.txt", "a,1\n", ["text", "label"], 'line 1: .* found 1; set split.separator: ","'),
        ("t.tsv", '"text"\t"label"\n"a"\t"1"\n', None, "set split.quotes: true"),
        ("t.tsv", '"text";"label"\n"a";"1"\n', None, 'set split.separator: ";" and split.quotes: true'),
        ("t.tsv", 'text\tlabel\n"a\tb"\t1\n', None, "line 2: .* found 3; where .* set split.quotes: true"),
        ("t.tsv", 'text\tlabel\na\t1\n"b\nc"\t1\n', None, "line 3: .* found 1; where .* set split.quotes: true"),
        ("t.tsv", 'text\tlabel\na\t1\n"b, ""c"""\t1\n', None, "line 3: cells look quoted.* split.quotes: true, or fal"),
        ("t.csv", 'text,label\n"b"c,1\n', None, "where quotes are text as they are, set split.quotes: false"),
    ],
)
def test_another_form_is_an_error_that_names_the_key(read, name, content, columns, keys):
    with pytest.raises(UserError, match=keys) as caught:
        read(name, content, columns)
    assert "\n" not in str(caught.value)


def test_quotes_around_a_whole_text_are_text_where_others_are_not_so(read):
    content = 'text\tlabel\n"All of it"\t1\nHe said "so"\t0\n'
    assert rows(read("t.tsv", content)) == [('"All of it"', "1"), ('He said "so"', "0")]
    content = 'text\tlabel\n"All of it"\t1\n'
    assert rows(read("t.tsv", content, quotes=False)) == [('"All of it"', "1")]


@pytest.mark.parametrize("form", [{"separator": ";"}, {"quotes": False}])
def test_json_has_no_separators(read, form):
    with pytest.raises(UserError, match=r"a .jsonl file has no separators; remove split.separator and split.quotes"):
        read("t.jsonl", '{"text": "a", "label": 1}', **form)


def test_a_text_may_be_very_long(read):
    assert len(read("t.csv", "text,label\n" + "word " * 100_000 + ",1\n")["text"].iloc[0]) == 500_000


def test_columns_name_a_file_without_header(read):
    assert rows(read("t.txt", "7\t0.5\tfine\n", columns=["id", "label", "text"])) == [("fine", "0.5")]


def test_excel_says_how_its_file_is_separated(read):
    for first in ("sep=;\r\n", '"sep=;"\n'):
        frame = read("t.csv", f"\ufeff{first}text;label\na, b;1\n")
        assert rows(frame) == [("a, b", "1")]
        assert list(frame.index) == [3]
    assert rows(read("t.csv", "sep=;\na|1\n", columns=["text", "label"], separator="|")) == [("a", "1")]
    with pytest.raises(UserError, match="expected rows"):
        read("t.csv", "sep=;\ntext;label\n")


def test_one_column_may_hold_its_name(read):
    assert rows(read("t.csv", "text,label\nText,label\n", needed=["text"])) == [("Text",)]


def test_an_unused_column_may_be_anything(read):
    assert rows(read("t.csv", ",text,label,,\n0,a,1,,\n")) == [("a", "1")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "", "the file is empty"),
        ("t.csv", "\n \r\n", "the file is empty"),
        ("t.csv", b"\xef\xbb\xbf", r"there is no column 'text' \(known: none\)"),
        ("t.csv", "text,label\n", "expected rows, found none"),
        ("t.jsonl", "", "the file is empty"),
        ("t.csv", "txt,label\na,1\n", r"no column 'text' \(did you mean 'txt'\? known: label, txt\).*no header"),
        ("t.jsonl", '{"txt": "a", "label": 1}', r"no column 'text' \(did you mean 'txt'"),
        ("t.csv", "text,label,text\na,1,b\n", "several columns are called 'text'"),
        ("t.csv", "text,label\na,1\nb, c,1\n", "line 3: expected 2 columns, found 3; quote"),
        ("t.tsv", "text\tlabel\r\na\t1\r\n\r\nb\r\n", "line 4: expected 2 columns, found 1; a text can't hold"),
        ("t.csv", 'text,label\na,1\n"b,1\nc,0\n', "line 3: unexpected end of data; .* double quotes"),
        ("t.csv", 'text,label\n"b"c,1\n', "line 2: ',' expected after"),
        ("t.csv", b"text,label\na,1\ncaf\xe9,0\n", r"line 3: not UTF-8 \(byte 18, 0xe9\).*iconv -f windows-1252"),
        ("t.csv", "text,label\na,1\n".encode("utf-16"), "line 1: not UTF-8 .*iconv -f utf-16"),
        ("t.csv.gz", b"text,label\n", "this is no gzip; call it t.csv"),
        ("t.csv.gz", gzip.compress(gzip.compress(b"text,label\na,1\n")), "gzip with gzip in it; unpack it"),
        ("t.csv", gzip.compress(b"text,label\na,1\n"), "this is gzip; call it t.csv.gz"),
        ("t.jsonl", b"PAR1\x15\x00", "this is Parquet; call it t.parquet"),
        ("t.parquet", gzip.compress(b"text,label\na,1\n"), "this is gzip; unpack it"),
        (
            "t.jsonl",
            '{"text": "a", "label": 1, "text": "b"}',
            "line 1: not JSON: the key 'text' stands twice in an obj",
        ),
        ("t.csv", "text,label\na,1\n\nText, LABEL\nb,0\n", "line 4 names the columns once more.*; remove it"),
        (
            "t.json",
            '[{"text": "a", "label": 1}, {"text": "text", "label": "label"}]',
            "row 2 names the columns once mo",
        ),
        ("t.csv.gz", gzip.compress(b"text,label\na,1\n" * 99, mtime=0)[:-9], "no gzip file"),
        ("t.parquet", b"PAR1 not", "not a Parquet file: .*; save or fetch it again"),
        ("t.json", "[]", "expected rows, found none; add some"),
        ("t.jsonl", '{"text": "a", "label": 1}\n{"text": "b"', "line 2: not JSON"),
        ("t.jsonl", '\n"a"', "line 2: expected an object"),
        ("t.json", '[{"text": "a", "label": 1},\n"b"]', "row 2: expected an object"),
        ("t.json", '[{"text": "a", "label": 1},\n{"text": "b"', "line 2: not JSON: .*expected an array of objects"),
        ("t.json", '[{"text": "a", "label": 1}, {"text": {}, "label": 1}]', "row 2: text: expected text or a number"),
        ("t.json", '{\n"text": "a"}', r"line 1: not JSON: .*one object a line, or an array of objects: \[{"),
        ("t.jsonl", '{"text": "a", "label": [1]}', "line 1: label: expected text or a number, found a list"),
        ("t.jsonl", '{"text": "a", "label": 1}\n' + "[" * 100_000, r"line 2: not JSON: it is nested too deeply"),
        ("t.json", "[" * 100_000, r"line 1: not JSON: it is nested too deeply"),
        ("t.jsonl", json.dumps({"text": "\ud83d", "label": 1}), r"line 1: text: '\\ud83d' is half of a character"),
        ("t.xlsx", b"PK", "expected a file that ends in .csv, .tsv"),
    ],
)
def test_what_cant_be_read_is_one_line_that_names_the_place(read, name, content, message):
    with pytest.raises(UserError, match=message) as caught:
        read(name, content)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_columns_beside_a_header(read):
    for header in ("text,label", "Text, LABEL"):
        with pytest.raises(UserError, match="line 1 names the columns, as `columns` does; set columns: null"):
            read("t.csv", f"{header}\na,1\n", columns=["text", "label"])
    with pytest.raises(UserError, match="set columns: null"):
        read("t.jsonl", '{"text": "a", "label": 1}', columns=["text", "label"])
    with pytest.raises(UserError, match=r"line 1: expected 3 columns, found 2"):
        read("t.csv", "a,1\n", columns=["id", "text", "label"])


def test_a_long_first_line_without_header_does_not_flood_the_message(read):
    with pytest.raises(UserError) as caught:
        read("t.csv", "word " * 1000 + ",1\n")
    assert len(str(caught.value)) < 400


def test_a_file_without_a_name_is_the_one_in_the_folder(tmp_path):
    with pytest.raises(UserError, match=r"expected one file .* found none"):
        find_files(tmp_path, "")
    (tmp_path / ".hidden").touch()
    (tmp_path / "a.csv").touch()
    assert find_files(tmp_path, "") == [tmp_path / "a.csv"]
    (tmp_path / "b.csv").touch()
    with pytest.raises(UserError, match=r"found a.csv, b.csv"):
        find_files(tmp_path, "")
