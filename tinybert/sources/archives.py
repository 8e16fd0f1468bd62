"""Take members out of archives, by name and streaming; whatever else is in an archive is left alone."""

from __future__ import annotations

import difflib
import errno
import io
import lzma
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from tinybert.errors import NAME, NAMES, UserError, suggest
from tinybert.params.sources import ZIP
from tinybert.running.packed import limited, unpacked
from tinybert.sources.first_bytes import ending
from tinybert.sources.transfer import describe

NESTED = "!"
"""`a.zip!b.txt` is the member b.txt of the archive a.zip, which is itself a member."""

DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, ValueError, OverflowError, NotImplementedError),
)
"""What the readers raise of damaged ones; the last of a version of zip to come."""


def extract(archive: Path, members: list[str], folder: Path, label: str) -> list[Path]:
    """Write `members` into the existing `folder`, each under its own last name, and return their paths in that order.

    Args:
        archive: zip, whl, tar, tar.gz, tar.bz2 or tar.xz.
        members: paths inside the archive, `!` between those of an archive in the archive and its own members.
        label: how errors call the archive.

    Raises:
        UserError: a member is missing (near ones are named) or isn't a regular file; two have the same last name; the
            archive is damaged.
    """
    targets = [folder / PurePosixPath(member.split(NESTED)[-1]).name for member in members]
    if twice := next((target.name for target in targets if targets.count(target) > 1), None):
        raise UserError(f"{label}: two members are called {twice!r}; take one of them")
    try:
        with archive.open("rb") as raw, _open(raw, archive.name, label) as opened:
            for member, target in zip(members, targets, strict=True):
                outer, _, rest = member.partition(NESTED)
                with tempfile.TemporaryDirectory(dir=folder, prefix=".") as middle:
                    written = Path(middle, PurePosixPath(outer).name) if rest else target
                    _copy(opened, outer, written, archive.stat().st_size, label)
                    if rest:
                        extract(written, [rest], folder, f"{label}{NESTED}{outer}")
    except DAMAGED as error:
        if getattr(error, "errno", None) not in (None, errno.EINVAL):  # of data; a full disk has another number
            raise
        raise UserError(f"{label}: the archive is damaged or cut off ({describe(error)}); fetch it again") from None
    return targets


def _open(raw: io.BufferedReader, name: str, label: str) -> zipfile.ZipFile | tarfile.TarFile:
    if name.endswith(ZIP):
        return zipfile.ZipFile(raw)
    return tarfile.open(fileobj=unpacked(raw, ending(raw.peek()) or "", label), mode="r:")


def _copy(archive: zipfile.ZipFile | tarfile.TarFile, name: str, target: Path, packed: int, label: str) -> None:
    known = archive.namelist() if isinstance(archive, zipfile.ZipFile) else archive.getnames()
    if name not in known:
        near = difflib.get_close_matches(name[:NAME], [other[:NAME] for other in known[:NAMES]], n=5, cutoff=0)
        raise UserError(f"{label}: there is no member {name!r}{suggest(name, near)}")
    if isinstance(archive, zipfile.ZipFile):
        about = archive.getinfo(name)
        packed = about.compress_size
        methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of others zipfile unpacks a part in one go, even a bomb
        if about.flag_bits & 1 or about.compress_type not in methods:
            found = "is encrypted" if about.flag_bits & 1 else "is packed by a rare method"
            raise UserError(f"{label}: member {name!r} {found}; unpack it yourself, and name it in `files`")
        stream = None if about.is_dir() or stat.S_ISLNK(about.external_attr >> 16) else archive.open(about)
    else:
        stream = archive.extractfile(name) if archive.getmember(name).isreg() else None
    if stream is None:
        raise UserError(f"{label}: member {name!r} is a folder, a link or a device; only regular files are taken")
    with stream, target.open("wb") as file:
        shutil.copyfileobj(limited(stream, lambda: packed, f"{label}{NESTED}{name}"), file, 1 << 20)
