"""Finished work that DVC was not told of, kept under what made it; the next run that would make the same takes it.

It lies in `.checkpoints/<stage>/<key>/<fingerprint>/finished/`, each out under its own path.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tinybert.running.outputs import whole_file, whole_folder
from tinybert.running.recorded import place_of
from tinybert.running.tracked import Tracked

FINISHED = "finished"


def keep(tracked: Tracked) -> None:
    """Move the outs that are there aside."""
    with whole_folder(place_of(tracked) / FINISHED) as partial:
        for out in filter(Path.exists, tracked.outs):
            (partial / out).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(out, partial / out)


def take(tracked: Tracked) -> bool:
    """Put what was kept where the outs belong, each whole; False where nothing was.

    They are copied, and what was kept stays until dvc.lock has it: a process that is killed in between loses nothing.
    """
    finished = place_of(tracked) / FINISHED
    if not finished.exists():
        return False
    for out in tracked.outs:
        kept = finished / out
        if kept.is_dir():
            with whole_folder(out) as partial:
                shutil.copytree(kept, partial, dirs_exist_ok=True)
        elif kept.exists():
            with whole_file(out) as partial:
                shutil.copyfile(kept, partial)
    return True
