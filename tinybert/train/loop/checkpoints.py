"""A training that is stopped anywhere and goes on where it was, to the byte: transformers' checkpoints, kept whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol

from safetensors.torch import load_model, save_model
from torch import nn
from transformers import Trainer, TrainerCallback
from transformers.trainer import TRAINER_STATE_NAME

from tinybert.errors import UserError
from tinybert.running.launch import count_processes
from tinybert.running.progress import Progress, Stop, goes_on, progress_of, stopping_later
from tinybert.train.loop.processes import any_of, first_before_others
from tinybert.train.loop.recorder import LossRecorder

WEIGHTS = "model.safetensors"
FINISHED = "finished"
"""A file that says that nothing is left to train: the weights beside it are those of the end."""


class Keeps(Protocol):
    """What has a state of its own, besides what Trainer keeps."""

    def keep(self, folder: Path) -> None: ...
    def take_up(self, folder: Path) -> None: ...


class CheckpointedTrainer(Trainer):
    """A Trainer whose checkpoints go where a stage keeps its progress, without a pickle among them."""

    recorder: LossRecorder
    progress: Progress
    parts: Sequence[Keeps] = ()

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """As Trainer's own, but for the model, which may have tied weights, and for its pickled arguments.

        Raises:
            UserError: the loss or a weight is no finite number, so that the checkpoint before this one stays the last.
        """
        self.recorder.look()
        if not all(weight.isfinite().all() for weight in self.model.parameters()):
            self.recorder.refuse(self.state.global_step, "nan by its gradient")

        def write(folder: Path) -> None:
            save_model(self.model, str(folder / WEIGHTS))
            self._save_optimizer_and_scheduler(str(folder))
            self._save_scaler(str(folder))
            if count_processes() == 1:  # else noise is a function of the step
                self._save_rng_state(str(folder))
            self.state.save_to_json(str(folder / TRAINER_STATE_NAME))
            for part in self.parts:
                part.keep(folder)

        self.progress.save(self.state.global_step, self._where(), write)

    def save_end(self) -> None:
        """Keep what the training made: where it can't be written to its place, nothing is trained again."""

        def write(folder: Path) -> None:
            save_model(self.model, str(folder / WEIGHTS))
            for part in self.parts:
                part.keep(folder)
            (folder / FINISHED).touch()

        self.progress.save(self.state.global_step, self._where(), write)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_model(self.model, Path(resume_from_checkpoint) / WEIGHTS)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        with _no_other_objects(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        with _no_other_objects(checkpoint):
            super()._load_rng_state(checkpoint)

    def _where(self) -> str:
        return f"step {self.state.global_step:,} of {self.state.max_steps:,} (epoch {self.state.epoch:.2f})"


@contextmanager
def _no_other_objects(folder: str | None) -> Iterator[None]:
    """torch reads files of Trainer's with `weights_only`; of one that was put there its refusal becomes a line.

    Raises:
        UserError: a file holds more than tensors and numbers.
    """
    try:
        yield
    except UnpicklingError:
        raise UserError(f"{folder}: holds more than tensors and numbers, which isn't read; remove it") from None


class _Keeper(TrainerCallback):
    """Has a checkpoint written every few minutes, and when a signal asks to stop, by all processes at one step.

    At the last step of an epoch it waits for the validation, which a run that goes on from there would skip; at the
    last of all for the best epoch's weights.
    """

    def __init__(self, trainer: CheckpointedTrainer, stop: Stop) -> None:
        self.trainer, self.stop = trainer, stop

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if any_of(self.trainer.progress.due() or bool(self.stop)) and state.epoch != round(state.epoch):
            control.should_save = not control.should_training_stop

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if any_of(self.trainer.progress.due() or bool(self.stop)):
            control.should_save = state.global_step < state.max_steps

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if any_of(bool(self.stop)):
            self.stop.stop()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.trainer.save_end()
        if any_of(bool(self.stop)):
            self.stop.stop()


def train_or_go_on(trainer: CheckpointedTrainer, parts: Sequence[Keeps]) -> None:
    """Train, from where an earlier run of the same stage was stopped; not at all where it had come to the end.

    Args:
        parts: what has a state besides Trainer's.
    """
    progress = progress_of("training")
    if progress is None:
        trainer.train()
        return
    trainer.progress, trainer.parts = progress, parts
    with first_before_others():  # which it rids of what is damaged
        kept = progress.newest()
    if kept:
        goes_on(kept)
        for part in parts:
            part.take_up(kept.folder)
        if (kept.folder / FINISHED).exists():
            load_model(trainer.model, kept.folder / WEIGHTS)
            return
    with stopping_later() as stop:
        trainer.add_callback(_Keeper(trainer, stop))
        trainer.train(resume_from_checkpoint=str(kept.folder) if kept else None)
