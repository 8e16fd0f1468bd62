"""Where a model comes from: `lineage.json` in its folder names params and hashes of everything it was made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinybert.running.digests import digest, library_versions

FILE = "lineage.json"
FILLED = "texts_that_fill_max_length"
"""Of a teacher's facts: training texts that have no token less than it reads, and may have had more."""
KEPT_ANSWERS = "copies_with_the_answer_of_their_original"
"""Of a student's facts: the share of augmented copies that its teacher gives the class of what they were made of."""


def write_lineage(
    folder: Path, stage: str, params: Mapping[str, Any], inputs: Mapping[str, Path], facts: Mapping[str, Any]
) -> None:
    """Write `folder/lineage.json`.

    Args:
        folder: a model folder, complete but for this file.
        stage: `stage@key`.
        params: what the stage read from params.yaml.
        inputs: files and folders by the part that they play, such as `teacher`. Their digests are taken, and where
            an input has a lineage of its own, that too, so that the last student carries the whole tree.
        facts: counts and measurements that later stages report, such as the number of training examples.
    """
    lineage = {
        "stage": stage,
        "params": dict(params),
        "facts": dict(facts),
        "libraries": library_versions(),
        "inputs": {
            role: {"path": path.as_posix(), "sha256": digest(path)}
            | ({"lineage": read_lineage(path)} if (path / FILE).exists() else {})
            for role, path in inputs.items()
        },
    }
    (folder / FILE).write_text(json.dumps(lineage, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_lineage(folder: Path) -> dict[str, Any]:
    """The lineage in a model folder, `{}` where there is none."""
    file = folder / FILE
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
