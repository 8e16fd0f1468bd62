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


def _parquet():
    stream = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": ["café"], "label": ["1"]}), stream, compression="none", use_dictionary=False)
    return stream.getvalue().to_pybytes()


PARQUET = _parquet()


@pytest.fixture
def read(tmp_path):
    """Read a file with this content: the frame."""

    def read(name, content, columns=None, needed=("text", "label"), **form):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(file, columns, needed, **form)

    return read


def rows(frame):
    return [tuple(row) for row in frame.to_numpy().tolist()]


VERBATIM = [("NA", "001"), ("null", "1.0"), ("", "")]
JSON_ARRAY = '[\n {"text": "NA", "label": "001"},\r\n {"label": 1.0, "text": "null"}, {"text": null}]'
HEADED = {"columns": ["text", "label"]}


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


@pytest.mark.parametrize(
    ("name", "content", "form", "expected"),
    [
        ("t.tsv", 'label\ttext\n1\t"The pie\n0\tHe said "100\n', {}, {2: ('"The pie', "1"), 3: ('He said "100', "0")}),
        ("t.tsv", 'text\tlabel\n"All"\t1\nHe said "so"\t0\n', {}, {2: ('"All"', "1"), 3: ('He said "so"', "0")}),
        ("t.tsv", 'text\tlabel\n"All of it"\t1\n', {"quotes": False}, {2: ('"All of it"', "1")}),
        ("t.csv", 'text,label\n"a, ""b""\nc",1\nd,0\n', {}, {2: ('a, "b"\nc', "1"), 4: ("d", "0")}),
        ("t.csv", 'text,label\n"a,1\n"b",0\n', {"quotes": False}, {2: ('"a', "1"), 3: ('"b"', "0")}),
        ("t.tsv", 'text,label\n"a,1\n', {"separator": ","}, {2: ('"a', "1")}),
        ("t.txt", "7\t0.5\tfine\n", {"columns": ["id", "label", "text"]}, {1: ("fine", "0.5")}),
        ("t.csv", "\ufeffsep=;\r\ntext;label\na, b;1\n", {}, {3: ("a, b", "1")}),  # Excel says how it separates
        ("t.csv", '"sep=;"\ntext;label\na, b;1\n', {}, {3: ("a, b", "1")}),
        ("t.csv", "sep=;\na|1\n", HEADED | {"separator": "|"}, {2: ("a", "1")}),
        ("t.csv", "text,label\nText,label\n", {"needed": ["text"]}, {2: ("Text",)}),  # in one column it may be a text
        ("t.csv", ",text,label,,\n0,a,1,,\n", {}, {2: ("a", "1")}),
        ("t.jsonl", '{"text": "a", "label": 1.0, "x": 1}\r\n\r\n{"label": "01"}', {}, {1: ("a", "1.0"), 3: ("", "01")}),
        ("t.jsonl", '{"text": "a", "label": true}\n{"label": -Infinity}', {}, {1: ("a", "true"), 2: ("", "")}),
        ("t.json", "\ufeff" + JSON_ARRAY, {}, dict(enumerate(VERBATIM, start=1))),
        ("t.json.gz", gzip.compress(JSON_ARRAY.encode()), {}, dict(enumerate(VERBATIM, start=1))),
    ],
)  # fmt: skip
def test_rows_by_their_lines(read, name, content, form, expected):
    frame = read(name, content, **form)
    assert dict(zip(frame.index, rows(frame), strict=True)) == expected
    assert frame.index.name == ("row" if "json" in name and "jsonl" not in name else "line")


def test_parquet_values_become_text(tmp_path):
    columns = {"text": ["a", None], "label": [1, 0], "rating": [0.5, -2.0], "vector": [[1.0], [2.0]]}
    columns |= {"missing": [1.0, float("nan")], "mood": pa.array(["b", None]).dictionary_encode()}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    frame = read_table(tmp_path / "t.parquet", None, ["text", "label", "rating", "missing", "mood"])
    assert rows(frame) == [("a", "1", "0.5", "1", "b"), ("", "0", "-2", "", "")]
    with pytest.raises(UserError, match="vector: expected text or numbers, found list"):
        read_table(tmp_path / "t.parquet", None, ["vector"])


