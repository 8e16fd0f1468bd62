"""One training loop for teachers, the masked language model and students: transformers' Trainer around an objective."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed

from tinybert.errors import UserError
from tinybert.models.attention import use_plain_attention
from tinybert.models.precision import require_autocast
from tinybert.params.table import Optimisation
from tinybert.running.memory import keep_freed_memory
from tinybert.train.loop.batches import LengthBatches
from tinybert.train.loop.curve import Curve
from tinybert.train.loop.job import Job

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


@dataclass(frozen=True)
class Validation:
    """What is measured after each epoch; of all epochs the best one's weights are kept."""

    score: Callable[[], float]
    curve: Curve


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
        UserError: the model can't be trained in the job's precision, or the loss is no longer finite.
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
    arguments = TrainingArguments(
        output_dir=".checkpoints",
        per_device_train_batch_size=settings.batch_size,
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
        disable_tqdm=False,
        remove_unused_columns=False,
    )
    # One process trains on one GPU, even where there are more: torch's DataParallel, which Trainer would wrap the model
    # in, has the batch grow with the GPUs, and so makes the results depend on the machine.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    recorder = _LossRecorder(objective, job.curves / LOSSES, every=max(1, total // CURVE_POINTS))
    trainer = _ObjectiveTrainer(
        model,
        arguments,
        train_dataset=dataset,
        data_collator=collate,
        callbacks=[recorder, _EpochOfBatches(collate)] + ([_BestEpoch(validation)] if validation else []),
    )
    trainer.objective = objective
    trainer.recorder = recorder
    trainer.train()


def no_training(job: Job) -> None:
    """What `train` would leave, for an entry of no epochs: a curve without points, since DVC expects the file."""
    Curve(job.curves / LOSSES, ["step", "epoch", "loss"])


class _ObjectiveTrainer(Trainer):
    loss_is_scaled_for_ga = False  # a loss is a batch's mean, so that Trainer divides by the batches of a step
    objective: Objective
    recorder: _LossRecorder

    def log(self, *_: Any, **__: Any) -> None:
        """Nothing: the curves are the log, and a summary on the screen would only interrupt the progress bar."""

    def compute_loss(self, model: nn.Module, inputs: dict[str, Tensor], *_: Any, **__: Any) -> Tensor:
        terms = self.objective(model, inputs)
        self.recorder.observe(terms)
        return torch.stack([weight * terms[name] for name, weight in self.objective.weights.items()]).sum()

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler:
        dataset = self.train_dataset
        lengths = np.ones(len(dataset), dtype=int)
        if "length" in dataset.column_names:
            lengths = dataset.with_format("numpy")["length"][:]  # 50 times as fast as row by row
        return LengthBatches(lengths, self.args.train_batch_size, self.args.seed)


class _LossRecorder(TrainerCallback):
    """Means of the terms, unweighted, over every few steps."""

    def __init__(self, objective: Objective, file: Path, every: int) -> None:
        self.weights = objective.weights
        self.every = every
        self.curve = Curve(file, ["step", "epoch", "loss", *self.weights])
        self.sums = dict.fromkeys(self.weights, 0.0)
        self.count = 0

    def observe(self, terms: Mapping[str, Tensor]) -> None:
        for name in self.sums:
            self.sums[name] += terms[name].item()
        self.count += 1

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step % self.every and state.global_step != state.max_steps:
            return
        means = {name: total / self.count for name, total in self.sums.items()}
        loss = sum(self.weights[name] * mean for name, mean in means.items())
        if not math.isfinite(loss):
            raise UserError(
                f"the loss became {loss} by step {state.global_step}; set a smaller learning_rate or precision: fp32"
            )
        self.curve.add({"step": state.global_step, "epoch": round(state.epoch, 4), "loss": loss, **means})
        self.sums = dict.fromkeys(self.sums, 0.0)
        self.count = 0


class _EpochOfBatches(TrainerCallback):
    """Tells a collator that makes random batches which epoch it is, so that they are a function of (seed, epoch)."""

    def __init__(self, collate: Callable[[Any], dict[str, Tensor]]) -> None:
        self.set_epoch = getattr(collate, "set_epoch", lambda epoch: None)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.set_epoch(math.floor(state.epoch + 1e-6))


class _BestEpoch(TrainerCallback):
    """Scores each epoch, and puts the best one's weights back at the end."""

    def __init__(self, validation: Validation) -> None:
        self.validation = validation
        self.best = -math.inf
        self.weights: dict[str, Tensor] = {}

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: nn.Module, **_: Any) -> None:
        score = self.validation.score()
        self.validation.curve.add({"epoch": round(state.epoch), "score": score})
        print(f"  epoch {round(state.epoch)}: validation score {score:.4f}", flush=True)
        if score > self.best:
            self.best = score
            self.weights = {name: weight.detach().clone() for name, weight in model.state_dict().items()}

    def on_train_end(self, args: Any, state: Any, control: Any, model: nn.Module, **_: Any) -> None:
        if self.weights:
            model.load_state_dict(self.weights)
