"""One phase of task distillation: intermediate layers first, the prediction layer last (paper, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tinybert.distill.objective import TEACHER_LOGITS, DistillationObjective
from tinybert.distill.teacher import frozen_teacher, teacher_logits
from tinybert.lineage import read_lineage, write_lineage
from tinybert.models import precision as precisions
from tinybert.models.fit import require_length, require_same_heads, require_same_tokenizer
from tinybert.models.inference import predict_logits
from tinybert.models.layer_map import layer_pairs
from tinybert.models.loading import MULTILABEL, load_classifier, load_config, load_tokenizer
from tinybert.models.student import Projections, StudentModel
from tinybert.params.students import Phase
from tinybert.text.tokens import Padding, encode, label_array
from tinybert.train.curves import Curve
from tinybert.train.trainer import Validation, train

Score = Callable[[np.ndarray, np.ndarray], float]
"""The task's metric of labels (rows,) and logits (rows, classes)."""


def distil_phase(
    stage: str,
    phase: Phase,
    start: Path,
    teacher: Path,
    data: Path,
    *,
    max_length: int,
    seed: int,
    precision: str,
    folder: Path,
    curves: Path,
    validation: tuple[Path, Score] | None = None,
) -> None:
    """Distil a student from its task's teacher and write it, its tokenizer and its projections to `folder`.

    Args:
        stage: `stage@key`, for the lineage.
        start: the student that the phase starts from. One without a prediction layer (a general student) gets a new
            one, with the teacher's class names.
        teacher: the fine-tuned teacher.
        data: Parquet file of training rows, original or augmented.
        validation: Parquet file of validation rows and the metric on which the best epoch is chosen; without it the
            prediction layer is fixed to the byte, as in the intermediate phase, and the last epoch is kept.

    Raises:
        UserError: student and teacher don't fit each other: tokenizer, heads, layers, positions.
    """
    rows = pd.read_parquet(data)
    config = load_config(teacher)
    require_same_tokenizer(start, teacher)
    require_length(config, max_length, teacher)
    student = load_student(start, teacher, phase.seed if phase.seed is not None else seed)
    losses = phase.losses.model_dump()
    pairs = layer_pairs(phase.layer_map, student.config.num_hidden_layers, config.num_hidden_layers)
    compares_layers = bool(losses["embedding"] or losses["hidden"] or losses["attention"])
    if phase.epochs and losses["attention"]:
        require_same_heads(student.config.num_attention_heads, config)
    model = StudentModel(student, Projections.load(start), records_scores=bool(phase.epochs and losses["attention"]))
    tokenizer = load_tokenizer(teacher)
    if phase.epochs:
        dataset = encode(tokenizer, rows, max_length)
        if losses["logits"]:
            logits = teacher_logits(teacher, rows, max_length, precision)
            dataset = dataset.add_column(TEACHER_LOGITS, logits.tolist())
        if validation is None:
            fix_prediction_layer(student)
        print(f"  {len(rows):,} rows, {student.num_parameters():,} parameters")
        frozen = frozen_teacher(teacher, precision, bool(losses["attention"])) if compares_layers else None
        train(
            model,
            DistillationObjective(
                losses, pairs, frozen, phase.temperature, multilabel=config.problem_type == MULTILABEL
            ),
            dataset,
            Padding(tokenizer.pad_token_id),
            phase,
            epochs=phase.epochs,
            seed=seed,
            precision=precision,
            curves=curves,
            validation=_validation(student, tokenizer, max_length, validation, curves),
        )
    else:
        _validation(student, tokenizer, max_length, validation, curves)
        Curve(curves / "losses.csv", ["step", "epoch", "loss"])
    model.save(folder)
    tokenizer.save_pretrained(folder)
    used = len(rows) if phase.epochs and phase.data == "augmented" else 0
    before = read_lineage(start).get("facts", {}).get("examples", {}).get("augmented", 0)
    write_lineage(
        folder,
        stage,
        phase.model_dump(by_alias=True) | {"seed": seed, "precision": precision, "max_length": max_length},
        {"student": start, "teacher": teacher, "data": data},
        {
            "precision": precisions.name(precisions.choose(precision)),
            "parameters": student.num_parameters(),
            "examples": {"augmented": max(used, before)},
        },
    )


def load_student(folder: Path, teacher: Path, seed: int) -> PreTrainedModel:
    """The student with a prediction layer: its own, or one drawn from `seed` for a general student."""
    architectures = load_config(folder).architectures or []
    if any("SequenceClassification" in name for name in architectures):
        return load_classifier(folder)
    torch.manual_seed(seed)
    config = load_config(teacher)
    return load_classifier(
        folder,
        new_head={"id2label": config.id2label, "label2id": config.label2id, "problem_type": config.problem_type},
    )


def fix_prediction_layer(student: PreTrainedModel) -> None:
    """Take what lies behind the last hidden states out of training: the pooler, and the head."""
    trunk = {name for name, _ in student.base_model.named_parameters(prefix=student.base_model_prefix)}
    for name, weight in student.named_parameters():
        if name not in trunk or ".pooler." in name:
            weight.requires_grad_(False)


def _validation(
    student: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    validation: tuple[Path, Score] | None,
    curves: Path,
) -> Validation | None:
    if validation is None:
        return None
    rows, score = pd.read_parquet(validation[0]), validation[1]
    labels = label_array(rows)
    predict = partial(predict_logits, student, tokenizer, rows, max_length)
    return Validation(lambda: score(labels, predict()), Curve(curves / "validation.csv", ["epoch", "score"]))