def test_lists_come_as_json_where_they_are_expected(read, tmp_path):
    lists = {"needed": ["tags"], "lists": ["tags"]}
    frame = read("t.jsonl", '{"tags": ["a b", 7]}\n{"tags": []}\n{"tags": null}\n{"tags": "x"}\n', **lists)
    assert rows(frame) == [('["a b", "7"]',), ("[]",), ("",), ("x",)]
    pq.write_table(pa.table({"tags": [[3, 27], [], None]}), tmp_path / "t.parquet")
    assert rows(read_table(tmp_path / "t.parquet", None, **lists)) == [('["3", "27"]',), ("[]",), ("",)]
    with pytest.raises(UserError, match="line 1: tags: expected text or a number, found a list"):
        read("t.jsonl", '{"tags": [["a"]]}\n', **lists)


def test_broken_lines_are_counted_where_they_are_allowed(read):
    dropped = {}
    frame = read("t.tsv", "id\ttext\tlabel\n1\ta\t0\n2\tbroken\nin two\t1\n3\tb\t1\t\n4\tc\t1\n", dropped=dropped)
    assert rows(frame) == [("a", "0"), ("c", "1")]
    assert dropped == {"broken": 3}
    assert list(frame.index) == [2, 6]


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
        assert rows(read(name, content, **HEADED, **keys)) == rows(ODD)


def test_a_text_may_be_very_long(read):
    assert len(read("t.csv", "text,label\n" + "word " * 100_000 + ",1\n")["text"].iloc[0]) == 500_000


ROW = '{"text": "a", "label": 1}'


