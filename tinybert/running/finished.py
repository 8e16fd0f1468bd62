"""Finished work that DVC was not told of, kept under what made it; the next run that would make the same takes it.

It lies in `.checkpoints/<stage>/<key>/<fingerprint>/finished/`, each out under its own path.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from tinybert.running.outputs import whole_file, whole_folder

FOLDER = Path(".checkpoints")


def folder_of(name: str, fingerprint: str) -> Path:
    """Where the work of a run of `stage@key` lies; for `fingerprint` see `tinybert.running.tracked.Tracked`."""
    return FOLDER / name.replace("@", "/") / fingerprint


def keep(name: str, fingerprint: str, outs: Iterable[Path]) -> None:
    """Move the outs that are there aside."""
    with whole_folder(folder_of(name, fingerprint) / "finished") as partial:
        for out in outs:
            if out.exists():
                (partial / out).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(out, partial / out)


def take(name: str, fingerprint: str, outs: Iterable[Path]) -> bool:
    """Put what was kept where the outs belong, each whole; False where nothing was.

    They are copied, and what was kept goes at the end: a process that is killed in between loses nothing.
    """
    finished = folder_of(name, fingerprint) / "finished"
    if not finished.exists():
        return False
    for out in outs:
        kept = finished / out
        if kept.is_dir():
            with whole_folder(out) as partial:
                shutil.copytree(kept, partial, dirs_exist_ok=True)
        elif kept.exists():
            with whole_file(out) as partial:
                shutil.copyfile(kept, partial)
    shutil.rmtree(finished.parent)
    return True
