"""What caches, kept work and killed runs have left here, and which of it the present params don't use."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from filelock import FileLock

from tinybert.running.caches import CACHE, USERS, users_of_entries
from tinybert.running.progress import FOLDER, glance
from tinybert.running.recorded import places, remove_recorded
from tinybert.running.stage import TIMES
from tinybert.running.tracked import PARAMS, instances, track

WRITTEN = ("data", "models", "curves", "evaluation", "reports", "results", str(CACHE), str(FOLDER))
"""Folders in which a stage that was killed can have left something half-written."""


@dataclass
class Leftover:
    """What could go, and what of the present params would read it: `users` are empty where nothing would."""

    path: Path
    users: list[str]

    @cached_property
    def files(self) -> list[Path]:
        """All in it; a link and what it points to count once."""
        return [file for file in (self.path, *self.path.rglob("*")) if file.is_file() and not file.is_symlink()]

    @cached_property
    def days(self) -> float:
        """Since the youngest of its files was written."""
        return (time.time() - max(file.stat().st_mtime for file in self.files or [self.path])) / 86400

    @cached_property
    def bytes(self) -> int:
        """Of all files in it."""
        return sum(file.stat().st_size for file in self.files)


def find_leftovers() -> Iterator[Leftover]:
    """All of it, in the order of paths."""
    names, text, users = {"check", *instances()}, PARAMS.read_text(encoding="utf-8"), users_of_entries()
    for folder in sorted(CACHE.glob("*")):
        if folder.name == "downloads":
            for path, pins in _downloads(folder):
                yield Leftover(path, [str(PARAMS)] if any(pin in text for pin in pins) else [])
        elif folder != USERS:
            for path in sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix != ".partial"):
                yield Leftover(path, [name for name in users.get(path, []) if name in names])
    yield from find_progress()
    for folder in map(Path, WRITTEN):
        yield from (Leftover(path, []) for path in sorted(folder.rglob(".*.partial")))


def find_progress() -> Iterator[Leftover]:
    """What killed stages, and those that DVC has not recorded yet, would go on from."""
    remove_recorded()
    for name, path in places():
        tracked = track(name)
        yield Leftover(path, [name] if tracked and tracked.fingerprint == path.name else [])


def describe_leftovers(leftovers: list[Leftover]) -> Iterator[str]:
    """A line for each: name, size, age, users."""
    width = max((len(str(left.path)) for left in leftovers), default=0)
    for left in leftovers:
        use = f"used by {', '.join(left.users)}" if left.users else f"not used by {PARAMS}"
        yield f"{left.path!s:<{width}}  {left.bytes / 2**20:9.1f} MiB  {left.days:5.1f} days old  {use}"


def describe_progress(leftovers: list[Leftover]) -> Iterator[str]:
    """A line for each: stage, how far it came, age, size, whether the next run goes on from it."""
    names = {left.path: "@".join(left.path.parts[-3:-1]) for left in leftovers}
    width = max(map(len, names.values()), default=0)
    for left in leftovers:
        said = filter(None, map(glance, sorted(left.path.iterdir())))
        use = "the next run goes on from it" if left.users else f"not used by {PARAMS}"
        what = "; ".join(said) or "finished"
        size = f"{left.bytes / 2**20:,.1f} MiB, {24 * left.days:.1f} hours old"
        yield f"{names[left.path]:<{width}}  {what}, {size}: {use}"


def remove(leftovers: list[Leftover]) -> None:
    """
    Raises:
        Timeout: a stage is running, and what looks left over may be its.
    """
    for lock in TIMES.glob("*.lock"):
        with FileLock(lock, timeout=0):
            pass
    for left in leftovers:
        shutil.rmtree(left.path) if left.path.is_dir() else left.path.unlink()


def _downloads(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each download with the checksum or, of a repository of the hub, the commits by which params.yaml names it."""
    for path in sorted([*folder.iterdir(), *folder.glob("hub/*--*")]):
        if path.is_dir() and path.name != "hub":
            yield path, [commit.name for commit in path.glob("snapshots/*")] or [path.name]
