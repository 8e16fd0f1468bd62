"""Archives and word vectors, as they may come: what is in them, or one line."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.files import SECONDS, broken, mostly, seconds_to_read, texts
from tinybert.sources.archives import extract
from tinybert.sources.vectors import convert_vectors

NAMES = (
    "a.txt", "b/a.txt", "../a.txt", "/a.txt", "..", ".", "", "a.txt/", "c:\\a", "a\0b", "é.txt", "\udce9", "n" * 300,
    "in.zip", "in.tar.gz",
)  # fmt: skip
members = st.dictionaries(st.sampled_from(NAMES), st.binary(max_size=50), min_size=2, max_size=6)


def gzipped(content):
    return gzip.compress(content, mtime=0)


@st.composite
def zips(draw, members=members):
    method = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    with zipfile.ZipFile(stream := io.BytesIO(), "w", method) as archive:
        for name, content in draw(members).items():
            member = zipfile.ZipInfo(name.encode(errors="replace").decode() or "x")  # whose time is not this one
            member.compress_type = method
            archive.writestr(member, content)
    return stream.getvalue()


@st.composite
def tars(draw, members=members):
    pack, form = draw(st.sampled_from([bytes, gzipped, bz2.compress, lzma.compress])), draw(st.sampled_from([0, 1, 2]))
    with tarfile.open(fileobj=(stream := io.BytesIO()), mode="w", format=form, errors="surrogateescape") as archive:
        for name, content in draw(members).items():
            member = tarfile.TarInfo(name[:90])
            member.type, member.linkname = (
                draw(st.sampled_from([b"0", b"0", b"0", b"1", b"2", b"5", b"6"])),
                "/etc/passwd",
            )
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return pack(stream.getvalue())


inner = st.fixed_dictionaries(
    {"a.txt": st.just(b"a")}, optional={"in.zip": broken(zips()), "in.tar.gz": broken(tars())}
)


@given(
    file=st.tuples(st.just("a.zip"), broken(zips() | zips(inner)))
    | st.tuples(st.just("a.tar"), broken(tars() | tars(inner))),
    wanted=st.lists(
        st.sampled_from([*filter(None, NAMES), "in.zip!a.txt", "in.tar.gz!a.txt", "in.zip!in.zip!a.txt"]),
        min_size=1,
        max_size=2,
    ),
)
def test_archives(file, wanted):
    def read(path):
        out = path.parent / "out"
        out.mkdir()
        before = set(path.parent.rglob("*"))
        try:
            extract(path, wanted, out, path.name)
        finally:
            assert all(new.parent == out for new in set(path.parent.rglob("*")) - before)

    assert seconds_to_read(*file, read) < SECONDS


numbers = st.floats(-3, 3, width=32).map(repr) | st.sampled_from(["nan", "1e999", "1_0", "", "0x1", "9" * 400])


@st.composite
def vectors(draw):
    """GloVe's form or word2vec's, in text or binary, the first line perhaps with other counts."""
    size = draw(st.integers(1, 5))
    names = draw(st.lists(st.text(min_size=1, max_size=6) | texts, min_size=1, max_size=6))
    names = [name.encode("utf-8", "surrogatepass") for name in names]
    counts = st.sampled_from([len(names), 0, 1, 999_999_999_999]), st.sampled_from([size, 0, 1, 999_999])
    header = b"%d %d\n" % (draw(counts[0]), draw(counts[1])) if draw(st.booleans()) else b""
    if header and draw(st.booleans()):
        rows = st.binary(min_size=4 * size, max_size=4 * size)
        return header + b"".join(name + b" " + draw(rows) for name in names)
    rows = st.lists(numbers, min_size=size, max_size=size) | st.lists(numbers, max_size=7)
    return header + b"".join(name + b" " + " ".join(draw(rows)).encode() + b"\n" for name in names)


@given(
    name=st.sampled_from(["v.txt", "v.bin", "v.vec", "v.txt.gz", "v.gz", "v.txt.bz2", "v.zst"]),
    content=broken(vectors()),
    limit=st.none() | st.integers(1, 9),
    data=st.data(),
)
@example("v.txt", b"1000000000 1\na 1\n", None, None)
@example("v.txt", b"a" + b" 1" * 50_000 + b"\n" * 50_000, None, None)
@example("v.txt", b" 0.0 0.0\n", None, None)
@example("v.zst", b"a 1\n", None, None)
@example("v.bin", b"900000 900000\na \0" + bytes(20_000_000), None, None)
def test_vectors(name, content, limit, data):
    if name.endswith("gz"):
        content = gzip.compress(content, mtime=0)
        content = data.draw(st.just(content) | broken(st.just(content))) if data else content
    assert seconds_to_read(name, content, lambda file: convert_vectors([file], file.parent, limit)) < SECONDS


@st.composite
def matrices(draw):
    kind = draw(mostly(st.sampled_from(["<f4", "<f8", "<f2", ">f4"]), st.sampled_from(["<i4", "S3", "O", "<U2"])))
    array = np.zeros(draw(mostly(st.just((2, 3)), st.sampled_from([(2,), (0, 3), (3, 0), (1, 1, 1), ()]))), kind)
    np.save(stream := io.BytesIO(), array, allow_pickle=True)
    header = stream.getvalue()
    odd = st.sampled_from(
        [b"(2, 3)", b"(9999999999999, 3)", b"(-2, 3)", b"((((" * 20, b"2" * 20, b"True, 3", b"2**9, 1"]
    )
    return header.replace(b"(2, 3)", draw(mostly(st.just(b"(2, 3)"), odd)))


@given(
    matrix=broken(matrices()),
    words=mostly(
        st.lists(texts, min_size=2, max_size=2),
        st.lists(texts | st.none(), max_size=3) | st.lists(st.integers(0, 3), max_size=3),
    ),
    data=st.data(),
)
def test_matrices(matrix, words, data):
    words = [word.encode("utf-8", "replace").decode() if isinstance(word, str) else word for word in words]
    pq.write_table(pa.table({"word": words}), stream := io.BytesIO())
    table = data.draw(st.just(stream.getvalue()) | broken(st.just(stream.getvalue())))

    def read(file):
        other = file.with_name("w.parquet")
        other.write_bytes(table)
        convert_vectors([file, other], file.parent)

    assert seconds_to_read("m.npy", matrix, read) < SECONDS
