"""A few bytes that unpack to gigabytes end in one line, early: in a file, in an archive, in an archive's archive."""

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tinybert.corpus.documents import read_documents
from tinybert.errors import UserError
from tinybert.running import packed
from tinybert.running.packed import unpacked
from tinybert.serve.streams import read_rows
from tinybert.sources.archives import extract
from tinybert.sources.vectors import convert_vectors
from tinybert.tables.read import read_table

BLOCK = 1 << 20
PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
BOMB = r"unpacks to over [\d,]+ MiB from 0.\d\d MiB, as no data does; if you trust it, (unpack|save) it"


def tar(mode: str = "w", **files: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def sparse(size: int) -> bytes:
    """A tar with a file of GNU's sparse format: all of it a hole."""
    archive = bytearray(tar(x=b""))
    archive[156:157], archive[257:265] = b"S", b"ustar  \0"
    archive[386:410] = b"%011o\0%011o\0" % (size, 0)
    archive[483:495] = b"%011o\0" % size
    archive[148:156] = b" " * 8
    archive[148:156] = b"%06o\0 " % sum(archive[:512])
    return bytes(archive)


HUGE, LITTLE = bytes(64 * BLOCK), 16 * BLOCK


@pytest.fixture(autouse=True)
def _a_low_floor(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(packed, "FLOOR", 4 * BLOCK)
    Path("out").mkdir()


def held_until_refused(place: str, read: Callable[[], object]) -> int:
    """Reading ends in one line; the most bytes that it held before."""
    tracemalloc.start()
    with pytest.raises(UserError, match=f"{place}: {BOMB}"):
        read()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_a_member_of_a_zip():
    Path("a.zip").write_bytes(zipped(x=HUGE, y=b"y"))
    assert held_until_refused("a.zip!x", lambda: extract(Path("a.zip"), ["x"], Path("out"), "a.zip")) < LITTLE
    assert [file.read_bytes() for file in extract(Path("a.zip"), ["y"], Path("out"), "a.zip")] == [b"y"]


@pytest.mark.parametrize("member", ["x", "y"])
@pytest.mark.parametrize("ending", PACK)
def test_a_tar_even_where_another_member_is_taken(ending, member):
    """To find the last, the first has to be unpacked."""
    Path("a.tar").write_bytes(PACK[ending](tar(x=HUGE, y=b"y")))
    assert held_until_refused("a.tar", lambda: extract(Path("a.tar"), [member], Path("out"), "a.tar")) < LITTLE


def test_a_file_of_holes():
    Path("a.tar").write_bytes(sparse(1 << 32))
    assert held_until_refused("a.tar!x", lambda: extract(Path("a.tar"), ["x"], Path("out"), "a.tar")) < LITTLE


def test_an_archive_in_an_archive():
    Path("a.zip").write_bytes(zipped(**{"b.tar": gzip.compress(tar(**{"c.zip": zipped(x=HUGE)}))}))
    innermost = "b.tar!c.zip!x"
    held = held_until_refused(f"a.zip!{innermost}", lambda: extract(Path("a.zip"), [innermost], Path("out"), "a.zip"))
    assert held < LITTLE


@pytest.mark.parametrize(
    ("name", "line", "read"),
    [
        ("t.csv.gz", b"a,b\n", lambda file: read_table(file, None, ["a"])),
        ("t.jsonl.gz", b'{"a": 1}\n', lambda file: read_table(file, None, ["a"])),
        ("t.csv.gz", b"a,b\n", lambda file: list(read_rows(file))),
        ("t.jsonl.gz", b'{"a": "b"}\n', lambda file: list(read_rows(file))),
        ("d.xml.bz2", b" ", lambda file: list(read_documents([file], {}))),
        ("t.txt.gz", b"A line of it.\n", lambda file: list(read_documents([file], {}))),
        ("t.txt.gz", b"\0", lambda file: list(read_documents([file], {}))),
        ("t.jsonl.gz", b'{"text": "b"}\n', lambda file: list(read_documents([file], {}))),
        ("v.txt.gz", b"a 1 2\n", lambda file: convert_vectors([file], Path("out"))),
        ("v.txt.gz", b"\0", lambda file: convert_vectors([file], Path("out"))),
    ],
    ids=[
        "CSV",
        "JSON",
        "CSV in chunks",
        "JSON in chunks",
        "dump",
        "text",
        "one line",
        "JSON lines",
        "vectors",
        "one vector",
    ],
)
def test_files(name, line, read):
    block = line * (BLOCK // len(line))
    start = b"<mediawiki>" if name.startswith("d") else b""
    pack = PACK[Path(name).suffix]
    Path(name).write_bytes(pack(start) + pack(block) * 64)
    with pytest.raises(UserError, match=f"{name}: {BOMB}"):
        read(Path(name))


@pytest.mark.parametrize(
    "read",
    [
        lambda file: read_table(file, None, ["text"]),
        lambda file: list(read_rows(file)),
        lambda file: list(read_documents([file], {})),
        lambda file: convert_vectors([file, file.with_name("v.npy")], Path("out")),
    ],
    ids=["table", "chunks", "corpus", "words of vectors"],
)
def test_rows_that_are_one_written_once(read):
    table = pa.table({"text": pa.DictionaryArray.from_arrays(pa.array([0] * 100_000), ["a text " * 50])})
    pq.write_table(table.cast(pa.schema([("text", pa.string())])), "t.parquet")
    np.save("v.npy", np.zeros((100_000, 1), np.float32))
    with pytest.raises(UserError, match=f"t.parquet: {BOMB}"):
        read(Path("t.parquet"))


def test_gigabytes_of_a_few_megabytes_take_a_moment(monkeypatch):
    monkeypatch.setattr(packed, "FLOOR", 256 * BLOCK)
    Path("t.csv.gz").write_bytes(gzip.compress(bytes(BLOCK)) * 4096)
    assert held_until_refused("t.csv.gz", lambda: read_table(Path("t.csv.gz"), None, ["a"])) < 600 * BLOCK


@pytest.mark.parametrize("ending", PACK)
def test_what_is_packed_well_but_as_data_is(ending):
    content = b"".join(
        b"%08d a line as there are many in a table of one kind\n" % (n * n % 99_999_989) for n in range(100_000)
    )
    Path("t").write_bytes(PACK[ending](content))
    with Path("t").open("rb") as raw:
        stream = unpacked(raw, ending, "t")
        assert stream.read() == content
        assert stream.seek(-9, io.SEEK_CUR) == len(content) - 9
        assert stream.read() == content[-9:]
