"""One phase of task distillation: intermediate layers first, the prediction layer last (paper, section 3.2)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import PretrainedConfig, PreTrainedModel

from tinybert.distill.losses.objective import LAYER_LOSSES, RECORDED, DistillationObjective
from tinybert.models.cached_logits import cached_logits
from tinybert.models.card import write_card
from tinybert.models.compatibility import (
    require_comparable,
    require_length,
    require_projections,
    require_same_tokenizer,
)
from tinybert.models.heads import SpanHead, head_of
from tinybert.models.loading import (
    MULTILABEL,
    REGRESSION,
    load_classifier,
    load_config,
    load_span_model,
    load_tokenizer,
    save_tokenizer,
)
from tinybert.models.output_layer import scaled_output
from tinybert.models.shape import layer_pairs, shape_of
from tinybert.models.signals import Projections, StudentModel, frozen_teacher
from tinybert.params.architectures import Architecture
from tinybert.params.students import Phase
from tinybert.running.lineage import KEPT_ANSWERS, read_lineage
from tinybert.tokens.encoding import ORIGINAL, TYPES
from tinybert.train.loop.curve import Curve
from tinybert.train.loop.job import Job
from tinybert.train.loop.trainer import Score, Validation, no_training, train


def distill_phase(
    phase: Phase, start: Path, teacher: Path, data: Path, job: Job, validation: tuple[Path, Score] | None = None
) -> None:
    """Distill a student from its task's teacher and write it, its tokenizer and its projections to the job's folder.

    Args:
        start: the student that the phase starts from. One without a prediction layer (a general student) gets a new
            one, with the teacher's class names.
        teacher: the fine-tuned teacher.
        data: Parquet file of training rows, original or augmented.
        validation: Parquet file of validation rows and the metric on which the best epoch is chosen; without it the
            prediction layer is fixed to the byte, as in the intermediate phase, and the last epoch is kept. With it
            the student is complete, and gets its model card.

    Raises:
        UserError: student and teacher don't fit each other: tokenizer, heads, layers, widths, positions.
    """
    rows = pd.read_parquet(data)
    config = load_config(teacher)
    require_same_tokenizer(start, teacher)
    require_length(config, job.max_length, teacher)
    require_length(load_config(start), job.max_length, start)
    student = load_student(start, teacher, job.seed(phase))
    projections = Projections.load(start)
    require_compatible_phase(phase, shape_of(student.config), config, projections.teacher_width)
    losses = phase.losses.model_dump()
    records = bool(phase.epochs and any(losses[name] for name in RECORDED))
    model = StudentModel(student, projections, records)
    tokenizer, head = load_tokenizer(teacher, reader=start), head_of(config)
    measured = kept = None
    if validation is not None:
        held_out, score = pd.read_parquet(validation[0]), validation[1]
        labels = head.labels(held_out)
        measured = Validation(
            lambda: score(labels, head.calibrate(student, tokenizer, held_out, job.max_length)),
            Curve(job.curves / "validation.csv", ["epoch", "score"]),
        )
    if phase.epochs:
        logits = cached_logits(teacher, rows, job.max_length, job.dtype) if losses["logits"] else None
        kept = None if logits is None else kept_answers(rows, logits, config)
        # Pairs are told apart by token types where either model does so; `SignalModel` keeps them from the other one.
        reader = tokenizer if TYPES in tokenizer.model_input_names else load_tokenizer(teacher)
        dataset, collate = head.examples(reader, rows, job.max_length, logits)
        if measured is None:
            fix_prediction_layer(student)
        print(f"  {len(rows):,} rows, {student.num_parameters():,} parameters")
        compares_layers = any(losses.get(name) for name in LAYER_LOSSES)
        frozen = frozen_teacher(teacher, job.dtype, records) if compares_layers else None
        pairs = layer_pairs(phase.layer_map, student.config.num_hidden_layers, config.num_hidden_layers)
        with scaled_output(student, rows["label"].to_numpy() if config.problem_type == REGRESSION else None) as weight:
            objective = DistillationObjective(
                losses | {name: losses[name] * weight for name in ("logits", "labels")},
                pairs, frozen, phase.temperature, phase.relation_heads, config.problem_type == MULTILABEL,
            )  # fmt: skip
            train(model, objective, dataset, collate, phase, job, epochs=phase.epochs, validation=measured)
    else:
        no_training(job)
    if measured is not None and isinstance(head, SpanHead) and head.no_answer:
        # What was chosen on validation in the last epoch may not be what the epoch that is kept needs.
        head.calibrate(student, tokenizer, held_out, job.max_length)
    model.save(job.folder)
    save_tokenizer(tokenizer, job.folder)
    used = len(rows) if phase.epochs and phase.data == "augmented" else 0
    before = read_lineage(start).get("facts", {}).get("examples", {}).get("augmented", 0)
    facts = {"parameters": student.num_parameters(), "examples": {"augmented": max(used, before)}}
    if kept is not None:
        facts[KEPT_ANSWERS] = round(kept, 4)
        print(f"  {kept:.1%} of the copies have, to the teacher, the class of their original")
    job.write_lineage(phase, phase, {"student": start, "teacher": teacher, "data": data}, facts)
    if measured is not None:
        place = Path("models/students", job.stage.partition("@")[2])
        write_card(job.folder, student.config, place, teacher.name, job.max_length)


def kept_answers(rows: pd.DataFrame, logits: np.ndarray, teacher: PretrainedConfig) -> float | None:
    """The share of augmented copies that the teacher gives the class of what they were made of.

    Args:
        rows: originals first, then copies, as `tinybert.augment.dataset` writes them.
        logits: the teacher's, (rows, classes).

    Returns None where there are no copies, or no classes of which one is chosen.
    """
    classes = teacher.problem_type not in (REGRESSION, MULTILABEL) and not isinstance(head_of(teacher), SpanHead)
    if not classes or ORIGINAL not in rows:
        return None
    answers, originals = logits.argmax(axis=1), rows[ORIGINAL].to_numpy()
    copies = originals != np.arange(len(rows))
    return float((answers == answers[originals])[copies].mean()) if copies.any() else None


def require_compatible_phase(phase: Phase, student: Architecture, teacher: PretrainedConfig, projected: int) -> None:
    """Refuse a phase whose losses compare what can't be compared.

    Args:
        projected: the width to which the student's projections lead, the general teacher's.

    Raises:
        UserError: layers, heads or widths don't agree.
    """
    if phase.epochs:
        losses = phase.losses.model_dump()
        require_comparable(losses, phase.layer_map, phase.relation_heads, student, teacher)
        require_projections(losses, projected, teacher)


def load_student(folder: Path, teacher: Path, seed: int) -> PreTrainedModel:
    """The student with a prediction layer: its own, or one drawn from `seed` for a general student."""
    own = " ".join(load_config(folder).architectures or [])
    if "SequenceClassification" in own:
        return load_classifier(folder)
    if "QuestionAnswering" in own:
        return load_span_model(folder)
    torch.manual_seed(seed)
    config = load_config(teacher)
    if isinstance(head := head_of(config), SpanHead):
        student = load_span_model(folder, new_head=True)
        student.config.update(head.config())
        return student
    of_teacher = {name: getattr(config, name) for name in ("id2label", "label2id", "problem_type")}
    return load_classifier(folder, new_head=of_teacher)


def fix_prediction_layer(student: PreTrainedModel) -> None:
    """Take what lies behind the last hidden states out of training: the pooler, and the head."""
    trunk = {name for name, _ in student.base_model.named_parameters(prefix=student.base_model_prefix)}
    for name, weight in student.named_parameters():
        if name not in trunk or ".pooler." in name:
            weight.requires_grad_(False)
