"""How long each stage of the last run took, and its memory, from what the stages left in .runs/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from tinybert.running.tracked import instances


class Cost(NamedTuple):
    """Wall time and peak memory of a stage."""

    seconds: float
    bytes: int = 0


def read_costs(folder: Path) -> dict[str, Cost]:
    """Costs by `stage@key`."""
    return {file.stem: Cost(**json.loads(file.read_text(encoding="utf-8"))) for file in folder.glob("*.json")}


def print_times(params: Path, folder: Path = Path(".runs")) -> None:
    """Print the stages of `params` as they last ran, in the pipeline's order, the time of all and the most memory."""
    found = read_costs(folder)
    costs = {name: found[name] for name in instances(params) if name in found}
    if not costs:
        print(f"no stage has run yet: {folder} is empty")
        return
    seconds, memory = zip(*costs.values(), strict=True)
    width = max(len(name) for name in [*costs, "all stages"])
    for name, cost in [*costs.items(), ("all stages", Cost(sum(seconds), max(memory)))]:
        print(f"{name:<{width}}  {cost.seconds:8.1f} s  {cost.bytes / 2**30:5.1f} GiB")
