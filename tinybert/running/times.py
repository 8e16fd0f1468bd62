"""How long each stage of the last run took, and its memory, from what the stages left in .runs/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from tinybert.params.table import read_yaml

ORDER = (
    "download-corpus",
    "import-file",
    "prepare-task",
    "general-distill",
    "finetune-teacher",
    "adapt-mlm",
    "augment",
    "intermediate-distill",
    "prediction-distill",
    "evaluate",
    "speed",
    "report",
)
"""Stages in the pipeline's order."""


class Cost(NamedTuple):
    """Wall time and peak memory of a stage."""

    seconds: float
    bytes: int = 0


def read_costs(folder: Path) -> dict[str, Cost]:
    """Costs by `stage@key`, in the pipeline's order, then by key."""
    costs = {file.stem: Cost(**json.loads(file.read_text(encoding="utf-8"))) for file in folder.glob("*.json")}

    def place(name: str) -> tuple[int, str]:
        kind = name.partition("@")[0]
        return (ORDER.index(kind) if kind in ORDER else len(ORDER), name)

    return {name: costs[name] for name in sorted(costs, key=place)}


def print_times(params: Path, folder: Path = Path(".runs")) -> None:
    """Print the stages of the entries in `params`, the time of all and the most memory of one.

    A stage that DVC skipped or restored keeps the numbers of when it last ran.
    """
    entries = {key for table in read_yaml(params).values() if isinstance(table, dict) for key in table} | {""}
    costs = {name: cost for name, cost in read_costs(folder).items() if name.partition("@")[2] in entries}
    if not costs:
        print(f"no stage has run yet: {folder} is empty")
        return
    seconds, memory = zip(*costs.values(), strict=True)
    width = max(len(name) for name in [*costs, "all stages"])
    for name, cost in [*costs.items(), ("all stages", Cost(sum(seconds), max(memory)))]:
        print(f"{name:<{width}}  {cost.seconds:8.1f} s  {cost.bytes / 2**30:5.1f} GiB")
