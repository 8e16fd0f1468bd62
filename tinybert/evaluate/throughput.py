"""How many texts a core answers in a second where all cores do: an instance of one thread on each, as one serves."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError

import numpy as np
import torch

from tinybert.errors import UserError
from tinybert.evaluate.contenders import Contenders
from tinybert.evaluate.schema import TWIN
from tinybert.evaluate.timing import Batch, Timed, rotated
from tinybert.running.parallel import follow_parent

ROUNDS, SECONDS = 5, 0.2
"""Of each model in each round; it ends with the texts, so that all models are asked for the same."""
TEXTS = 16
"""BERT-base's shape takes two seconds for them."""
MOST = 8
"""Instances: each loads all models, about a gigabyte with the one of BERT-base's shape."""
PATIENCE = 300.0
"""Seconds that an instance waits for the others, which have as much to do."""

_barrier: Barrier | None = None


def measure_throughput(contenders: Contenders, instances: int) -> dict[str, float]:
    """Texts a second and core of each model, one text at a time, at the lengths of the task's texts.

    Each instance is a process with one thread: threads of one process would share Python's lock, which those models
    that compute in Python would wait for. All run the same model at the same time, so that each has to share the
    machine's memory with others of its kind. Models take turns as in `time_rounds`; the median of the rounds counts.

    Args:
        instances: one a core.

    Raises:
        UserError: a process was killed.
    """
    if instances == 1:
        return _medians([_measure(contenders)])
    context = get_context("spawn")
    barrier = context.Barrier(instances)
    with ProcessPoolExecutor(instances, context, initializer=_start, initargs=(barrier,)) as pool:
        try:
            return _medians(list(pool.map(_measure, [contenders] * instances)))
        except (BrokenProcessPool, BrokenBarrierError):
            raise UserError("one of several processes was killed; is the memory full? run it again") from None


def _medians(rates: list[dict[str, list[float]]]) -> dict[str, float]:
    return {name: float(np.median(np.mean([each[name] for each in rates], axis=0))) for name in rates[0]}


def _start(barrier: Barrier) -> None:
    global _barrier
    _barrier = barrier
    follow_parent()
    torch.set_num_threads(1)


@torch.inference_mode()
def _measure(contenders: Contenders) -> dict[str, list[float]]:
    """Texts a second of each model in each round, of one instance. Each process gets one, since it waits for others."""
    loaded = contenders.load(threads=1) | contenders.load_base()
    models = {name: model for name, model in loaded.items() if name != TWIN}
    texts = contenders.sample()["batch1"][:TEXTS]
    rates: dict[str, list[float]] = {name: [] for name in models}
    for model in models.values():
        model(texts[0])
    for done in range(ROUNDS):
        for name in rotated(list(models), done):
            if _barrier is not None:
                _barrier.wait(PATIENCE)
            rates[name].append(_rate(models[name], texts))
    return rates


def _rate(model: Timed, texts: list[Batch]) -> float:
    model(texts[0])
    started, answered = time.perf_counter(), 0
    while True:
        for text in texts:
            model(text)
        answered += len(texts)
        passed = time.perf_counter() - started
        if passed >= SECONDS:
            return answered / passed
