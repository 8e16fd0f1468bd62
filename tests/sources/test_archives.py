"""Members by name, out of archives that may be broken."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.sources.conftest import failure, zipped
from tinybert.errors import UserError
from tinybert.sources.archives import extract


def tarred(mode, files, kind=tarfile.REGTYPE):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, "real", len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def take(name, content, *members):
    Path(name).write_bytes(content)
    return [file.read_bytes() for file in extract(Path(name), [*members], Path("out"), name)]


@pytest.mark.parametrize(("name", "mode"), [("a.tar.gz", "w:gz"), ("a.tar.bz2", "w:bz2"), ("a.tar.xz", "w:xz")])
def test_tar(name, mode):
    assert take(name, tarred(mode, {"a/b.txt": b"one", "../c.txt": b"two"}), "a/b.txt") == [b"one"]
    assert [file.name for file in Path("out").iterdir()] == ["b.txt"]


def test_archives_in_archives():
    inner = zipped({"x/deep.txt": b"deep", "other": b"other"})
    middle = tarred("w:gz", {"m/inner.zip": inner})
    members = ["data/middle.tar.gz!m/inner.zip!x/deep.txt", "top", "data/middle.tar.gz!m/inner.zip!other"]
    outer = zipped({"data/middle.tar.gz": middle, "top": b"top"})
    assert take("a.whl", outer, *members) == [b"deep", b"top", b"other"]
    assert sorted(file.name for file in Path("out").iterdir()) == ["deep.txt", "other", "top"]


@pytest.mark.parametrize(
    ("files", "members", "expected"),
    [
        ({"data/words.txt": b"", "other": b""}, ["data/word.txt"], "did you mean 'data/words.txt'"),
        ({"inner.zip": zipped({"x": b""})}, ["inner.zip!y"], "a.zip!inner.zip: there is no member 'y'"),
        ({"a/x": b"1", "b/x": b"2"}, ["a/x", "b/x"], "two members are called 'x'"),
        ({"folder/": b""}, ["folder/"], "only regular files"),
    ],
)
def test_members_that_are_none(files, members, expected):
    assert expected in failure(take, "a.zip", zipped(files), *members)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_tar_members_that_are_no_files(kind):
    assert "only regular files" in failure(take, "a.tar", tarred("w", {"real": b"", "trap": b""}, kind), "trap")


def test_zip_members_that_are_links():
    stream, link = io.BytesIO(), zipfile.ZipInfo("trap")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "only regular files" in failure(take, "a.zip", stream.getvalue(), "trap")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_members_packed_otherwise(method):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("x", b"x")
    assert "member 'x' is packed by a rare method; unpack it yourself" in failure(take, "a.zip", stream.getvalue(), "x")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.tar"])
@pytest.mark.parametrize("part", [0.0, 0.6])
def test_truncated_archives(name, part):
    files = {"x": bytes(range(256)) * 400}
    mode = {"a.tar": "w"}.get(name, f"w:{name.rpartition('.')[2]}")
    whole = zipped(files) if name == "a.zip" else tarred(mode, files)
    Path(name).write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(UserError, match="damaged or cut off"):
        extract(Path(name), ["x"], Path("out"), name)
