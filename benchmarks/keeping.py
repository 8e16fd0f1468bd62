"""What it costs to be able to go on: seconds of a stage's looking at its inputs, and of keeping what it trained."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors.torch import load_file, save_file

from tinybert.params.table import load_watch
from tinybert.running.progress import Progress
from tinybert.running.times import read_costs
from tinybert.running.tracked import PARAMS, instances, track

WEIGHTS = "model.safetensors"
STATE = 3
"""Of a checkpoint in the middle: weights, and the optimiser's two means of each."""


def main() -> None:
    """Of each stage that ran last in this project, and of all, against the time it took.

    What a stage keeps is timed with the weights that it wrote, written anew to a folder beside: once at its end, and
    every `checkpoint_minutes` with the optimiser's state, which is taken for twice as large.
    """
    minutes, costs = load_watch(PARAMS).checkpoint_minutes, read_costs(Path(".runs"))
    stages = [name for name in instances() if name in costs]
    taken = kept = 0.0
    for name in stages:
        seconds = costs[name].seconds
        started = time.perf_counter()
        tracked = track(name)
        looking = time.perf_counter() - started
        models = [out / WEIGHTS for out in tracked.outs if (out / WEIGHTS).exists()] if tracked and minutes else []
        times = 1 + STATE * int(seconds / 60 // minutes) if minutes else 0
        keeping = times * sum(map(_keep, models))
        print(f"{name:40} {seconds:8.1f} s, looking {looking:5.2f}, keeping {keeping:5.2f}")
        taken, kept = taken + seconds, kept + looking + keeping
    print(f"all: {kept:.1f} of {taken:.1f} s, {kept / taken:.2%}" if stages else "no stage has run yet")


def _keep(model: Path) -> float:
    """Seconds in which a checkpoint of these weights is written, synced and sealed."""
    weights = load_file(model)
    with TemporaryDirectory(dir=".") as folder:
        progress, started = Progress(Path(folder) / "training", 1), time.perf_counter()
        progress.save(1, "", lambda partial: save_file(weights, partial / WEIGHTS))
        return time.perf_counter() - started