@pytest.mark.parametrize(
    ("name", "content", "form", "message"),
    [
        # another form than the file's name says
        ("t.csv", "text;label\na;1\n", {}, 'set split.separator: ";"'),
        ("t.csv", "\r\ntext\tlabel\r\na\t1\r\n", {}, r'set split.separator: "\\t"'),
        ("t.txt", "text|label\na|1\n", {}, r'set split.separator: "\|"'),
        ("t.txt", "a,1\n", HEADED, 'line 1: .* found 1; set split.separator: ","'),
        ("t.tsv", '"text"\t"label"\n"a"\t"1"\n', {}, "set split.quotes: true"),
        ("t.tsv", '"text";"label"\n"a";"1"\n', {}, 'set split.separator: ";" and split.quotes: true'),
        ("t.tsv", 'text\tlabel\n"a\tb"\t1\n', {}, "line 2: .* found 3; where .* set split.quotes: true"),
        ("t.tsv", 'text\tlabel\na\t1\n"b\nc"\t1\n', {}, "line 3: .* found 1; where .* set split.quotes: true"),
        ("t.tsv", 'text\tlabel\na\t1\n"b, ""c"""\t1\n', {}, "line 3: cells look quoted.* split.quotes: true, or fal"),
        (
            "t.csv",
            'text,label\n"b"c,1\n',
            {},
            "line 2: ',' expected after .*where quotes are text as they are, set split.quotes: false",
        ),
        ("t.jsonl", ROW, HEADED, "set columns: null"),
        ("t.jsonl", ROW, {"separator": ";"}, "has no separators; .* remove split.separator and split.quotes"),
        ("t.jsonl", ROW, {"quotes": False}, "has no separators; .* remove split.separator and split.quotes"),
        # columns
        ("t.csv", "text,label\n", {}, "expected rows, found none"),
        ("t.csv", "sep=;\ntext;label\n", {}, "expected rows, found none"),
        ("t.csv", "txt,label\na,1\n", {}, r"no column 'text' \(did you mean 'txt'\? known: label, txt\).*no header"),
        ("t.jsonl", '{"txt": "a", "label": 1}', {}, r"no column 'text' \(did you mean 'txt'"),
        ("t.csv", "text,label,text\na,1,b\n", {}, "several columns are called 'text'"),
        ("t.csv", "text,label\na,1\nb, c,1\n", {}, "line 3: expected 2 columns, found 3; quote"),
        ("t.csv", "a,1\n", {"columns": ["id", "text", "label"]}, "line 1: expected 3 columns, found 2"),
        ("t.tsv", "text\tlabel\r\na\t1\r\n\r\nb\r\n", {}, "line 4: expected 2 columns, found 1; .* save it as .jsonl"),
        ("t.csv", "Text, LABEL\na,1\n", HEADED, "line 1 names the columns, as `columns` does; set columns: null"),
        ("t.csv", "text,label\na,1\n\nText, LABEL\nb,0\n", {}, "line 4 names the columns once more.*; remove it"),
        ("t.json", f'[{ROW}, {{"text": "Text", "label": "label"}}]', {}, "row 2 names the columns once more"),
        # bytes
        ("t.csv", "", {}, "the file is empty"),
        ("t.csv", b"text,label\na,1\ncaf\xe9,0\n", {}, r"line 3: not UTF-8 \(byte 18, 0xe9\).*iconv -f windows-1252"),
        ("t.csv", "text,label\na,1\n".encode("utf-16"), {}, "line 1: not UTF-8 .*iconv -f utf-16"),
        ("t.csv.gz", gzip.compress(gzip.compress(b"text,label\na,1\n")), {}, "gzip with gzip in it; unpack it"),
        ("t.csv.gz", gzip.compress(b"text,label\na,1\n" * 99, mtime=0)[:-9], {}, "no gzip file"),
        ("t.csv", gzip.compress(b"text,label\na,1\n"), {}, "this is gzip; call it t.csv.gz"),
        ("t.parquet", gzip.compress(b"text,label\na,1\n"), {}, "this is gzip; unpack it"),
        ("t.parquet", b"PAR1 not", {}, "not a Parquet file: .*; save or fetch it again"),
        (
            "t.parquet",
            PARQUET.replace(b"caf\xc3\xa9", b"caf\xe9\xe9"),
            {},
            "not a Parquet file: .*UTF8.*; save or fetch",
        ),
        (
            "t.parquet",
            PARQUET.replace(b"text", b"te\xe9t"),
            {},
            "not a Parquet file: .*utf-8.*; save or fetch it again",
        ),
        ("t.xlsx", b"PK", {}, "expected a file that ends in .csv, .tsv"),
        # quotes, and JSON
        ("t.csv", 'text,label\na,1\n"b,1\nc,0\n', {}, "line 3: unexpected end of data; .* double quotes"),
        ("t.jsonl", f'{ROW}\n{{"text": "b"', {}, "line 2: not JSON"),
        ("t.jsonl", '{"text": "a", "text": "b"}', {}, "line 1: not JSON: the key 'text' stands twice in an object"),
        ("t.jsonl", '\n"a"', {}, "line 2: expected an object"),
        ("t.jsonl", '{"text": "a", "label": [1]}', {}, "line 1: label: expected text or a number, found a list"),
        ("t.jsonl", json.dumps({"text": "\ud83d", "label": 1}), {}, r"line 1: text: '\\ud83d' is half of a character"),
        ("t.json", f'[{ROW},\n"b"]', {}, "row 2: expected an object"),
        ("t.json", f'[{ROW},\n{{"text": "b"', {}, "line 2: not JSON: .* or an array of objects"),
        ("t.json", f'[{ROW}, {{"text": {{}}, "label": 1}}]', {}, "row 2: text: expected text or a number"),
        ("t.json", '{\n"text": "a"}', {}, r"line 1: not JSON: .*one object a line, or an array of objects: \[{"),
    ],
)
def test_what_cant_be_read_is_one_line_that_names_the_place(read, name, content, form, message):
    with pytest.raises(UserError, match=message) as caught:
        read(name, content, **form)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_long_first_line_without_header_does_not_flood_the_message(read):
    with pytest.raises(UserError) as caught:
        read("t.csv", "word " * 1000 + ",1\n")
    assert len(str(caught.value)) < 400


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


def test_a_file_without_a_name_is_the_one_in_the_folder(tmp_path):
    with pytest.raises(UserError, match=r"expected one file .* found none"):
        find_files(tmp_path, "")
    (tmp_path / ".hidden").touch()
    (tmp_path / "a.csv").touch()
    assert find_files(tmp_path, "") == [tmp_path / "a.csv"]
    (tmp_path / "b.csv").touch()
    with pytest.raises(UserError, match=r"found a.csv, b.csv"):
        find_files(tmp_path, "")
