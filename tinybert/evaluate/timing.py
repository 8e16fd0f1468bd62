"""Models timed side by side, in rounds: what disturbs the machine, or the one beside it, disturbs all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import NamedTuple, Protocol

import numpy as np
import torch
from scipy.stats import quantile_test
from torch import Tensor

FEWEST = 3
"""Rounds that are done even where they take longer than they should."""


class Batch(NamedTuple):
    """Texts that are answered at once: each a tuple of a text or a pair, and as tokens, int64 (texts, tokens).

    `texts` is empty where a task reads one row in several pieces (span).
    """

    texts: list[tuple[str, ...]]
    tokens: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.tokens["input_ids"])

    def first(self) -> Batch:
        return Batch(self.texts[:1], {name: tensor[:1] for name, tensor in self.tokens.items()})


class Timed(Protocol):
    """What can be timed: it answers a batch from its texts or from its tokens, and can be copied by `deepcopy`."""

    @property
    def one_by_one(self) -> bool:
        """Whether it is run one text at a time, so that larger batches say nothing of it."""
        ...

    def __call__(self, batch: Batch) -> object: ...


@torch.inference_mode()
def time_rounds(
    models: Mapping[str, Timed], batches: Mapping[str, Sequence[Batch]], count: int, seconds: float
) -> dict[str, dict[str, np.ndarray]]:
    """Seconds of each pass of each model, by model and by name of the batches, float (rounds, batches).

    All is gone through once before the clock counts. In each round every model takes another place in the order, and
    is a copy of its own: where in memory a model lies makes it faster or slower by a percent for as long as it lies
    there, which rounds over the same copy would take for a property of the model. Before it is timed it reads one text,
    so that what was in the processor's cache is its own.

    Args:
        models: on the processor, in evaluation mode; one that is run one text at a time is not asked for more.
        count: rounds, as far as `seconds` allow.
    """
    timed = {
        what: [name for name, model in models.items() if len(each[0]) == 1 or not model.one_by_one]
        for what, each in batches.items()
    }
    times: dict[str, dict[str, list[list[float]]]] = {name: {} for name in models}
    for what, names in timed.items():
        for name in names:
            models[name](batches[what][0])
            times[name][what] = []
    started = time.perf_counter()
    for done in range(count):
        if done >= FEWEST and (time.perf_counter() - started) * (done + 1) / done > seconds:
            break
        copies = {name: deepcopy(models[name]) for name in rotated(list(models), done)}
        for what, each in batches.items():
            for name in (name for name in copies if name in timed[what]):
                copies[name](each[0].first())
                times[name][what].append([_seconds(copies[name], batch) for batch in each])
        del copies  # before the next ones are made
    return {name: {what: np.array(each) for what, each in of_model.items()} for name, of_model in times.items()}


def rotated(names: list[str], number: int) -> list[str]:
    """The order of a round: each takes each place, and from one turn to the next the neighbours change sides."""
    turn, place = divmod(number, len(names))
    order = names[place:] + names[:place]
    return order[::-1] if turn % 2 else order


def median_interval(values: np.ndarray, level: float) -> tuple[float, float, float]:
    """The median of independent values, and the interval that holds the true one with this confidence.

    Its ends are two of the values: of 15, the fourth from either end for 95 %, the second for 99.9 % (the sign test,
    which assumes nothing of how they spread). Where they are too few, it goes from the lowest to the highest.
    """
    low, high = quantile_test(values, q=0, p=0.5).confidence_interval(level)  # NaN where they are too few
    return float(np.median(values)), float(np.fmax(low, values.min())), float(np.fmin(high, values.max()))


def _seconds(model: Timed, batch: Batch) -> float:
    started = time.perf_counter()
    model(batch)
    return time.perf_counter() - started
