"""What DVC will record of a stage at its end, as it stands when the stage begins, and what was edited in between.

DVC takes a stage's params and the hashes of its deps after the command has ended. What was edited while it ran would be
recorded as what made the outs, and the next `dvc repro` would find nothing to do.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinybert.errors import UserError
from tinybert.params.table import read_yaml
from tinybert.running.digests import digest, library_versions, list_files

PARAMS = Path("params.yaml")
PIPELINE = Path("dvc.yaml")
REFERENCE = re.compile(r"\$\{([^}]+)\}")

Stamp = tuple[int, int, int]
"""Size, time of change and inode of a file: equal ones are one content, at no cost."""


def stamps(path: Path) -> dict[Path, Stamp]:
    """Of a file, or of those of a folder (see `list_files`)."""
    states = {file: file.stat() for file in list_files(path)}
    return {file: (state.st_size, state.st_mtime_ns, state.st_ino) for file, state in states.items()}


@dataclass(frozen=True)
class Tracked:
    """The lists of dvc.yaml for one instance of a stage.

    Attributes:
        name: `stage@key`.
        values: what params.yaml holds at each path of `params`; None where there is nothing.
        inputs: of each of `deps` that is there, the stamps of its files, taken first, and its digest.
        outs: `outs`, `metrics` and `plots`.
    """

    name: str
    values: dict[str, Any]
    inputs: dict[Path, tuple[dict[Path, Stamp], str]]
    outs: list[Path]

    @property
    def fingerprint(self) -> str:
        """Of all that decides the outs' bytes: values, inputs, code, libraries."""
        made_of = [self.values, {str(path): sha256 for path, (_, sha256) in self.inputs.items()}, library_versions()]
        return hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode()).hexdigest()[:24]

    def edited_values(self) -> Iterator[str]:
        """Which values are others now, each with both."""
        try:
            params = read_yaml(PARAMS)
        except UserError:  # as an editor leaves it in the middle of a sentence
            params = {}
        for path, value in self.values.items():
            yield from _differences(f"{PARAMS}: {path}", value, _look_up(params, path))

    def edited_inputs(self, tidied: Path | None = None) -> Iterator[Path]:
        """Which inputs hold something else now; what has gone from the folder `tidied` is no edit."""
        for path, (before, sha256) in self.inputs.items():
            now = stamps(path) if path.exists() else {}
            left = {file: stamp for file, stamp in before.items() if file in now or tidied not in file.parents}
            if now != left and not (left == before and now and digest(path) == sha256):
                yield path


def instances(params: Path = PARAMS) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """By `stage` and `stage@key` of the pipeline, in its order: its lists, and what `${…}` may name in them."""
    found, content = {}, read_yaml(params)
    for kind, entry in read_yaml(PIPELINE)["stages"].items():
        if "foreach" not in entry:
            found[kind] = entry, content
            continue
        for key, item in (_look_up(content, REFERENCE.sub(r"\1", entry["foreach"])) or {}).items():
            found[f"{kind}@{key}"] = entry["do"], content | {"key": key, "item": item}
    return found


def track(name: str) -> Tracked | None:
    """What dvc.yaml lists of `stage@key`; None where there is none, or no such key: nobody records anything."""
    if not PIPELINE.exists() or name not in (known := instances()):
        return None
    body, values = known[name]

    def listed(*fields: str) -> list[str]:
        lines = [line for field in fields for line in body.get(field, [])]
        paths = [next(iter(line)) if isinstance(line, dict) else line for line in lines]
        return [REFERENCE.sub(lambda match: str(_look_up(values, match[1])), path) for path in paths]

    return Tracked(
        name,
        {path: _look_up(values, path) for path in listed("params")},
        {path: (stamps(path), digest(path)) for path in map(Path, listed("deps")) if path.exists()},
        [Path(path) for path in listed("outs", "metrics", "plots")],
    )


def _look_up(values: Any, path: str) -> Any:
    for key in path.split("."):
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _differences(place: str, before: Any, now: Any) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in before | now:
            yield from _differences(f"{place}.{key}", before.get(key), now.get(key))
    elif before != now:
        yield f"{place} was {json.dumps(before, default=str)} when it began and is {json.dumps(now, default=str)} now"
