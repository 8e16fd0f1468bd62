"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
import glob
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from tinybert.errors import UserError

REMEDIES = dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free some room, and run it again")
REMEDIES |= dict.fromkeys((errno.EACCES, errno.EROFS, errno.EPERM), "check rights, and run it again")

ROOM = 2**20
"""Bytes that a disk takes which isn't full."""

IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill, and put it in the place of `path` when the block ends well.

    The folder lies beside `path`, and so does the old one until the new one is in its place: each step is one rename,
    so that a process which is killed at any moment leaves one of the two whole. If the block raises, what it wrote is
    removed and `path` stays as it was; what a killed process left is put back, or removed, by the next run.
    """
    if path.is_file():  # which is nothing of ours, so that it is neither replaced nor moved
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    partial, old = path.with_name(f".{path.name}.partial"), path.with_name(f".{path.name}.old.partial")
    _put_back(old, path)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if path.exists():
            path.rename(old)
        partial.rename(path)
    except Exception as error:
        _try_to_write(path, error)
        raise
    finally:
        _put_back(old, path)
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the path of a file to write, and move it to `path` when the block ends well (see `whole_folder`).

    Each process writes a file of its own, so two stages that fill one cache entry at once don't mix their bytes: the
    last to end has its file there, whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_by_killed(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    except Exception as error:
        _try_to_write(path, error)
        raise
    finally:
        partial.unlink(missing_ok=True)


def why_refused(error: Exception, writes: Sequence[Path] = ()) -> str | None:
    """What the system refused, and what to do about it, in one line; None for any other error.

    Args:
        error: a library that has words of its own for it is seen through by `whole_folder` and `whole_file`.
        writes: what is named in place of a file that the error doesn't name.
    """
    number, path = getattr(error, "errno", None), getattr(error, "filename2", None) or getattr(error, "filename", None)
    place = Path(path) if isinstance(path, str | os.PathLike) else None
    if number is None or (place is None and (number not in REMEDIES or number == errno.EPERM)):  # ssl has a 1 too
        return None
    if place is not None and number in IN_THE_WAY:
        there = next(above for above in (place, *place.parents) if os.path.lexists(above))
        return f"{there} is in the way; move it or remove it, and run it again"
    remedy = REMEDIES.get(number, "correct the path, or let `dvc repro` write what is missing")
    return f"{place or ', '.join(map(str, writes)) or 'a file'}: {os.strerror(number)}; {remedy}"


def _try_to_write(path: Path, failure: Exception) -> None:
    """Find out whether what failed is that nothing can be written any more; it has to be asked before room is made.

    Libraries tell of a full disk in words of their own, and each in others.

    Raises:
        OSError: the system's, with its number and `path`.
    """
    if isinstance(failure, UserError) or getattr(failure, "errno", None) is not None:
        return
    try:
        with TemporaryFile(dir=path.parent) as file:
            file.write(bytes(ROOM))
    except OSError as refused:
        raise OSError(refused.errno, os.strerror(refused.errno or 0), str(path)) from failure


def _put_back(old: Path, path: Path) -> None:
    """A folder that was moved aside goes back to `path`, or goes for good where there is a new one."""
    if old.exists() and not path.exists():
        old.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _remove_left_by_killed(path: Path) -> None:
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        try:
            os.kill(int(left.name.split(".")[-2]), 0)  # signal 0 only asks whether the process is there
        except ProcessLookupError:
            left.unlink(missing_ok=True)
        except (PermissionError, ValueError):
            pass  # somebody else's process, or a file that is not of ours
