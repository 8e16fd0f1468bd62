"""Which examples make up a batch: a function of (seed, epoch) alone, so that a run repeated has the same ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

POOL = 50
"""Batches whose examples are sorted by length together: enough for little padding, few enough to stay random."""


class LengthBatches(Sampler[int]):
    """Random order of examples in which each run of `batch_size` has about one length.

    Examples are shuffled, sorted by length within pools of `POOL` batches, cut into batches, and the batches are
    shuffled; a last partial batch, of the last pool's shortest examples, stays the last.
    """

    def __init__(self, lengths: Sequence[int] | np.ndarray, batch_size: int, seed: int) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        for batch in self.batches(self.epoch):
            yield from batch.tolist()

    def of_step(self, step: int) -> list[int]:
        """The examples of a step of the run, counted from 1."""
        epoch, batch = divmod(step - 1, math.ceil(len(self) / self.batch_size))
        return self.batches(epoch)[batch].tolist()

    def batches(self, epoch: int) -> list[np.ndarray]:
        """The examples of each batch of an epoch."""
        random = np.random.default_rng((self.seed, epoch))
        order = random.permutation(len(self.lengths))
        pool = POOL * self.batch_size
        pools = [order[start : start + pool] for start in range(0, len(order), pool)]
        by_length = np.concatenate([part[np.argsort(-self.lengths[part], kind="stable")] for part in pools])
        batches = [by_length[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]
        last = [batches.pop()] if len(batches[-1]) < self.batch_size else []
        random.shuffle(batches)
        return batches + last
