"""The terms of a loss as a curve, and the end of a run whose loss is no number any more."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback

from tinybert.errors import UserError
from tinybert.train.loop.batches import LengthBatches
from tinybert.train.loop.curve import Curve
from tinybert.train.loop.processes import mean_of

FILE = "recorder.json"
NAMED = 32
"""Examples of a batch that a message names."""


class LossRecorder(TrainerCallback):
    """Means of the terms, unweighted, over every few steps and all processes; read from the device only then."""

    def __init__(self, weights: Mapping[str, float], curve: Curve, every: int, batches: LengthBatches) -> None:
        """
        Args:
            weights: of the terms, by name.
            every: steps of a point on the curve.
            batches: which examples a step was made of, for a message.
        """
        self.weights = weights
        self.every = every
        self.batches = batches
        self.curve = curve
        self.last = math.nan  # the loss at the last point
        self.steps = 0  # that have been read
        self.read: list[list[float]] = []  # the terms of each step since the last point
        self.unread: list[Tensor] = []

    def observe(self, terms: Mapping[str, Tensor]) -> None:
        """Take a step's terms, scalars."""
        self.unread.append(torch.stack([terms[name].detach().float() for name in self.weights]))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step % self.every and state.global_step != state.max_steps:
            return
        self.look()
        means = [math.fsum(values) / len(self.read) for values in zip(*self.read, strict=True)]
        self.last = sum(weight * mean for weight, mean in zip(self.weights.values(), means, strict=True))
        row = {"step": state.global_step, "epoch": round(state.epoch, 4), "loss": self.last}
        self.curve.add(row | dict(zip(self.weights, means, strict=True)))
        self.read = []

    def look(self) -> None:
        """Read what was observed.

        Raises:
            UserError: a step's loss is infinite or NaN; its examples are named.
        """
        weights = self.weights.values()
        values = mean_of(torch.stack(self.unread)).tolist() if self.unread else []
        self.unread = []
        for step, terms in enumerate(values, start=self.steps + 1):
            if not all(map(math.isfinite, terms)):
                self.refuse(step, f"{sum(weight * term for weight, term in zip(weights, terms, strict=True))}")
        self.steps += len(values)
        self.read += values

    def refuse(self, step: int, found: str) -> None:
        """
        Raises:
            UserError: naming the step and its examples.
        """
        examples = sorted(self.batches.of_step(step))
        named = ", ".join(map(str, examples[:NAMED])) + (" …" if len(examples) > NAMED else "")
        raise UserError(
            f"the loss became {found} at step {step}, on rows {named} of what it learns from (the first is 0); set a "
            "smaller learning_rate, or precision: fp32, or correct these rows"
        )

    def keep(self, folder: Path) -> None:
        """Write what has been read since the last point, and the curve so far."""
        self.curve.keep(folder)
        (folder / FILE).write_text(json.dumps({"steps": self.steps, "read": self.read}), encoding="utf-8")

    def take_up(self, folder: Path) -> None:
        self.curve.take_up(folder)
        kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
        self.steps, self.read = kept["steps"], kept["read"]
