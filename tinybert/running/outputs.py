"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
import glob
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import psutil
from filelock import Timeout

from tinybert.errors import UserError
from tinybert.running.launch import rank

REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free some room"),
    **dict.fromkeys((errno.EACCES, errno.EROFS), "check rights"),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR), "move or remove what is in the way"),
}

ROOM = 2**20
"""Bytes that a disk takes which isn't full."""


@contextmanager
def whole_folder(path: Path, shown: Sequence[str] = ()) -> Iterator[Path]:
    """Yield an empty folder to fill, and put it in the place of `path` when the block ends well.

    The folder lies beside `path`, and so does the old one until the new one is in its place: each step is one rename,
    so that a process which is killed at any moment leaves one of the two whole. If the block raises, what it wrote is
    removed and `path` stays as it was; what a killed process left is put back, or removed, by the next run. Of several
    processes the first alone writes; what the others fill goes.

    Args:
        shown: names of files that are links in `path` while the folder is filled, for those who watch. Links, since
            DVC may remove what lies there, and what it removes mustn't be the files themselves.
    """
    if path.is_file():  # which is nothing of ours, so that it is neither replaced nor moved
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    if rank():
        with TemporaryDirectory() as scratch:
            yield Path(scratch)
        return
    partial, old = _beside(path)
    clear_partial(path)
    partial.mkdir(parents=True)
    _show(path, partial, shown)
    try:
        with _telling_a_full_disk(path):
            yield partial
            _hide(path, shown)
            if path.exists():
                path.rename(old)
            partial.rename(path)
    finally:
        _hide(path, shown)
        _put_back(old, path)
        shutil.rmtree(partial, ignore_errors=True)


def clear_partial(path: Path) -> None:
    """Put back, or remove, what a killed process left of `whole_folder`."""
    partial, old = _beside(path)
    _put_back(old, path)
    shutil.rmtree(partial, ignore_errors=True)
    if path.is_dir():
        _hide(path, [link.name for link in path.iterdir() if link.is_symlink() and not link.exists()])


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the path of a file to write, and move it to `path` when the block ends well (see `whole_folder`).

    Each process writes a file of its own, so two stages that fill one cache entry at once don't mix their bytes: the
    last to end has its file there, whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.[0-9]*.partial"):
        if not psutil.pid_exists(int(left.name.split(".")[-2])):
            left.unlink(missing_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with _telling_a_full_disk(path):
            yield partial
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def explain(error: Exception, writes: Sequence[Path] = ()) -> str | None:
    """A user's mistake, or what the system refused and what to do about it, in one line; None for any other error.

    Args:
        error: a library that has words of its own for it is seen through by `whole_folder` and `whole_file`.
        writes: what is named in place of a file that the error doesn't name.
    """
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, Timeout):
        return f"{Path(error.lock_file).stem} is running already; wait for it, or end it, and run this again"
    number, place = getattr(error, "errno", None), getattr(error, "filename2", None) or getattr(error, "filename", None)
    if number is None or not (place or number in REMEDIES):
        return None
    remedy = REMEDIES.get(number, "correct the path, or let `dvc repro` write what is missing")
    return f"{place or ', '.join(map(str, writes)) or 'a file'}: {os.strerror(number)}; {remedy}, and run it again"


@contextmanager
def _telling_a_full_disk(path: Path) -> Iterator[None]:
    """Libraries tell of a full disk in words of their own; it has to be found out before room is made.

    Raises:
        OSError: the system's, with its number and `path`, in place of an error that has none.
    """
    try:
        yield
    except Exception as failure:
        if not isinstance(failure, UserError) and getattr(failure, "errno", None) is None:
            try:
                with TemporaryFile(dir=path.parent) as file:
                    file.write(bytes(ROOM))
            except OSError as refused:
                raise OSError(refused.errno, os.strerror(refused.errno or 0), str(path)) from failure
        raise


def _beside(path: Path) -> tuple[Path, Path]:
    """The folder that is filled, and the one that was there."""
    return path.with_name(f".{path.name}.partial"), path.with_name(f".{path.name}.old.partial")


def _show(path: Path, partial: Path, names: Sequence[str]) -> None:
    for name in names:
        path.mkdir(exist_ok=True)
        if not (path / name).exists():
            (path / name).symlink_to(Path("..", partial.name, name))


def _hide(path: Path, names: Sequence[str]) -> None:
    for link in (path / name for name in names):
        if link.is_symlink():
            link.unlink()
    if names:
        with suppress(OSError):  # there is no folder, or something else in it
            path.rmdir()


def _put_back(old: Path, path: Path) -> None:
    """A folder that was moved aside goes back to `path`, or goes for good where there is a new one."""
    if old.exists() and not path.exists():
        old.rename(path)
    shutil.rmtree(old, ignore_errors=True)
