"""How long a run will take, and how much memory: from a few steps of each kind, measured on this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification

from tinybert.check.recipe import Recipe
from tinybert.distill.losses.objective import DistillationObjective
from tinybert.models.loading import head_config, load_classifier, load_config
from tinybert.models.precision import choose
from tinybert.models.shape import layer_pairs, student_config
from tinybert.models.signals import Projections, StudentModel, frozen_teacher
from tinybert.params.general import General
from tinybert.params.table import Optimisation, Run
from tinybert.running.memory import peak_memory
from tinybert.tokens.encoding import TEACHER_LOGITS, Padding, model_inputs
from tinybert.train.loop.batches import LengthBatches
from tinybert.train.loop.job import Job
from tinybert.train.loop.label_loss import LabelObjective
from tinybert.train.loop.trainer import Objective, train

STEPS = 6
"""Of each kind; the first is not counted."""
BATCH = 32
BLOCKS = 8600
"""Of the default's corpus, for general distillation."""
START = 7.0
"""Seconds in which a stage reads its libraries, its models and its rows."""
REST = 150.0
"""Seconds of what doesn't grow with the rows: fetching, exporting, timing, the report."""
LOOKS = 6
"""How often validation and test rows are read in exporting and scoring, in passes of the teacher."""
HELD = 2.0
"""How much more a stage holds than its steps take here: rows, other processes, what is kept between batches."""
ASKED = 0.25
"""The augmentation's passes for each word of an original, at most: many copies ask for nearly all, one for half."""


class Pace(NamedTuple):
    """Seconds of a step of each kind on batches of the data's lengths, or of the corpus' blocks; of a text read."""

    general: float
    teacher: float
    intermediate: float
    prediction: float
    text: float
    bytes: int
    """The most memory that a stage is likely to hold."""


class Size(NamedTuple):
    """Of a task's data."""

    train: int
    held_out: int
    """Rows of validation and test."""
    words: float
    """Of a text, on average."""
    length: int
    """Tokens to which a batch is padded, on average."""
    max_length: int


def padded_length(lengths: np.ndarray) -> int:
    """Tokens to which batches of such texts are padded on average, as the training batches them."""
    order = list(LengthBatches(lengths, BATCH, 0))
    return math.ceil(np.mean([lengths[order[first : first + BATCH]].max() for first in range(0, len(order), BATCH)]))


def measure(general: General, general_teacher: Path, teacher: Path, size: Size, run: Run) -> Pace:
    """Train for a few steps of each kind, on tokens drawn at random, and throw the models away."""
    config = load_config(teacher)
    student = AutoModelForSequenceClassification.from_config(student_config(config, general.architecture))
    losses, blocks = general.losses.model_dump(), general.train.max_length
    layers = general.architecture.layers
    with _silence(), TemporaryDirectory() as scratch:
        job = Job("init", run, size.max_length, Path(scratch), Path(scratch))
        model = load_classifier(teacher, new_head=head_config(["0", "1"]))
        of_teacher = _step(model, LabelObjective(), size.length, config.vocab_size, job)
        text = _read(model, size.length, config.vocab_size)
        del model

        def distil(folder: Path, length: int, steps: int = STEPS) -> float:
            taught = load_config(folder)
            projections = Projections(layers, general.architecture.hidden, taught.hidden_size)
            pairs = layer_pairs(general.layer_map, layers, taught.num_hidden_layers)
            records = bool(losses["attention"])
            frozen = frozen_teacher(folder, choose(run.precision), records)
            objective = DistillationObjective(losses, pairs, frozen)
            return _step(StudentModel(student, projections, records), objective, length, config.vocab_size, job, steps)

        of_blocks = distil(general_teacher, blocks) if general.train.epochs else 0.0
        of_layers = distil(teacher, size.length)
        distil(teacher, size.max_length, 2)  # for its memory
        projections = Projections(layers, general.architecture.hidden, config.hidden_size)
        of_logits = _step(
            StudentModel(student, projections, False), DistillationObjective({"logits": 1.0}, {}, None),
            size.length, config.vocab_size, job,
        )  # fmt: skip
    return Pace(of_blocks, of_teacher, of_layers, of_logits, text, int(HELD * peak_memory()))


def estimate(pace: Pace, size: Size, recipe: Recipe, general_epochs: float, mlm_steps: int) -> dict[str, float]:
    """Seconds by stage."""
    augmented = size.train * (1 + recipe.copies)
    steps = math.ceil(augmented / BATCH)
    of_teacher = math.ceil(size.train / recipe.batch_size) * pace.teacher * (recipe.batch_size / BATCH) ** 0.7
    blocks_too = (1 + size.max_length / size.length) / 2  # half of what the masked language model reads
    asked = size.train * size.words * ASKED * (1 - 0.5**recipe.copies)
    return {
        "general-distill": START + general_epochs * BLOCKS / BATCH * pace.general,
        "finetune-teacher": START + recipe.teacher * of_teacher + (recipe.teacher + 1) * size.held_out / 3 * pace.text,
        "adapt-mlm": START + mlm_steps * pace.teacher * blocks_too,
        "augment": START + asked * pace.text,
        "intermediate-distill": START + recipe.intermediate * steps * pace.intermediate,
        "prediction-distill": START + recipe.prediction * steps * pace.prediction + augmented * pace.text,
        "all others": REST + LOOKS * size.held_out * pace.text,
    }


class _Timed:
    """An objective that notes when it is called, once a step."""

    def __init__(self, objective: Objective) -> None:
        self.objective, self.weights = objective, objective.weights
        self.moments: list[float] = []

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        self.moments.append(time.perf_counter())
        return self.objective(model, batch)


def _step(model: nn.Module, objective: Objective, length: int, vocabulary: int, job: Job, steps: int = STEPS) -> float:
    """Seconds of a training step on a batch of texts that are all of one length."""
    tokens = np.random.default_rng(0).integers(vocabulary, size=(steps * BATCH, length))
    rows = {"input_ids": tokens.tolist(), "labels": [0] * len(tokens), TEACHER_LOGITS: [[0.0, 0.0]] * len(tokens)}
    timed = _Timed(objective)
    settings = Optimisation.model_validate({"batch_size": BATCH, "learning_rate": 1e-5, "dropout": 0.0})
    train(model, timed, Dataset.from_dict(rows), Padding(0), settings, job, steps=steps)
    return median(np.diff(timed.moments)[min(1, steps - 2) :])


@torch.inference_mode()
def _read(model: Any, length: int, vocabulary: int) -> float:
    """Seconds in which a model reads a text of so many tokens, among others."""
    tokens = torch.randint(vocabulary, (BATCH, length), device=model.device)
    inputs = model_inputs({"input_ids": tokens, "attention_mask": torch.ones_like(tokens)})
    times = []
    for _ in range(STEPS):
        started = time.perf_counter()
        model.eval()(**inputs)
        times.append(time.perf_counter() - started)
    return median(times[1:]) / BATCH


@contextmanager
def _silence() -> Iterator[None]:
    """Without the training's bars and lines."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        yield
