"""Attention written out, for training on short texts on a processor, where torch's fused one is slow.

`python -m benchmarks attention` measures the two side by side.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "tinybert_plain"
SHORT = 256
"""Tokens up to which it is taken: on longer texts it is hardly faster, and it keeps all pairs of tokens in memory."""


def use_plain_attention(model: nn.Module) -> None:
    """Switch a model in which transformers would use torch's fused attention to `plain_or_fused`."""
    for module in model.modules():
        if isinstance(module, PreTrainedModel) and module.config._attn_implementation == "sdpa":
            module.set_attn_implementation(NAME)


def plain_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float | None, dropout: float
) -> tuple[Tensor, Tensor]:
    """Scaled dot-product attention.

    Args:
        query, key, value: (examples, heads, tokens, width of a head).
        mask: (examples, 1, tokens, tokens), True where a token may look; None where all may.
        scaling: of the scores; None for 1/√d_k.
        dropout: the probability with which a weight is set to 0; 0 when the model isn't trained.

    Returns:
        The attention's output (examples, tokens, heads, width of a head) and its scores
        (examples, heads, tokens, tokens) before mask and softmax.
    """
    scores = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    masked = scores if mask is None else scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    weights = nn.functional.dropout(masked.softmax(-1), dropout, training=dropout > 0).to(value.dtype)
    return (weights @ value).transpose(1, 2).contiguous(), scores


def plain_or_fused(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """For transformers' attention interface: whichever is faster here, with the arguments of `plain_attention`."""
    if query.device.type == "cpu" and key.shape[2] <= SHORT:
        return plain_attention(query, key, value, attention_mask, scaling, dropout)[0], None
    kwargs.pop("output_attentions", None)
    return sdpa_attention_forward(module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs)


AttentionInterface.register(NAME, plain_or_fused)
AttentionMaskInterface.register(NAME, sdpa_mask)
