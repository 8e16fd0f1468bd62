"""One training loop for teachers, the masked language model and students: transformers' Trainer around an objective."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import TrainerCallback, TrainingArguments, set_seed

from tinybert.models.attention import use_plain_attention
from tinybert.models.precision import require_autocast
from tinybert.params.table import Optimisation
from tinybert.running.launch import count_processes
from tinybert.running.memory import keep_freed_memory
from tinybert.train.loop.batches import LengthBatches
from tinybert.train.loop.best_epoch import BestEpoch, Validation
from tinybert.train.loop.checkpoints import CheckpointedTrainer, train_or_go_on
from tinybert.train.loop.curve import Curve
from tinybert.train.loop.job import Job
from tinybert.train.loop.processes import Shares, draw_noise, join, leave, share_loader
from tinybert.train.loop.progress_bar import ProgressBar
from tinybert.train.loop.recorder import LossRecorder

CURVE_POINTS = 100
LOSSES = "losses.csv"

Score = Callable[[np.ndarray, np.ndarray], float]
"""A task's metric of labels (rows,) and logits (rows, classes), or answers (rows,) for span."""


class Objective(Protocol):
    """What is minimised: named terms and their weights."""

    @property
    def weights(self) -> Mapping[str, float]:
        """The weight of each term; the terms' names are the columns of the curve."""

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Each term's value on a batch, a scalar: the mean over the batch's examples, or over its masked tokens."""


def train(
    model: nn.Module,
    objective: Objective,
    dataset: Dataset,
    collate: Callable[[Any], dict[str, Tensor]],
    settings: Optimisation,
    job: Job,
    *,
    epochs: float | None = None,
    steps: int | None = None,
    validation: Validation | None = None,
) -> None:
    """Train `model` in place, for a number of epochs, or of an epoch's part, or of steps.

    Args:
        dataset: examples; with a column `length` in tokens they are batched by length.
        job: its folder of curves gets `losses.csv`, the terms' means over each hundredth of the run.
        validation: keeps the weights of the epoch that scored best (the first of equals) instead of the last.

    Raises:
        UserError: the model can't be trained in the job's precision, the batch can't be divided among the processes, or
            the loss is no longer finite.
        SystemExit: of several processes this is not the first, and the training is over.
    """
    require_autocast(model, job.dtype)
    keep_freed_memory()
    use_plain_attention(model)
    seed = job.seed(settings)
    set_seed(seed)
    if settings.dropout is not None:  # a student that is to equal its teacher has no use for noise; 0 is faster too
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = settings.dropout
    total = steps if steps is not None else math.ceil(math.ceil(len(dataset) / settings.batch_size) * (epochs or 0))
    share = join(settings.batch_size)
    arguments = TrainingArguments(
        output_dir=".checkpoints",
        per_device_train_batch_size=share,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=round(settings.warmup * total),
        lr_scheduler_type="linear",
        num_train_epochs=epochs or 1,
        max_steps=-1 if steps is None else steps,
        optim="adamw_torch_fused",
        bf16=job.dtype == torch.bfloat16,
        fp16=job.dtype == torch.float16,
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,  # ProgressBar is in its place
        remove_unused_columns=False,
    )
    # One process trains on one GPU, even where there are more: torch's DataParallel, which Trainer would wrap the model
    # in, has the batch grow with the GPUs, and so makes the results depend on the machine.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    batches = LengthBatches(_lengths(dataset), settings.batch_size, seed)
    curve = Curve(job.curves / LOSSES, ["step", "epoch", "loss", *objective.weights])
    recorder = LossRecorder(objective.weights, curve, max(1, total // CURVE_POINTS), batches)
    best = BestEpoch(validation) if validation else None
    callbacks = [recorder, _EpochOfBatches(collate), ProgressBar(recorder), *filter(None, [best])]
    trainer = _ObjectiveTrainer(model, arguments, train_dataset=dataset, data_collator=collate, callbacks=callbacks)
    trainer.objective, trainer.recorder, trainer.batches, trainer.shares = objective, recorder, batches, Shares(batches)
    train_or_go_on(trainer, [recorder, *filter(None, [best])])
    leave()


def no_training(job: Job) -> None:
    """What `train` would leave, for an entry of no epochs: a curve without points, since DVC expects the file."""
    Curve(job.curves / LOSSES, ["step", "epoch", "loss"])


def _lengths(dataset: Dataset) -> np.ndarray:
    if "length" not in dataset.column_names:
        return np.ones(len(dataset), dtype=int)
    return dataset.with_format("numpy")["length"][:]  # 50 times as fast as row by row


class _ObjectiveTrainer(CheckpointedTrainer):
    loss_is_scaled_for_ga = False  # a loss is a batch's mean, so that Trainer divides by the batches of a step
    objective: Objective
    recorder: LossRecorder
    batches: LengthBatches
    shares: Shares

    def log(self, *_: Any, **__: Any) -> None:
        """Nothing: the curves are the log, and a summary on the screen would only interrupt the progress bar."""

    def compute_loss(self, model: nn.Module, inputs: dict[str, Tensor], *_: Any, **__: Any) -> Tensor:
        step = self.state.global_step
        draw_noise(self.args.seed, step)
        terms = self.objective(model, inputs)
        if count_processes() > 1:
            counted = self.objective.counted(inputs) if hasattr(self.objective, "counted") else None
            weight = self.shares.weight(step, counted)
            terms = {name: weight * term for name, term in terms.items()}
        self.recorder.observe(terms)
        return torch.stack([weight * terms[name] for name, weight in self.objective.weights.items()]).sum()

    def get_train_dataloader(self) -> DataLoader:
        if count_processes() == 1:
            return super().get_train_dataloader()
        return share_loader(self.train_dataset, self.shares, self.data_collator, self.args.device)

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler:
        return self.batches


class _EpochOfBatches(TrainerCallback):
    """Tells a collator that makes random batches which epoch it is, so that they are a function of (seed, epoch)."""

    def __init__(self, collate: Callable[[Any], dict[str, Tensor]]) -> None:
        self.set_epoch = getattr(collate, "set_epoch", lambda epoch: None)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.set_epoch(math.floor(state.epoch + 1e-6))
