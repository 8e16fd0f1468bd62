"""What is kept in `.cache/` under all that made it, and who used it last, so that one knows what can go."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tinybert.running.digests import library_versions

CACHE = Path(".cache")
USERS = CACHE / "used-by"

_user = ""
_used: list[str] = []


def use_caches_as(user: str) -> None:
    """From now on this process is `user`, such as `stage@key`: what it uses takes the place of what it used before."""
    global _user
    _user = user
    _used.clear()


def cache_entry(folder: Path, made_of: Any, suffix: str) -> Path:
    """The file of an entry in a cache, which may be missing, and is noted as used by this process.

    `made_of` is everything that decides the content, as JSON has it; the libraries' versions come to it.
    """
    identity = json.dumps([made_of, library_versions()], sort_keys=True, default=str)
    file = folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}{suffix}"
    if _user:
        _used.append(file.as_posix())
        USERS.mkdir(parents=True, exist_ok=True)
        (USERS / f"{_user}.json").write_text(json.dumps(_used), encoding="utf-8")
    return file


def users_of_entries() -> dict[Path, list[str]]:
    """By entry, who used it when last run."""
    users: dict[Path, list[str]] = {}
    for note in sorted(USERS.glob("*.json")):
        for file in json.loads(note.read_text(encoding="utf-8")):
            users.setdefault(Path(file), []).append(note.stem)
    return users
