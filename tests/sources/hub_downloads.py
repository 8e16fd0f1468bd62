"""Downloads from the tests' hub into `out`, and what they left there."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sources.hub_server import COMMIT
from tinybert.corpus.documents import write_corpus
from tinybert.errors import UserError
from tinybert.params.sources import Download
from tinybert.sources.downloads import store_download


def store(kind: str, name: str, **keys: object) -> Path:
    entry = {"kind": kind, "hub": name, "revision": COMMIT, **keys}
    store_download(Download.model_validate(entry), Path("out"), write_corpus)
    return Path("out")


def failure(kind: str, name: str, **keys: object) -> str:
    """The error of a download: one line, and nothing written."""
    with pytest.raises(UserError) as error:
        store(kind, name, **keys)
    assert "\n" not in str(error.value)
    assert not Path("out").exists()
    return str(error.value)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def parquet(**columns: list[object]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def texts(folder: Path) -> list[str]:
    return [text for file in sorted(folder.glob("*.parquet")) for text in pq.read_table(file)["text"].to_pylist()]
