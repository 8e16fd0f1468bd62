"""Files of the web and of gensim-data: resumed, retried, checked, cached; each way to fail says what to do."""

from __future__ import annotations

import dataclasses
import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.sources.conftest import Index, at_once, sha256
from tinybert.corpus.documents import write_corpus
from tinybert.errors import UserError
from tinybert.params.sources import Download
from tinybert.sources import web
from tinybert.sources.downloads import store_download

CONTENT = b"the 1 2\n" + b"word 3 4\n" * 100_000


@pytest.fixture(autouse=True)
def _quick(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(web.fetch_url, "__defaults__", (web.CACHE, index.settings, 3, 0.001))


def get(index: Index, name: str = "glove.txt", content: bytes = CONTENT) -> bytes:
    index.files.setdefault(name, content)
    return web.fetch_url(f"{index.url}/files/{name}?download=1", sha256(content)).read_bytes()


def failure(index: Index) -> str:
    with pytest.raises(UserError) as error:
        get(index)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("proxy", ["foo", "ftp://proxy:1"])
def test_a_proxy_that_is_none(index: Index, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = dataclasses.replace(index.settings, proxy=proxy)
    monkeypatch.setattr(web.fetch_url, "__defaults__", (web.CACHE, settings, 3, 0.001))
    message = failure(index)
    assert message.startswith("the proxy cannot be used (")
    assert message.endswith("as in http://host:port")


def test_second_time_asks_nobody(index: Index) -> None:
    assert get(index) == CONTENT
    asked = len(index.requests)
    assert get(index) == CONTENT
    assert len(index.requests) == asked


def test_two_at_once_fetch_once(index: Index) -> None:
    index.pause = 0.3
    assert at_once(lambda: get(index)) == [CONTENT, CONTENT]
    assert len(index.asked_for_files()) == 1


def test_broken_connection_is_resumed(index: Index) -> None:
    index.mishaps = [("cut", 300_000), ("cut", 100_000)]
    assert get(index) == CONTENT
    first, second, third = index.asked_for_files()
    assert first is None
    assert second is not None
    assert third is not None
    assert 0 < int(second[6:-1]) < int(third[6:-1]) <= 400_000


def test_server_without_range_is_started_anew(index: Index) -> None:
    index.ranges = False
    index.mishaps = [("cut", 300_000)]
    assert get(index) == CONTENT


def test_long_downloads_may_break_more_often(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinybert.sources.transfer.HEADWAY", 100_000)
    index.mishaps = [("cut", 150_000)] * 5
    assert get(index) == CONTENT


def test_other_bytes(index: Index) -> None:
    index.files["glove.txt"] = b"other"
    message = failure(index)
    assert sha256(b"other") in message
    assert "correct `sha256` only if" in message


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, "HTTP 404 Not Found; correct the address"), (403, "HTTP 403 Forbidden; fetch it yourself")],
)
def test_refusals(status: int, expected: str, index: Index) -> None:
    index.mishaps = [("status", status)]
    assert expected in failure(index)


def test_no_network(index: Index) -> None:
    with pytest.raises(UserError, match="check the network") as error:
        web.fetch_url("http://user:secret@127.0.0.1:9/a/glove.txt?token=hidden", "0" * 64)
    assert "secret" not in str(error.value)
    assert "hidden" not in str(error.value)


def test_members_of_an_archive(index: Index) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("SST-2/train.tsv", "sentence\tlabel\n")
        archive.writestr("SST-2/dev.tsv", "sentence\tlabel\n")
        archive.writestr("SST-2/original/README.txt", "x")
    index.files["SST-2.zip"] = stream.getvalue()
    entry = {
        "kind": "table",
        "url": f"{index.url}/files/SST-2.zip",
        "sha256": sha256(stream.getvalue()),
        "members": ["SST-2/train.tsv", "SST-2/dev.tsv"],
    }
    store_download(Download.model_validate(entry), Path("out"), write_corpus)
    assert sorted(file.name for file in Path("out").iterdir()) == ["dev.tsv", "train.tsv"]


def test_bare_file(index: Index) -> None:
    index.files["a.csv"] = b"a,b\n"
    entry = {"kind": "table", "url": f"{index.url}/files/a.csv?x=1", "sha256": sha256(b"a,b\n")}
    store_download(Download.model_validate(entry), Path("out"), write_corpus)
    assert [file.name for file in Path("out").iterdir()] == ["a.csv"]


def test_gensim(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    content = gzip.compress(b"2 2\nthe 1 2\nword 3 4\n")
    name = "glove-wiki-gigaword-100"
    index.files[f"{name}/{name}.gz"] = content
    monkeypatch.setattr("gensim.downloader.DOWNLOAD_BASE_URL", f"{index.url}/files")
    entry = {"kind": "vectors", "gensim": name, "sha256": sha256(content), "words": 1}
    assert store_download(Download.model_validate(entry), Path("out"), write_corpus) == {"words": 1, "dimensions": 2}
    assert [path for path, _ in index.requests] == [f"/files/{name}/{name}.gz"]
    assert pq.read_table("out/words.parquet")["word"].to_pylist() == ["the"]
    np.testing.assert_array_equal(np.load("out/vectors.npy"), [[1, 2]])
