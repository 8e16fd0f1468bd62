"""Fine-tuning of a task's teacher, as BERT was: linear warm-up and decay, the best epoch on validation kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel

from tinybert.errors import UserError
from tinybert.metrics.chance import chance, describe_labels
from tinybert.models.compatibility import require_length
from tinybert.models.heads import Head, SequenceHead, SpanHead
from tinybert.models.loading import (
    REGRESSION,
    head_config,
    load_classifier,
    load_config,
    load_span_model,
    load_tokenizer,
    save_tokenizer,
)
from tinybert.models.output_layer import draw_output_layer, match_labels, output_names, reorder_outputs, scaled_output
from tinybert.params.tasks import Teacher
from tinybert.running.lineage import FILLED
from tinybert.tokens.encoding import unknown_share
from tinybert.train.loop.curve import Curve
from tinybert.train.loop.job import Job
from tinybert.train.loop.label_loss import LabelObjective
from tinybert.train.loop.trainer import Score, Validation, no_training, train

SAMPLE = 1000  # texts that are looked at for tokens that the tokenizer doesn't know
NOTABLE = 0.01  # the share of such tokens from which on it is said


def finetune_teacher(
    settings: Teacher,
    source: Path,
    data: Path,
    names: list[str] | None,
    score: Score,
    job: Job,
    multilabel: bool = False,
    span: Mapping[str, Any] | None = None,
    above_chance: bool = True,
) -> None:
    """Fine-tune the model in `source` on a task and write it and its tokenizer to the job's folder.

    What a checkpoint's outputs mean is known from their names only (see `tinybert.models.output_layer`). A checkpoint
    that is fine-tuned further keeps its head where these names are the data's, and gets a new one where they are not.

    Args:
        data: folder of train.parquet and validation.parquet.
        names: of the classes in order; None for regression and for span.
        score: the task's metric of labels and logits (answers for span).
        multilabel: whether a text may have any number of the classes.
        span: how questions are read, as in labels.json, for a task of type span; its head has no classes to match.
        above_chance: refuse a teacher that is no better than chance; of one that passes it changes no byte.

    Raises:
        UserError: `epochs: 0` and a checkpoint without the task's head or with other classes, a max_length above the
            model's positions, or a teacher that scores no better than chance.
    """
    require_length(load_config(source), job.max_length, source)
    tokenizer = load_tokenizer(source)
    torch.manual_seed(job.seed(settings))
    model, head = load_teacher(settings, source, names, multilabel, span)
    rows = pd.read_parquet(data / "validation.parquet")
    labels = head.labels(rows)
    validation = Validation(
        lambda: score(labels, head.calibrate(model, tokenizer, rows, job.max_length)),
        Curve(job.curves / "validation.csv", ["epoch", "score"]),
    )
    facts = {"parameters": model.num_parameters()}
    unknown = unknown_share(tokenizer, rows["text"][:SAMPLE].tolist())
    seen = f"{unknown:.1%} of the tokens of the validation texts are unknown to the tokenizer"
    if unknown > NOTABLE:
        print(f"  {seen}", flush=True)
    if settings.epochs:
        training = pd.read_parquet(data / "train.parquet")
        dataset, collate = head.examples(tokenizer, training, job.max_length)
        if span is None:  # contexts of questions are read in windows, to their end
            facts[FILLED] = int((dataset.with_format("numpy")["length"][:] >= job.max_length).sum())
            filled = f"{facts[FILLED]:,} of {len(dataset):,} texts fill max_length, {job.max_length}"
            print(f"  {filled}, and may be cut there")
        numbers = training["label"].to_numpy() if model.config.problem_type == REGRESSION else None
        with scaled_output(model, numbers) as weight:
            train(
                model, LabelObjective(weight), dataset, collate, settings, job,
                epochs=settings.epochs, validation=validation,
            )  # fmt: skip
    else:
        no_training(job)
        validation.curve.add({"epoch": 0, "score": validation.score()})
    seen = "; ".join(filter(None, (describe_labels(labels, names), seen)))
    logits = head.calibrate(model, tokenizer, rows, job.max_length)
    _require_above_chance(settings, source, score, seen, labels, logits, above_chance)
    model.save_pretrained(job.folder)
    save_tokenizer(tokenizer, job.folder)
    splits = {split: data / f"{split}.parquet" for split in ("train", "validation")}
    job.write_lineage(settings, settings, {"from": source} | splits, facts)


def load_teacher(
    settings: Teacher,
    source: Path,
    names: list[str] | None,
    multilabel: bool = False,
    span: Mapping[str, Any] | None = None,
) -> tuple[PreTrainedModel, Head]:
    """The checkpoint in `source` with the task's head, its own or a new one, before any fine-tuning.

    Args:
        names, multilabel, span: as in `finetune_teacher`.

    Raises:
        UserError: `epochs: 0` and a checkpoint without the task's head or with other classes, or `labels` that don't
            fit its head.
    """
    if span is None:
        return _load_classifier(settings, source, names, head_config(names, multilabel)), SequenceHead()
    if settings.labels is not None:
        raise UserError(f"{source}: teacher.labels names classes, but a task of type span has none; remove it")
    head = SpanHead(**span)
    model = load_span_model(source, new_head=settings.epochs > 0)
    model.config.update(head.config())
    return model, head


def _load_classifier(settings: Teacher, source: Path, names: list[str] | None, head: dict[str, Any]) -> PreTrainedModel:
    """The classifier, its outputs in the order of the data's classes."""
    outputs = len(names) if names else 1
    config = load_config(source)
    tuned = any("SequenceClassification" in name for name in config.architectures or [])
    if settings.epochs and not (tuned and config.num_labels == outputs):
        if settings.labels is not None:
            raise UserError(f"{source}: teacher.labels names outputs, but its head is not one of {outputs}; remove it")
        return load_classifier(source, new_head=head)
    model = load_classifier(source)
    if model.config.num_labels != outputs:
        raise UserError(
            f"{source}: this teacher has {model.config.num_labels} outputs and the task {outputs}; "
            f"set the task's teacher.epochs above 0 to fine-tune a new head"
        )
    if names is not None:
        try:
            order = match_labels(output_names(model, settings.labels, source), names, source)
        except UserError:
            if not settings.epochs or settings.labels is not None:
                raise
            draw_output_layer(model)
            print("  its head was fine-tuned for other classes: a new one is trained")
        else:
            reorder_outputs(model, order)
    model.config.update(head)
    return model


