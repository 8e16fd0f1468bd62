"""Documents of each type of file, one a row, by the column that is named; mistakes are named by line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tinybert.corpus.documents import read_documents
from tinybert.errors import UserError
from tinybert.running.progress import keep_progress_in

ARTICLE = '<doc id="{0}" url="https://a.org?curid={0}" title="Pier &quot;{0}&quot;">\nPier "{0}"\n\n{1}\n</doc>\n\n'
"""As WikiExtractor writes it."""
FILES = {
    "a.jsonl": '\ufeff{"body": "One.\\nTwo.", "title": "T"}\n\n{"body": null}\n{"body": "Thrée"}\n',
    "a.ndjson": '{"body": "One.\\nTwo.", "title": "T"}\n\n{"body": ""}\n{"body": "Thrée"}',
    "a.csv": '\ufefftitle,body\r\nT,"One.\nTwo."\r\n,\r\n,Thrée\r\n',
}


def read(folder: Path, name: str, content: str, column: str | None = "body") -> list[tuple[str, str]]:
    packed = gzip.compress(content.encode()) if name.endswith(".gz") else content.encode()
    (folder / name).write_bytes(packed)
    return list(read_documents([folder / name], {}, column))


def failure(folder: Path, name: str, content: str) -> str:
    with pytest.raises(UserError) as error:
        read(folder, name, content)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("gz", ["", ".gz"])
@pytest.mark.parametrize("name", FILES)
def test_rows_are_documents(name: str, gz: str, tmp_path: Path) -> None:
    (title, text), (other, last) = read(tmp_path, name + gz, FILES[name])
    assert (title, text) == ("T", "One.\nTwo.")
    assert (other, last) == (f"{name}{gz}:{4 if 'json' in name else 5}", "Thrée")
    dropped: dict[str, int] = {}
    list(read_documents([tmp_path / (name + gz)], dropped, "body"))
    assert dropped == {"empty": 1}


@pytest.mark.parametrize("gz", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (  # a quote is text
            "a.tsv",
            '\ufefftitle\tbody\r\nT\t"One\r\n\n\tTwo" or 5" is "it"\r\n',
            {"T": '"One', "a.tsv:4": 'Two" or 5" is "it"'},
        ),
        ("a.txt", "Cafe\u0301 か\u3099\n\nTwo.\n", {"a.txt:1": "Caf\u00e9 が", "a.txt:3": "Two."}),  # composed
        ("a.jsonl", '{"body": NaN}\n{"body": "NaN"}\n', {"a.jsonl:2": "NaN"}),
        (
            "wiki_00.txt",
            "".join(ARTICLE.format(*each) for each in ((1, "One.\n\nTwo.\n"), (2, ""), (3, "Three."))),
            {'Pier "1"': "One.\nTwo.", 'Pier "3"': "Three."},
        ),
    ],
)
def test_texts_by_their_titles(name: str, content: str, expected: dict[str, str], gz: str, tmp_path: Path) -> None:
    found = read(tmp_path, name + gz, content)
    assert [(title.replace(".gz:", ":"), text) for title, text in found] == list(expected.items())


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        ("wiki_00", '<doc id="1" url="" title="T">\n', "this is WikiExtractor's output; call it wiki_00.txt"),
        ("wiki_00", '{"id": "1", "text": "T"}\n', "this is JSON lines; call it wiki_00.jsonl"),
        ("wiki_00.txt", '{"id": "1", "text": "T"}\n', "this is JSON lines; call it wiki_00.jsonl"),
        ("wiki.txt.gz", '{"id": "1", "text": "T"}\n', "this is JSON lines; call it wiki.jsonl.gz"),
        ("a.jsonl", '<doc id="1" url="" title="T">\n', "this is WikiExtractor's output; call it a.txt"),
        ("dump.txt", '<mediawiki xmlns="">\n', "this is a MediaWiki dump; call it dump.xml"),
        ("a.md", "x", "expected .xml, .xml.bz2, .txt, .jsonl, .csv, .tsv"),
    ],
)
def test_what_a_file_is_and_what_to_call_it(name: str, content: str, advice: str, tmp_path: Path) -> None:
    assert advice in failure(tmp_path, name, content)


@pytest.mark.parametrize("name", ["a.txt", "a.xml"])
def test_gzip_under_another_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"One."))
    with pytest.raises(UserError, match="this is gzip"):
        list(read_documents([tmp_path / name], {}))


def test_column_of_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["no"], "title": ["T"], "body": ["yes"]}), tmp_path / "a.parquet")
    assert list(read_documents([tmp_path / "a.parquet"], {}, "body")) == [("T", "yes")]
    assert list(read_documents([tmp_path / "a.parquet"], {})) == [("T", "no")]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", '{"body": "x"}\n{"body": ', "line 2: not valid JSON lines"),
        ("a.jsonl", '{"bodi": ""}\n', "line 1: there is no column 'body' of text; name one in `column` (did you mean"),
        ("a.json", '["x"]\n', "line 1: not valid JSON lines (found a list); a line holds one object"),
        ("a.jsonl", '{"body": 3}\n', "line 1: 'body': expected text, found 3"),
        ("a.jsonl", '{"body": "x", "body": "y"}\n', "line 1: not valid JSON lines (the key 'body' stands twice"),
        ("a.csv", "title,text\na,b\n", "line 2: there is no column 'body'"),
        ("a.csv", "title,body\na,b\na,b,c\n", "line 3: expected 2 columns, found 3"),
        ("a.csv", 'title,body\na,b\n,"c\n,d\n,e\n', "line 3: unexpected end of data"),
        ("a.csv", 'title,body\na,"b" c\n', "save it as .tsv or .jsonl"),
        ("a.tsv", 'title\tbody\nT\t"One.\nTwo."\n', "line 3: expected 2 columns, found 1; save text that holds tabs"),
        ("a.jsonl", '{"body": "x"}\n{"body": "abc \\ud800 def"}\n', "line 2: '\\ud800' is half of a character"),
        ("a.jsonl", '{"body": "x", "title": "\\udc00"}', "line 1: '\\udc00' is half of a character"),
    ],
)
def test_mistakes(name: str, content: str, expected: str, tmp_path: Path) -> None:
    assert expected in failure(tmp_path, name, content)


def test_cut_off_gz(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"One.\n" * 1000)[:-9])
    with pytest.raises(UserError, match="damaged or cut off"):
        list(read_documents([tmp_path / "a.txt.gz"], {}))


def test_dumps_of_one_name_are_kept_apart(tmp_path):
    page = "<page><title>{0}</title><ns>0</ns><revision><text>{1}</text></revision></page>"
    dumps = [tmp_path / folder / "pages.xml" for folder in ("de", "en")]
    for dump, word in zip(dumps, ("Regen", "rain"), strict=True):
        dump.parent.mkdir()
        dump.write_text(
            f"<mediawiki>{page.format(word, f'{word} fell for many hours on the old town. ' * 20)}</mediawiki>"
        )
    keep_progress_in(tmp_path / "progress", 10)
    try:
        first, again = ([title for title, _ in read_documents(dumps, {})] for _ in range(2))
    finally:
        keep_progress_in(None, 0)
    assert first == again == ["Regen", "rain"]
