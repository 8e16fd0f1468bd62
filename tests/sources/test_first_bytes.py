"""Files whose names say something else than their first bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tinybert.sources.first_bytes import name_the_bytes

CSV = b"text,label\nfine,good\n"


def parquet() -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({"text": ["fine"]}), stream)
    return stream.getvalue()


def zipped(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, "x")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("reviews.csv", gzip.compress(CSV), "this is gzip; call it reviews.csv.gz"),
        ("reviews.csv.gz", gzip.compress(gzip.compress(CSV)), "this is gzip with gzip in it; unpack it (gunzip)"),
        ("reviews.csv.gz", gzip.compress(zipped("a.csv")), "this is gzip with a .zip file in it; unpack it (gunzip)"),
        ("reviews.csv.gz", CSV, "this is no gzip; call it reviews.csv"),
        ("reviews.parquet", gzip.compress(parquet()), "this is gzip; unpack it"),
        ("wiki.xml", bz2.compress(CSV), "this is bzip2; call it wiki.xml.bz2"),
        ("wiki.xml.bz2", b"<mediawiki>", "this is no bzip2; call it wiki.xml"),
        ("wiki.xml.bz2", gzip.compress(b"<mediawiki>"), "this is gzip; unpack it"),
        ("reviews.csv", bz2.compress(CSV), "this is bzip2; unpack it"),
        ("reviews.csv", parquet(), "this is Parquet; call it reviews.parquet"),
        ("reviews.csv.gz", parquet(), "this is Parquet; call it reviews.parquet"),
        ("reviews.csv", zipped("xl/workbook.xml"), "this is an Excel workbook; save it as CSV (UTF-8)"),
        ("corpus.txt", zipped("word/document.xml"), "this is a Word document; save it as text"),
        ("reviews.csv", zipped("a.csv"), "this is a .zip archive; unpack it, and name the file in it"),
        ("reviews.csv", zipped("a.csv")[:40], "this is a .zip archive; unpack it, and name the file in it"),
        ("vectors.txt", lzma.compress(CSV), "this is xz; unpack it (unxz)"),
        ("model.safetensors", zipped("archive/data.pkl"), "this is a pickled checkpoint, which can run code"),
        ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "this is a pointer of Git LFS"),
    ],
)
def test_what_the_name_does_not_say(name: str, content: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert (name_the_bytes(tmp_path / name) or "").startswith(expected)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("reviews.csv", CSV),
        ("reviews.csv", b""),
        ("reviews.csv", b"PAR1,PK,BZh9\n"),
        ("reviews.csv.gz", gzip.compress(CSV)),
        ("reviews.csv.gz", gzip.compress(CSV)[:20]),
        ("reviews.parquet", parquet()),
    ],
)
def test_what_it_says(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert name_the_bytes(tmp_path / name) is None
