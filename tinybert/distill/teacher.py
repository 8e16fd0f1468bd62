"""The teacher's part in distillation: frozen, in eval mode."""

from __future__ import annotations

from pathlib import Path

import torch

from tinybert.models.loading import load_encoder, load_masked_lm
from tinybert.models.student import SignalModel


def frozen_teacher(folder: Path, dtype: torch.dtype, records_scores: bool, masked_head: bool = False) -> SignalModel:
    """The encoder of a teacher, without gradients, dropout off (the reference leaves it on), in `dtype`.

    Args:
        records_scores: for losses that compare attention scores or vectors.
        masked_head: keep the masked-language head, for losses that compare predictions of masked tokens.
    """
    model = (load_masked_lm if masked_head else load_encoder)(folder, dtype).requires_grad_(False)
    if torch.cuda.is_available():
        model.to("cuda")
    return SignalModel(model, records_scores).eval()
