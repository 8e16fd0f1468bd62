"""Files whose names say something else than their first bytes."""

import bz2
import gzip
import io
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sources.conftest import zipped
from tinybert.sources.first_bytes import name_the_bytes

CSV = b"text,label\nfine,good\n"
STREAM = io.BytesIO()
pq.write_table(pa.table({"text": ["fine"]}), STREAM)
PARQUET = STREAM.getvalue()
ZIPPED = zipped({"a.csv": CSV})


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("reviews.csv", gzip.compress(CSV), "this is gzip; call it reviews.csv.gz"),
        ("reviews.csv.gz", gzip.compress(gzip.compress(CSV)), "this is gzip with gzip in it; unpack it (gunzip)"),
        ("reviews.csv.gz", gzip.compress(ZIPPED), "this is gzip with a .zip archive in it; unpack it"),
        ("reviews.csv.gz", CSV, "this is no gzip; call it reviews.csv"),
        ("reviews.parquet", gzip.compress(PARQUET), "this is gzip; unpack it"),
        ("wiki.xml", bz2.compress(CSV), "this is bzip2; call it wiki.xml.bz2"),
        ("wiki.xml.bz2", b"<mediawiki>", "this is no bzip2; call it wiki.xml"),
        ("wiki.xml.bz2", gzip.compress(b"<mediawiki>"), "this is gzip; unpack it"),
        ("reviews.csv", bz2.compress(CSV), "this is bzip2; unpack it"),
        ("reviews.csv", PARQUET, "this is Parquet; call it reviews.parquet"),
        ("reviews.csv.gz", PARQUET, "this is Parquet; call it reviews.parquet"),
        ("reviews.csv", zipped({"xl/workbook.xml": "x"}), "this is an Excel workbook; save it as CSV (UTF-8)"),
        ("corpus.txt", zipped({"word/document.xml": "x"}), "this is a Word document; save it as text"),
        ("reviews.csv", ZIPPED, "this is a .zip archive; unpack it, and name the file in it"),
        ("reviews.csv", ZIPPED[:40], "this is a .zip archive; unpack it, and name the file in it"),
        ("vectors.txt", lzma.compress(CSV), "this is xz; unpack it (unxz)"),
        ("model.safetensors", zipped({"archive/data.pkl": "x"}), "this is a pickled checkpoint, which can run code"),
        ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "this is a pointer of Git LFS; fetch"),
    ],
)
def test_what_the_name_does_not_say(name, content, expected):
    Path(name).write_bytes(content)
    assert (name_the_bytes(Path(name)) or "").startswith(expected)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("reviews.csv", CSV),
        ("reviews.csv", b""),
        ("reviews.csv", b"PAR1,PK,BZh9\n"),
        ("reviews.csv.gz", gzip.compress(CSV)),
        ("reviews.csv.gz", gzip.compress(CSV)[:20]),
        ("reviews.parquet", PARQUET),
    ],
)
def test_what_it_says(name, content):
    Path(name).write_bytes(content)
    assert name_the_bytes(Path(name)) is None
