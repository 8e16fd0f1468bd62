"""What a DVC that was killed, or had no room, left behind, where the next one stumbles over it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from voluptuous import Invalid

from tinybert.errors import UserError
from tinybert.params.table import read_yaml

RWLOCK = Path(".dvc/tmp/rwlock")
"""Who reads and writes which path; DVC removes those that are dead by itself where it can tell."""
LOCK = Path("dvc.lock")


def find_dead_locks(project: Path) -> Iterator[str]:
    """A line where dvc.lock can't be read, or DVC's file of readers and writers, or that names another process."""
    if (project / LOCK).exists():
        try:
            COMPILED_LOCKFILE_SCHEMA(read_yaml(project / LOCK))
        except (UserError, Invalid):  # DVC writes it in place
            yield (
                f"{LOCK}: cut off, or in conflict; `git checkout {LOCK}`, or `rm {LOCK}`: `dvc repro` then takes what "
                "is made already from its cache"
            )
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
