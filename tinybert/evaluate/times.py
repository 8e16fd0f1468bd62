"""How long each stage of the last run took, from what the stages left in .runs/."""

from __future__ import annotations

import json
from pathlib import Path

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
    "report",
)
"""Stages in the pipeline's order."""


def read_times(folder: Path) -> dict[str, float]:
    """Seconds by `stage@key`, in the pipeline's order, then by key."""
    times = {
        file.stem: float(json.loads(file.read_text(encoding="utf-8"))["seconds"]) for file in folder.glob("*.json")
    }

    def place(name: str) -> tuple[int, str]:
        kind = name.partition("@")[0]
        return (ORDER.index(kind) if kind in ORDER else len(ORDER), name)

    return {name: times[name] for name in sorted(times, key=place)}


def print_times(folder: Path = Path(".runs")) -> None:
    """Print the table and the total. A stage that DVC skipped or restored keeps the time of when it last ran."""
    times = read_times(folder)
    if not times:
        print(f"no stage has run yet: {folder} is empty")
        return
    width = max(len(name) for name in [*times, "total"])
    for name, seconds in [*times.items(), ("total", sum(times.values()))]:
        print(f"{name:<{width}}  {seconds:8.1f} s")
