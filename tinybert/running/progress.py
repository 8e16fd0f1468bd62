"""Progress of a stage, kept under what made it, so that a stage which is killed goes on where it was.

It lies in `.checkpoints/<stage>/<key>/<fingerprint>/<part>/`, a part such as `training`, in numbered folders that are
whole or not there: each is written beside its place, synced and renamed, and holds checksums of its files.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from tinybert.running.digests import digest
from tinybert.running.launch import is_launched, rank
from tinybert.running.outputs import whole_folder

FOLDER = Path(".checkpoints")
SEAL = "checksums.json"

_place: Path | None = None
_minutes = 0.0
_kept = ""


def keep_progress_in(place: Path | None, minutes: float) -> None:
    """From now on this process keeps its progress in the folder `place`, every so many minutes; 0 and None are never.

    The clock of each part starts anew when it is opened.
    """
    global _place, _minutes, _kept
    _place, _minutes, _kept = (place if minutes else None), minutes, ""


def last_kept() -> str:
    """What this process kept last, such as `step 120 of 500`; empty where it kept nothing."""
    return _kept


class Kept(NamedTuple):
    """A folder of progress that is whole."""

    folder: Path
    number: int
    says: str  # where in the work it was made, such as `step 120 of 500`
    seconds: float  # of work in it


class Progress:
    """One part of a stage's work."""

    def __init__(self, folder: Path, minutes: float) -> None:
        self.folder = folder
        self.minutes = minutes
        self.earlier = 0.0  # seconds of work in what was taken up
        self.started = self.saved = time.monotonic()

    def due(self) -> bool:
        """Whether it is time to keep what there is; of several processes the first one's clock says so."""
        return not rank() and time.monotonic() - self.saved >= 60 * self.minutes

    def save(self, number: int, says: str, write: Callable[[Path], object], keep: int | None = 2) -> None:
        """Have `write` fill a folder; where that fails for want of room or rights, say so, and let the work go on.

        Args:
            number: its place in the order of the part's folders.
            says: see `Kept`.
            keep: how many folders stay, the newest; None for all.
        """
        global _kept
        if rank():  # what the first of several processes keeps is of all
            return
        seconds = self.earlier + time.monotonic() - self.started
        try:
            with whole_folder(self.folder / f"{number:09d}") as partial:
                write(partial)
                _seal(partial, {"says": says, "seconds": round(seconds, 1)})
            _sync(self.folder)
        except OSError as error:
            where = error.filename or self.folder
            print(f"  progress is not kept: {where}: {error.strerror}; the work goes on without", flush=True)
        else:
            _kept = says
            for older in self._folders()[: -keep if keep else 0]:
                shutil.rmtree(older)
        self.saved = time.monotonic()

    def newest(self) -> Kept | None:
        """The newest folder that is whole; of those that aren't a line says so, and they go."""
        found = (self._open(folder) for folder in reversed(self._folders()))
        kept = next(filter(None, found), None)
        self.earlier = kept.seconds if kept else 0.0
        return kept

    def all(self) -> Iterator[Kept]:
        """The folders that are whole, in their order."""
        for folder in self._folders():
            if kept := self._open(folder):
                self.earlier = kept.seconds
                yield kept

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _folders(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*"))

    def _open(self, folder: Path) -> Kept | None:
        try:
            seal = json.loads((folder / SEAL).read_text(encoding="utf-8"))
            sums = {file.name: digest(file) for file in sorted(folder.iterdir()) if file.name != SEAL}
            if sums == seal["sha256"]:
                return Kept(folder, int(folder.name), seal["says"], seal["seconds"])
        except (OSError, ValueError, KeyError, TypeError):  # whatever is left of a file that was cut off or altered
            pass
        print(f"  {folder}: damaged or cut off; what was kept before it is taken", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        return None


def progress_of(part: str) -> Progress | None:
    """Where this process keeps progress of a part of its work; None where it keeps none (see `keep_progress_in`)."""
    return Progress(_place / part, _minutes) if _place else None


def glance(part: Path) -> str:
    """How far a part's newest progress came, as it says of itself, whole or not; empty where there is none."""
    for folder in sorted(part.glob("[0-9]*"), reverse=True):
        with suppress(OSError, ValueError, KeyError):
            return json.loads((folder / SEAL).read_text(encoding="utf-8"))["says"]
    return ""


def goes_on(kept: Kept) -> None:
    """Say what is taken up."""
    print(f"  goes on at {kept.says}, kept by an earlier run: {kept.seconds / 60:.1f} minutes saved", flush=True)


class Stop:
    """Whether a signal has asked the work to stop."""

    number: int | None = None  # of the signal

    def __bool__(self) -> bool:
        return self.number is not None

    def stop(self) -> None:
        """Do it now."""
        raise KeyboardInterrupt(*([128 + signal.SIGTERM] if self.number == signal.SIGTERM else []))


@contextmanager
def stopping_later() -> Iterator[Stop]:
    """Ctrl-C and SIGTERM are noted, for a work that can only stop between two steps; a second one stops it at once."""
    asked = Stop()

    def note(number: int, frame: FrameType | None) -> None:
        if asked:
            asked.stop()
        asked.number = number
        print("  stops after this step", flush=True)

    numbers = (signal.SIGINT,) if is_launched() else (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _seal(folder: Path, facts: dict[str, Any]) -> None:
    """Write the checksums, and have everything on disk before the folder gets its name."""
    sums = {file.name: digest(file) for file in sorted(folder.iterdir())}
    (folder / SEAL).write_text(json.dumps(facts | {"sha256": sums}), encoding="utf-8")
    for path in (*folder.iterdir(), folder):
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
