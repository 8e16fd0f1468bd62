"""Take members out of archives, by name and streaming; whatever else is in an archive is left alone."""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from tinybert.errors import UserError, suggest
from tinybert.params.sources import TAR, ZIP

NESTED = "!"
"""`a.zip!b.txt` is the member b.txt of the archive a.zip, which is itself a member."""

Open = Callable[[str], IO[bytes]]


def extract(archive: Path, members: list[str], folder: Path, label: str = "") -> list[Path]:
    """Write `members` into `folder`, each under its own last name, and return their paths in that order.

    Args:
        archive: zip, whl, tar, tar.gz, tar.bz2 or tar.xz.
        members: paths inside the archive, `!` between those of an archive in the archive and its own members.
        folder: an existing folder.
        label: how errors call the archive; its path by default.

    Raises:
        UserError: a member is missing (near ones are named), isn't a regular file, or lies outside (an absolute path
            or `..`); two have the same last name; the archive is damaged.
    """
    label = label or str(archive)
    names = [PurePosixPath(member.split(NESTED)[-1]).name for member in members]
    for part in (part for member in members for part in member.split(NESTED)):
        _check_path(part, label)
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{label}: two members are called {name!r}; take one of them")
    inner: dict[str, list[str]] = {}
    with _reader(archive, label) as (known, open_member):
        for member in members:
            outer, nested, rest = member.partition(NESTED)
            if outer not in known:
                near = [name for name in known if PurePosixPath(name).name == PurePosixPath(outer).name]
                raise UserError(f"{label}: there is no member {outer!r}{_near(outer, near or known)}")
            if nested:
                inner.setdefault(outer, []).append(rest)
            else:
                _copy(open_member, outer, folder / PurePosixPath(outer).name)
        for outer, rests in inner.items():
            with tempfile.TemporaryDirectory(dir=folder, prefix=".") as temporary:
                middle = Path(temporary) / PurePosixPath(outer).name
                _copy(open_member, outer, middle)
                extract(middle, rests, folder, f"{label}{NESTED}{outer}")
    return [folder / name for name in names]


@contextmanager
def _reader(archive: Path, label: str) -> Iterator[tuple[list[str], Open]]:
    """The names in an archive, and a function that opens one for reading."""
    try:
        if archive.name.endswith(ZIP):
            with zipfile.ZipFile(archive) as opened:
                yield opened.namelist(), lambda name: _open_zip(opened, name, label)
        elif archive.name.endswith(TAR):
            with tarfile.open(archive, "r:*") as unrolled:
                yield unrolled.getnames(), lambda name: _open_tar(unrolled, name, label)
        else:
            raise UserError(f"{label}: not an archive that is known here ({', '.join(ZIP + TAR)})")
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as error:
        raise _damaged(label, error) from None
    except NotImplementedError as error:
        raise UserError(f"{label}: {error}; pack it again, with deflate") from None
    except OSError as error:
        if error.errno is None:  # that is how gzip and bz2 call bad data; a full disk has a number
            raise _damaged(label, error) from None
        raise


def _damaged(label: str, error: Exception) -> UserError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return UserError(f"{label}: the archive is damaged or cut off ({reason}); fetch it again")


def _open_zip(archive: zipfile.ZipFile, name: str, label: str) -> IO[bytes]:
    member = archive.getinfo(name)
    mode = stat.S_IFMT(member.external_attr >> 16)
    if member.is_dir() or mode not in (0, stat.S_IFREG):
        raise _irregular(name, label)
    if member.flag_bits & 1:
        raise UserError(f"{label}: member {name!r} is encrypted; unpack it yourself and use `files`")
    return archive.open(member)


def _open_tar(archive: tarfile.TarFile, name: str, label: str) -> IO[bytes]:
    member = archive.getmember(name)
    stream = archive.extractfile(member) if member.isreg() else None
    if stream is None:
        raise _irregular(name, label)
    return stream


def _irregular(name: str, label: str) -> UserError:
    return UserError(f"{label}: member {name!r} is a folder, a link or a device; only regular files are taken")


def _copy(open_member: Open, name: str, target: Path) -> None:
    with open_member(name) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def _check_path(member: str, label: str) -> None:
    path = PurePosixPath(member.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise UserError(f"{label}: member {member!r}: expected a path inside; absolute and '..' paths are refused")


def _near(name: str, known: list[str]) -> str:
    if len(known) <= 20:
        return suggest(name, known)
    return suggest(name, sorted(known, key=lambda other: _distance(name, other))[:5])


def _distance(name: str, other: str) -> int:
    """How many parts two paths do not share."""
    return len(set(PurePosixPath(name).parts) ^ set(PurePosixPath(other).parts))
