"""Progress goes once DVC has recorded what became of it: not before, since DVC may be killed after the stage's end."""

from __future__ import annotations

import glob
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tinybert.running.outputs import whole_file
from tinybert.running.progress import FOLDER
from tinybert.running.tracked import Tracked

LOCK = Path("dvc.lock")
OUTS = "outs.json"


def place_of(tracked: Tracked) -> Path:
    """Where a stage keeps its progress: `.checkpoints/<stage>/<key>/<fingerprint>`."""
    return FOLDER / tracked.name.replace("@", "/") / tracked.fingerprint


def places() -> Iterator[tuple[str, Path]]:
    """Every `stage@key` that has kept progress, and where; in order."""
    found = glob.glob(f"{FOLDER}/*/*/*")  # noqa: PTH207 - pathlib's own stumbles over what another process removes
    for path in map(Path, sorted(found)):
        if path.is_dir():
            yield f"{path.parts[-3]}@{path.parts[-2]}", path


def note_outs(tracked: Tracked) -> None:
    """At a stage's end: beside its progress, if there is any, what dvc.lock will say of its outs."""
    if (place := place_of(tracked)).exists():
        sums = {str(path): dvc_md5(path) for path in tracked.outs}
        with whole_file(place / OUTS) as partial:
            partial.write_text(json.dumps(sums), encoding="utf-8")


def remove_recorded() -> None:
    """Remove the progress of stages whose outs dvc.lock has by now."""
    notes = [(place, place / OUTS) for _, place in places() if (place / OUTS).exists()]
    recorded = LOCK.read_text(encoding="utf-8") if notes and LOCK.exists() else ""
    for place, note in notes:
        with suppress(FileNotFoundError):  # a stage that starts at the same time was faster
            if all(md5 in recorded for md5 in json.loads(note.read_text(encoding="utf-8")).values()):
                shutil.rmtree(place)
        with suppress(OSError):  # of another fingerprint, or another key, there is progress still
            for folder in (place.parent, place.parent.parent):
                folder.rmdir()


def dvc_md5(path: Path) -> str:
    """The MD5 by which DVC names an output: of a file's bytes, or of a folder's listing."""
    if not path.is_dir():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "md5").hexdigest()
    files = {file.relative_to(path).parts: dvc_md5(file) for file in path.rglob("*") if file.is_file()}
    listing = [{"md5": md5, "relpath": "/".join(parts)} for parts, md5 in sorted(files.items())]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest()
