"""Members by name, out of archives that may be hostile or broken."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from tinybert.errors import UserError
from tinybert.sources.archives import extract


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), content)
    return stream.getvalue()


def tarred(mode: str, *members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def failure(archive: Path, members: list[str], folder: Path) -> str:
    with pytest.raises(UserError) as error:
        extract(archive, members, folder)
    assert "\n" not in str(error.value)
    assert list(folder.iterdir()) == []
    return str(error.value)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(("name", "mode"), [("a.tar.gz", "w:gz"), ("a.tar.bz2", "w:bz2"), ("a.tar.xz", "w:xz")])
def test_tar(name: str, mode: str, tmp_path: Path, out: Path) -> None:
    (tmp_path / name).write_bytes(
        tarred(mode, (tarfile.TarInfo("a/b.txt"), b"one"), (tarfile.TarInfo("c.txt"), b"two"))
    )
    assert extract(tmp_path / name, ["a/b.txt"], out) == [out / "b.txt"]
    assert [file.name for file in out.iterdir()] == ["b.txt"]
    assert (out / "b.txt").read_bytes() == b"one"


def test_archives_in_archives(tmp_path: Path, out: Path) -> None:
    inner = zipped(x__deep_DOT_txt=b"deep", other=b"other")
    middle = tarred("w:gz", (tarfile.TarInfo("m/inner.zip"), inner))
    (tmp_path / "a.whl").write_bytes(zipped(data__middle_DOT_tar_DOT_gz=middle, top=b"top"))
    members = ["data/middle.tar.gz!m/inner.zip!x/deep.txt", "top", "data/middle.tar.gz!m/inner.zip!other"]
    assert [file.read_bytes() for file in extract(tmp_path / "a.whl", members, out)] == [b"deep", b"top", b"other"]
    assert sorted(file.name for file in out.iterdir()) == ["deep.txt", "other", "top"]


def test_missing_member_names_near_ones(tmp_path: Path, out: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(data__words_DOT_txt=b"", other=b""))
    message = failure(tmp_path / "a.zip", ["data/word.txt"], out)
    assert "did you mean 'data/words.txt'" in message


def test_missing_member_of_an_inner_archive_names_the_way(tmp_path: Path, out: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(inner_DOT_zip=zipped(x=b"")))
    message = failure(tmp_path / "a.zip", ["inner.zip!y"], out)
    assert "a.zip!inner.zip: there is no member 'y'" in message


@pytest.mark.parametrize("member", ["/etc/passwd", "../up", "a/../../up", "..\\up", "inner.zip!../up"])
def test_paths_that_lead_outside(member: str, tmp_path: Path, out: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in ("/etc/passwd", "../up", "a/../../up", "..\\up"):
            archive.writestr(name, b"evil")
        archive.writestr("inner.zip", zipped(**{"../up": b"evil"}))
    (tmp_path / "a.zip").write_bytes(stream.getvalue())
    assert "refused" in failure(tmp_path / "a.zip", [member], out)
    assert not (tmp_path / "up").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_tar_members_that_are_no_files(kind: bytes, tmp_path: Path, out: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tarred("w", (tarfile.TarInfo("real"), b"x"), link("trap", "real", kind)))
    assert "only regular files" in failure(tmp_path / "a.tar", ["trap"], out)


def test_zip_members_that_are_links(tmp_path: Path, out: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        member = zipfile.ZipInfo("trap")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    assert "only regular files" in failure(tmp_path / "a.zip", ["trap"], out)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.tar"])
@pytest.mark.parametrize("part", [0.0, 0.6])
def test_truncated_archives(name: str, part: float, tmp_path: Path, out: Path) -> None:
    content = bytes(range(256)) * 400
    mode = {"a.tar": "w"}.get(name, f"w:{name.rpartition('.')[2]}")
    whole = zipped(x=content) if name == "a.zip" else tarred(mode, (tarfile.TarInfo("x"), content))
    (tmp_path / name).write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(UserError, match="damaged or cut off") as error:
        extract(tmp_path / name, ["x"], out)
    assert "\n" not in str(error.value)


def test_two_members_of_one_name(tmp_path: Path, out: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(a__x=b"1", b__x=b"2"))
    assert "two members are called 'x'" in failure(tmp_path / "a.zip", ["a/x", "b/x"], out)
