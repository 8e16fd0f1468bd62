"""What a DVC that was killed left in its own folder, where the next one stumbles over it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

RWLOCK = Path(".dvc/tmp/rwlock")
"""Who reads and writes which path; DVC removes those that are dead by itself where it can tell."""


def find_dead_locks(project: Path) -> Iterator[str]:
    """A line where DVC's file of readers and writers is cut off, or names a process that isn't DVC's any more."""
    file = project / RWLOCK
    held = _read(file)
    if held is None:
        time.sleep(0.2)  # a DVC at work may be writing it just now
        held = _read(file)
    if held is None:
        yield f"{file}: cut off, by a dvc that was killed; `rm {file}`, and `dvc repro` goes on"
        return
    entries = [*held.get("write", {}).values(), *(entry for each in held.get("read", {}).values() for entry in each)]
    for pid in sorted({entry["pid"] for entry in entries}):
        try:
            command = " ".join(psutil.Process(pid).cmdline())
        except psutil.Error:
            continue  # dead: DVC sees that, and goes on
        if "dvc" not in command:
            yield f"{file}: process {pid} is no dvc any more ({command:.40}); `rm {file}`, and `dvc repro` goes on"


def _read(file: Path) -> dict[str, Any] | None:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        return None
