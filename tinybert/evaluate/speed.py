"""How fast a student is: beside its teacher, a twin and a model of BERT-base's shape."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import numpy as np
import torch

from tinybert.evaluate.contenders import Contenders
from tinybert.evaluate.schema import BASE, STUDENT, TEACHER, TWIN, Machine, Speed, Time, Times, Twin
from tinybert.evaluate.throughput import MOST, measure_throughput
from tinybert.evaluate.timing import median_interval, time_rounds

ROUNDS, SECONDS = 15, 75.0
BASE_ROUNDS, BASE_SECONDS, BASE_TEXTS = 5, 40.0, 4
"""Rounds of its own, after all others: what runs behind a model of 440 MB finds another machine."""
ENOUGH = 500
"""Times from which on their slowest hundredth means something."""
TWIN_LEVEL = 0.999
"""Nothing but chance makes a twin differ, and one honest run in a thousand may be refused for it."""


def measure_speed(contenders: Contenders, file: Path) -> None:
    """Write a student's object of speed.json to `file`."""
    threads = torch.get_num_threads()
    models, twin = _time_in_turns(contenders, threads)
    for name, rate in measure_throughput(contenders, min(threads, MOST)).items():
        models[name] = models[name].model_copy(update={"texts_per_core_second": round(rate, 3)})
    machine = Machine(
        processor=_processor(), instructions=torch.backends.cpu.get_cpu_capability().lower(), threads=threads
    )
    speed = Speed(machine=machine, reference=TEACHER, models=models, twin=twin)
    file.write_text(speed.model_dump_json(indent=1) + "\n", encoding="utf-8")
    for name, times in models.items():
        found = times.batch1
        print(f"  {name}: {found.ms:.1f} ms for one text, {found.times_faster:.2f} times as fast as the teacher")


def _time_in_turns(contenders: Contenders, threads: int) -> tuple[dict[str, Times], Twin]:
    """All models beside the teacher, in one process."""
    models, batches = contenders.load(threads), contenders.sample()
    times = time_rounds(models, batches, ROUNDS, SECONDS)
    few = {what: of[:BASE_TEXTS] for what, of in batches.items()}
    apart = time_rounds({TEACHER: models[TEACHER]} | contenders.load_base(), few, BASE_ROUNDS, BASE_SECONDS)
    return _ratios(times) | {BASE: _ratios(apart)[BASE]}, compare_twins(times[STUDENT], times[TWIN])


def compare_twins(student: dict[str, np.ndarray], twin: dict[str, np.ndarray]) -> Twin:
    """The ratio of the two over all kinds of batches: one number a round, so that one round's bad luck counts once."""
    logs = [np.log(student[what].mean(axis=1) / twin[what].mean(axis=1)) for what in student]
    middle, *ends = np.exp(median_interval(np.mean(logs, axis=0), TWIN_LEVEL)).tolist()
    return Twin(times_faster=round(middle, 4), interval=[round(end, 4) for end in ends], level=TWIN_LEVEL)


def _ratios(times: dict[str, dict[str, np.ndarray]]) -> dict[str, Times]:
    """The models of one run of rounds beside the teacher of the same rounds."""
    return {
        name: Times(
            **{what: _time(seconds, times[TEACHER][what]) for what, seconds in of.items()}, texts_per_core_second=None
        )
        for name, of in times.items()
    }


def _time(seconds: np.ndarray, reference: np.ndarray) -> Time:
    """Of (rounds, batches) seconds of a model, and of the reference in the same rounds."""
    rounds = seconds.mean(axis=1)
    ratio, *interval = median_interval(reference.mean(axis=1) / rounds, 0.95)
    p50, p99 = (1000 * np.quantile(seconds, [0.5, 0.99])).round(3).tolist() if seconds.size >= ENOUGH else (None, None)
    return Time(
        ms=round(1000 * float(np.median(rounds)), 3),
        p50_ms=p50,
        p99_ms=p99,
        times_faster=_digits(ratio),
        ci95=[_digits(end) for end in interval],
        rounds=len(rounds),
    )


def _digits(value: float) -> float:
    """Four of them, wherever the point is: a twentieth of a thousandth isn't 0."""
    return float(f"{value:.4g}")


def _processor() -> str:
    """Its name as the system gives it."""
    file = Path("/proc/cpuinfo")
    known = file.read_text(encoding="utf-8") if file.exists() else ""
    name = re.search(r"^model name\s*: (.+)", known, re.MULTILINE)
    return name[1].strip() if name else platform.processor() or platform.machine()
