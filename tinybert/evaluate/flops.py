"""Floating-point operations of an encoder, as the paper's tables count them."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModel, PretrainedConfig

TOKENS = 128
"""Of the one text that goes through the encoder: BERT-base's 22.5 billion are for as many."""


def count_flops(config: PretrainedConfig) -> int:
    """Operations of the encoder's forward pass on one text of `TOKENS` tokens, a multiply-add being two.

    Matrix products only, those of attention among them: what is left out is less than a hundredth. Embeddings are
    looked up and cost none; the classifier on top is left out, as in the paper. It depends on the shape alone, so the
    model is made without weights, but for DeBERTa, which asks for the values of its tensors on the way.
    """
    shape = deepcopy(config)
    shape.max_position_embeddings = max(shape.max_position_embeddings, 2 * TOKENS)  # a matter of look-ups
    with torch.device("cpu" if shape.model_type.startswith("deberta") else "meta"):
        model = AutoModel.from_config(shape, attn_implementation="eager").eval().requires_grad_(False)
        tokens = torch.ones(1, TOKENS, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        model(input_ids=tokens)
    return counter.get_total_flops()
