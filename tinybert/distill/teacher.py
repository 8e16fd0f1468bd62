"""The teacher's part in distillation: checked against the student before anything is trained, frozen, in eval mode."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import PretrainedConfig

from tinybert.errors import UserError
from tinybert.lineage import digest
from tinybert.models import precision as precisions
from tinybert.models.inference import predict_logits
from tinybert.models.loading import load_classifier, load_encoder, load_tokenizer
from tinybert.models.student import SignalModel
from tinybert.outputs import whole_file

CACHE = Path(".cache/logits")


def frozen_teacher(folder: Path, precision: str, records_scores: bool) -> SignalModel:
    """The encoder of a teacher, without gradients, dropout off (the reference leaves it on), in the run's precision."""
    encoder = load_encoder(folder, precisions.choose(precision)).requires_grad_(False)
    if torch.cuda.is_available():
        encoder.to("cuda")
    return SignalModel(encoder, records_scores).eval()


def require_same_heads(student_heads: int, teacher: PretrainedConfig, place: str) -> None:
    """Attention scores are compared head by head, so their numbers have to agree.

    Raises:
        UserError: naming both numbers and the choices.
    """
    if student_heads != teacher.num_attention_heads:
        raise UserError(
            f"{place}: the attention loss needs as many heads as the teacher's {teacher.num_attention_heads}, "
            f"found {student_heads}; set the architecture's heads to {teacher.num_attention_heads} or attention to 0"
        )


def teacher_logits(
    folder: Path, rows: pd.DataFrame, max_length: int, precision: str, cache: Path = CACHE
) -> np.ndarray:
    """The teacher's logits on `rows`, float32 (rows, classes): computed once, kept under the hash of what they are of."""
    dtype = precisions.choose(precision)
    texts = pd.util.hash_pandas_object(rows.drop(columns="label", errors="ignore"), index=False).to_numpy()
    identity = f"{digest(folder)} {hashlib.sha256(texts.tobytes()).hexdigest()} {max_length} {dtype}"
    file = cache / f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}.npy"
    if not file.exists():
        model = load_classifier(folder, dtype)
        if torch.cuda.is_available():
            model.to("cuda")
        logits = predict_logits(model, load_tokenizer(folder), rows, max_length, progress="teacher's logits")
        with whole_file(file) as partial, partial.open("wb") as stream:
            np.save(stream, logits, allow_pickle=False)
    return np.load(file, allow_pickle=False)
