"""The epoch whose weights are kept: the one that scored best on validation."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import TrainerCallback

from tinybert.train.loop.curve import Curve
from tinybert.train.loop.processes import from_first

FILE, WEIGHTS = "best_epoch.json", "best_epoch.safetensors"


@dataclass(frozen=True)
class Validation:
    """What is measured after each epoch; of all epochs the best one's weights are kept."""

    score: Callable[[], float]
    curve: Curve


class BestEpoch(TrainerCallback):
    """Scores each epoch, and puts the best one's weights back at the end."""

    def __init__(self, validation: Validation) -> None:
        self.validation = validation
        self.best = -math.inf
        self.weights: dict[str, Tensor] = {}

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: nn.Module, **_: Any) -> None:
        score = from_first(self.validation.score)
        self.validation.curve.add({"epoch": round(state.epoch), "score": score})
        print(f"  epoch {round(state.epoch)}: validation score {score:.4f}", flush=True)
        if score > self.best:
            self.best = score
            self.weights = {name: weight.detach().clone() for name, weight in model.state_dict().items()}

    def on_train_end(self, args: Any, state: Any, control: Any, model: nn.Module, **_: Any) -> None:
        if self.weights:
            model.load_state_dict(self.weights)

    def keep(self, folder: Path) -> None:
        """Write the curve so far, and the best epoch's score and weights."""
        self.validation.curve.keep(folder)
        (folder / FILE).write_text(json.dumps(self.best), encoding="utf-8")  # −Infinity before the first epoch's end
        save_file(self.weights, folder / WEIGHTS)

    def take_up(self, folder: Path) -> None:
        self.validation.curve.take_up(folder)
        self.best = json.loads((folder / FILE).read_text(encoding="utf-8"))
        self.weights = load_file(folder / WEIGHTS)
