"""What a file, a folder and the environment are made of, in a few letters."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("numpy", "tokenizers", "torch", "transformers")
"""Those whose version decides bytes."""


def list_files(path: Path) -> list[Path]:
    """A file, or those of a folder, sorted; dot files and what Python compiled are left out."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [
        file
        for file in files
        if file == path or (file.is_file() and file.name[0] != "." and file.parent.name != "__pycache__")
    ]


def digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's relative paths and their files' digests (see `list_files`)."""
    if path.is_dir():
        listing = "".join(f"{digest(file)}  {file.relative_to(path).as_posix()}\n" for file in list_files(path))
        return hashlib.sha256(listing.encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def library_versions() -> dict[str, str]:
    """What is installed of `LIBRARIES`, without `+cpu` and the like: one index has it, another hasn't."""
    return {name: version(name).partition("+")[0] for name in LIBRARIES}
