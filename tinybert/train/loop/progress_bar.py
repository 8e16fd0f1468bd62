"""How far a training is, on a terminal or in a log."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from tinybert.running.bars import Bar
from tinybert.train.loop.recorder import LossRecorder


class ProgressBar(TrainerCallback):
    """Steps done, the loss at the curve's last point, time left."""

    def __init__(self, recorder: LossRecorder) -> None:
        self.recorder = recorder

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.bar = Bar(total=state.max_steps, initial=state.global_step, unit=" steps", desc="  training")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        done, elapsed = self.bar.n + 1 - self.bar.initial, self.bar.format_dict["elapsed"]
        rate = args.train_batch_size * args.world_size * done / max(elapsed, 1e-9)
        self.bar.set_postfix_str(f"loss {self.recorder.last:.4g}, {rate:,.0f} examples/s", refresh=False)
        self.bar.update()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.bar.close()
