"""What is kept in `.cache/` under all that made it, and who used it last, so that one knows what can go."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybert.running.digests import library_versions
from tinybert.running.launch import rank
from tinybert.running.outputs import whole_file
from tinybert.running.progress import progress_of

if TYPE_CHECKING:  # each stage imports this module, and not each needs what takes its time to import
    import numpy as np

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
    if _user and not rank():
        _used.append(file.as_posix())
        USERS.mkdir(parents=True, exist_ok=True)
        (USERS / f"{_user}.json").write_text(json.dumps(_used), encoding="utf-8")
    return file


def has_to_make(file: Path) -> bool:
    """Whether an entry is missing; of several processes the first makes it, and the others wait, however long."""
    while rank() and not file.exists():
        time.sleep(0.1)
    return not file.exists()


def used_entries() -> list[Path]:
    """Those that this process has used so far, and that are there."""
    return [file for file in map(Path, _used) if file.exists()]


def cached_array(folder: Path, made_of: Any, compute: Callable[[str], np.ndarray]) -> np.ndarray:
    """What `compute` gives, computed once; numbers, or texts as str. It stays on disk until it is read.

    `compute` gets the name of the part under which it may keep its progress.
    """
    import numpy as np

    file = cache_entry(folder, made_of, ".npy")
    if has_to_make(file):
        part = f"{folder.name}-{file.stem}"
        found = compute(part)
        with whole_file(file) as partial, partial.open("wb") as stream:
            np.save(stream, found.astype(str) if found.dtype == object else found, allow_pickle=False)
        if progress := progress_of(part):
            progress.remove()
    return np.load(file, mmap_mode="r", allow_pickle=False)


def users_of_entries() -> dict[Path, list[str]]:
    """By entry, who used it when last run."""
    users: dict[Path, list[str]] = {}
    for note in sorted(USERS.glob("*.json")):
        for file in json.loads(note.read_text(encoding="utf-8")):
            users.setdefault(Path(file), []).append(note.stem)
    return users