def _require_above_chance(
    settings: Teacher, source: Path, score: Score, seen: str, labels: np.ndarray, logits: np.ndarray, required: bool
) -> None:
    """Say how good the teacher is, and refuse one that knows nothing that a student could learn.

    Where even a faultless teacher could not be told from chance, for want of rows, none is refused.

    Args:
        seen: of the validation rows, for the message.
    """
    reached, random = score(labels, logits), chance(score, labels, logits)
    print(f"  teacher's score on validation: {reached:.4f}; by chance {random.mean:.4f}", flush=True)
    if reached > random.highest + 1e-9 or (random.deviation and random.highest >= 1) or not required:
        return
    if len({str(label) for label in labels}) == 1:
        remedy = "all rows have one label, on which no score can be above chance: add rows to split.validation"
    elif settings.epochs:
        remedy = "where this doesn't explain it, try another teacher.learning_rate, or more teacher.epochs"
    else:
        remedy = "it was fine-tuned for something else, or its labels are in another order: see teacher.labels"
    raise UserError(
        f"{source}: the teacher's score on validation, {reached:.4f}, is what chance gives ({random.mean:.4f}, up to "
        f"{random.highest:.4f} on {len(labels):,} rows); {seen}; {remedy}; above_chance: false takes it as it is"
    )
