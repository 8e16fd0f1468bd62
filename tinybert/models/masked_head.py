"""A student's masked-language head, which it has during general distillation only."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForMaskedLM, PreTrainedModel

from tinybert.errors import UserError
from tinybert.models.loading import load_masked_lm


def require_masked_head(teacher: Path) -> None:
    """Refuse a general teacher that can't predict masked tokens.

    Raises:
        UserError: naming the teacher and the choices.
    """
    try:
        load_masked_lm(teacher)
    except UserError:
        raise UserError(
            f"losses: mlm and vocabulary need a teacher with a masked-language head, and {teacher} has none; "
            f"take a teacher that has one, or set both to 0 (hidden, attention, relations, cls and cosine need none)"
        ) from None


@torch.no_grad()
def with_masked_head(student: PreTrainedModel, teacher: PreTrainedModel) -> PreTrainedModel:
    """The student's encoder, itself and not a copy, inside a masked language model.

    The output matrix is the student's word embeddings where the family ties the two. Each other weight of the head is
    the teacher's where its shape fits, else new.
    """
    model = AutoModelForMaskedLM.from_config(student.config, dtype=torch.float32)
    setattr(model, model.base_model_prefix, student)
    model.config = student.config  # one object, so that a setting of the attention reaches both
    model.tie_weights()
    weights = dict(teacher.named_parameters())
    for name, weight in model.named_parameters():
        source = weights.get(name)
        in_head = not name.startswith(f"{model.base_model_prefix}.")
        if in_head and source is not None and source.shape == weight.shape:
            weight.copy_(source)
    return model
