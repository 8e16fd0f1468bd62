"""Pinned files: resumed, tried again, checked, cached; each way to fail says what to do."""

from __future__ import annotations

import gzip
import io
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.sources.conftest import Index, at_once, sha256
from tinybert.corpus.documents import write_corpus
from tinybert.errors import UserError
from tinybert.params.sources import Download
from tinybert.sources import downloads, transfer
from tinybert.sources.downloads import store_download

CONTENT = b"the 1 2\n" + b"word 3 4\n" * 100_000


@pytest.fixture(autouse=True)
def _quick(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    quick = partial(transfer.fetch, settings=index.settings, tries=3, pause=0.001)
    monkeypatch.setattr(downloads, "fetch", quick)


def store(index: Index, name: str = "glove.txt", content: bytes = CONTENT, **keys: object) -> Path:
    index.files.setdefault(name, content)
    entry = {"kind": "table", "url": f"{index.url}/files/{name}?download=1", "sha256": sha256(content)} | keys
    store_download(Download.model_validate(entry), Path("out"), write_corpus)
    return Path("out")


def get(index: Index) -> bytes:
    return (store(index) / "glove.txt").read_bytes()


def part(content: bytes) -> Path:
    """What a killed process left."""
    file = transfer.CACHE / sha256(CONTENT) / "glove.txt.part"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return file


def failure(index: Index, **keys: object) -> str:
    """The error: one line, and nothing in the cache that looks like the file."""
    with pytest.raises(UserError) as error:
        store(index, **keys)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    assert not list(transfer.CACHE.rglob("glove.txt"))
    return str(error.value)


def test_second_time_asks_nobody(index: Index) -> None:
    assert get(index) == CONTENT
    asked = len(index.requests)
    assert get(index) == CONTENT
    assert len(index.requests) == asked


def test_two_at_once_fetch_once(index: Index) -> None:
    index.pause, index.files["glove.txt"] = 0.3, CONTENT
    places = lambda _: iter([(f"{index.url}/files/glove.txt", "there")])  # noqa: E731
    fetch = partial(transfer.fetch, "glove.txt", sha256(CONTENT), places, {}, settings=index.settings)
    assert [file.read_bytes() for file in at_once(fetch)] == [CONTENT, CONTENT]
    assert len(index.asked_for_files()) == 1


def test_spoiled_cache_is_fetched_again(index: Index) -> None:
    store(index)
    next(transfer.CACHE.rglob("glove.txt")).write_bytes(b"spoiled")
    assert get(index) == CONTENT


def test_broken_connection_is_resumed(index: Index) -> None:
    index.mishaps = [("cut", 300_000), ("cut", 100_000)]
    assert get(index) == CONTENT
    first, second, third = index.asked_for_files()
    assert first is None
    assert second is not None
    assert third is not None
    assert 0 < int(second[6:-1]) < int(third[6:-1]) <= 400_000


def test_killed_process_is_resumed(index: Index) -> None:
    part(CONTENT[:1000])
    assert get(index) == CONTENT
    assert index.asked_for_files() == ["bytes=1000-"]


def test_wrong_rest_of_a_killed_process_is_started_anew(index: Index) -> None:
    part(b"not what the archive starts with")
    assert get(index) == CONTENT
    assert index.asked_for_files() == ["bytes=32-", None]


def test_server_without_range_is_started_anew(index: Index) -> None:
    index.ranges = False
    index.mishaps = [("cut", 300_000)]
    assert get(index) == CONTENT


def test_long_downloads_may_break_more_often(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "HEADWAY", 100_000)
    index.mishaps = [("cut", 150_000)] * 5
    assert get(index) == CONTENT


def test_connection_that_always_breaks(index: Index) -> None:
    index.mishaps = [("cut", 10)] * 9
    message = failure(index)
    assert "breaks off" in message
    assert "check the network" in message


def test_busy_server_is_asked_again(index: Index) -> None:
    index.mishaps = [("status", 503), ("status", 429)]
    assert get(index) == CONTENT


def test_other_bytes(index: Index) -> None:
    index.files["glove.txt"] = b"other"
    message = failure(index)
    assert f"has sha256 {sha256(b'other')}, expected {sha256(CONTENT)}" in message
    assert message.endswith("correct `sha256` only if you trust these bytes")
    assert not list(transfer.CACHE.rglob("*.part"))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (404, "HTTP 404 Not Found; correct the address"),
        (403, "HTTP 403 Forbidden; fetch it yourself"),
        (503, "HTTP 503); check the network and the proxy"),
    ],
)
def test_refusals(status: int, expected: str, index: Index) -> None:
    index.mishaps = [("status", status)] * 3
    assert expected in failure(index)


def test_no_network_and_nothing_secret_is_printed(index: Index) -> None:
    message = failure(index, url="http://user:secret@127.0.0.1:9/a/glove.txt?token=hidden")
    assert "check the network" in message
    assert "secret" not in message
    assert "hidden" not in message


@pytest.mark.parametrize("settings", [{"proxy": "foo"}, {"proxy": "ftp://proxy:1"}, {"cert": "there-is-none.pem"}])
def test_a_proxy_or_certificate_that_is_none(
    index: Index, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = partial(transfer.fetch, settings=index.settings._replace(**settings))
    monkeypatch.setattr(downloads, "fetch", fetch)
    message = failure(index)
    assert message.startswith("pip's `proxy` or `cert` cannot be used (")
    assert message.endswith("as in http://host:port")


def test_members_of_an_archive(index: Index) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in ("train.tsv", "dev.tsv", "original/README.txt"):
            archive.writestr(f"SST-2/{name}", "sentence\tlabel\n")
    out = store(index, "SST-2.zip", stream.getvalue(), members=["SST-2/train.tsv", "SST-2/dev.tsv"])
    assert sorted(file.name for file in out.iterdir()) == ["dev.tsv", "train.tsv"]


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
