"""Pinned files: resumed, tried again, checked, cached; each way to fail says what to do."""

import gzip
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.sources import conftest
from tests.sources.conftest import configure, failure, sha256, zipped
from tinybert.sources import transfer

CONTENT = b"the 1 2\n" + b"word 3 4\n" * 100_000
PART = transfer.CACHE / sha256(CONTENT) / "glove.txt.part"


@pytest.fixture
def get(index):
    """Stores glove.txt as the index has it, and returns its bytes."""
    index.files["glove.txt"] = CONTENT
    entry = {"kind": "table", "url": f"{index.url}/files/glove.txt?download=1", "sha256": sha256(CONTENT)}
    return lambda **keys: conftest.store(**entry | keys)["glove.txt"]


def test_second_time_asks_nobody(index, get):
    assert get() == CONTENT
    asked = len(index.requests)
    assert get() == CONTENT
    assert len(index.requests) == asked


def test_two_at_once_fetch_once(index, get):
    index.pause = 0.3
    place = (f"{index.url}/files/glove.txt", "there")
    with ThreadPoolExecutor(2) as pool:
        stages = [pool.submit(transfer.fetch, "glove.txt", sha256(CONTENT), lambda *_: iter([place])) for _ in range(2)]
    assert [stage.result().read_bytes() for stage in stages] == [CONTENT, CONTENT]
    assert len(index.requests) == 1


def test_spoiled_cache_is_fetched_again(get):
    get()
    PART.with_suffix("").write_bytes(b"spoiled")
    assert get() == CONTENT


def test_broken_connection_is_resumed_as_long_as_it_brings_something(index, get):
    index.mishaps = [("cut", 200_000)] * 4
    assert get() == CONTENT
    first, *others = index.ranges_of("/files/")
    starts = [int(header[6:-1]) for header in others]
    assert first is None
    assert 0 < starts[0] < starts[1] < starts[2] < starts[3] <= 800_000


@pytest.mark.parametrize(
    ("content", "asked"),
    [(CONTENT[:1000], ["bytes=1000-"]), (b"not what the archive starts with", ["bytes=32-", None])],
)
def test_killed_process_is_resumed_or_where_it_was_wrong_started_anew(content, asked, index, get):
    PART.parent.mkdir(parents=True)
    PART.write_bytes(content)
    assert get() == CONTENT
    assert index.ranges_of("/files/") == asked


def test_server_without_range_is_started_anew(index, get):
    index.ranges, index.mishaps = False, [("cut", 300_000)]
    assert get() == CONTENT


def test_busy_server_is_asked_again(index, get):
    index.mishaps = [("status", 503), ("status", 429)]
    assert get() == CONTENT


def test_other_bytes(index, get):
    index.files["glove.txt"] = b"other"
    message = failure(get)
    assert f"has sha256 {sha256(b'other')}, expected {sha256(CONTENT)}" in message
    assert message.endswith("correct `sha256` only if you trust these bytes")
    assert not PART.stat().st_size


@pytest.mark.parametrize(
    ("mishap", "expected"),
    [
        (("cut", 0), "breaks off ("),
        (("status", 404), "HTTP 404 Not Found; correct the address"),
        (("status", 403), "HTTP 403 Forbidden; fetch it yourself"),
        (("status", 503), "HTTP 503); check the network and the proxy"),
    ],
)
def test_refusals(mishap, expected, index, get):
    index.mishaps = [mishap] * 9
    assert expected in failure(get)


def test_no_network_and_nothing_secret_is_printed(get):
    message = failure(get, url="http://user:secret@127.0.0.1:9/a/glove.txt?token=hidden")
    assert "check the network" in message
    assert "secret" not in message
    assert "hidden" not in message


@pytest.mark.parametrize("settings", [{"proxy": "foo"}, {"proxy": "ftp://proxy:1"}, {"cert": "there-is-none.pem"}])
def test_a_proxy_or_certificate_that_is_none(settings, get, monkeypatch):
    configure(monkeypatch, **settings)
    assert failure(get).startswith("pip's `proxy` or `cert` cannot be used (")


def test_members_of_an_archive(index):
    content = zipped(dict.fromkeys(("SST-2/train.tsv", "SST-2/dev.tsv", "SST-2/README.txt"), "sentence\tlabel\n"))
    index.files["SST-2.zip"] = content
    entry = {"kind": "table", "url": f"{index.url}/files/SST-2.zip", "sha256": sha256(content)}
    assert {*conftest.store(**entry, members=["SST-2/train.tsv", "SST-2/dev.tsv"])} == {"dev.tsv", "train.tsv"}


def test_gensim(index, monkeypatch):
    content, name = gzip.compress(b"2 2\nthe 1 2\nword 3 4\n"), "glove-wiki-gigaword-100"
    index.files[f"{name}/{name}.gz"] = content
    monkeypatch.setattr("tinybert.sources.downloads.GENSIM", f"{index.url}/files/{{0}}/{{0}}.gz")
    stored = conftest.store(kind="vectors", gensim=name, sha256=sha256(content), words=1)
    assert pq.read_table(io.BytesIO(stored["words.parquet"]))["word"].to_pylist() == ["the"]
    np.testing.assert_array_equal(np.load(io.BytesIO(stored["vectors.npy"])), [[1, 2]])
