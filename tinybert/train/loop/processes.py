"""One training in several processes: which of a step's examples are whose, and what they tell each other.

Alone, a process has all examples, and is told what it says. Each collective is of CPU tensors, by gloo, but for losses
and counts, which stay on their device.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from accelerate.data_loader import prepare_data_loader
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader

from tinybert.errors import UserError
from tinybert.running.launch import count_processes, meet, rank
from tinybert.train.loop.batches import LengthBatches


def join(batch_size: int) -> int:
    """Meet the other processes; how many examples of a batch are each one's.

    Raises:
        UserError: the batch can't be divided among them.
    """
    processes = count_processes()
    if batch_size % processes:
        raise UserError(f"batch_size: expected a multiple of launch's {processes} processes, found {batch_size}")
    meet()
    return batch_size // processes


def leave() -> None:
    """End the processes but the first, which goes on alone with what the training made."""
    if count_processes() > 1:
        dist.destroy_process_group()
    if rank():
        sys.exit()


def any_of(flag: bool) -> bool:
    """Whether a process has it."""
    return bool(_reduce(torch.tensor(int(flag)), dist.ReduceOp.MAX))


def from_first(compute: Callable[[], float]) -> float:
    """What the first process computes; the others wait for it."""
    value = torch.tensor(0.0 if rank() else compute(), dtype=torch.float64)
    return _reduce(value, dist.ReduceOp.SUM).item()


@contextmanager
def first_before_others() -> Iterator[None]:
    """The others enter when the first has left."""
    if rank():
        any_of(False)
    yield
    if not rank():
        any_of(False)


def mean_of(values: Tensor) -> Tensor:
    """Over the processes."""
    return _reduce(values.clone(), dist.ReduceOp.SUM) / count_processes()


def _reduce(values: Tensor, how: dist.ReduceOp.RedOpType) -> Tensor:
    if count_processes() > 1:
        dist.all_reduce(values, how)
    return values


class Shares(BatchSampler):
    """Of each batch every n-th example, beginning with this process's number: those of a batch are sorted by length.

    Of a last partial batch there may be none; its first stands in for them, and counts nothing.
    """

    def __init__(self, sampler: LengthBatches) -> None:
        self.batches = self.sampler = sampler  # by accelerate's name, which tells it the epoch
        self.batch_size = sampler.batch_size // count_processes()
        self.drop_last = False

    def __len__(self) -> int:
        return math.ceil(len(self.batches) / self.batches.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.batches.batches(self.batches.epoch):
            yield batch[rank() :: count_processes()].tolist() or batch[:1].tolist()

    def weight(self, step: int, counted: Tensor | None = None) -> Tensor | float:
        """By what a mean over this process's share has to be multiplied for the mean over processes to be the batch's.

        Args:
            step: of the run, from 0.
            counted: of how many things of its share the mean is, a scalar; None for its examples.
        """
        size = min(self.batches.batch_size, len(self.batches) - step % len(self) * self.batches.batch_size)
        own = len(range(rank(), size, count_processes()))
        if counted is None:
            return count_processes() * own / size
        mine = counted.float() * bool(own)
        return count_processes() * mine / _reduce(mine.clone(), dist.ReduceOp.SUM).clamp(min=1)


def share_loader(dataset: Any, shares: Shares, collate: Callable[[Any], Any], device: torch.device) -> DataLoader[Any]:
    """The shares as batches on the device; accelerate, which would deal them out once more, takes them as they are."""
    loader = DataLoader(dataset, batch_sampler=shares, collate_fn=collate, pin_memory=device.type == "cuda")
    return prepare_data_loader(loader, device, num_processes=1, process_index=0, put_on_device=True)


def draw_noise(seed: int, step: int) -> None:
    """Have a step's dropout be a function of (seed, step, process), so that a run that goes on has the same."""
    if count_processes() > 1:
        torch.manual_seed(int(np.random.SeedSequence((seed, step, rank())).generate_state(1)[0]))
