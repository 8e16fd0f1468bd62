"""Attention scores before softmax, and what they are made of, from any model that calls the attention interface.

TinyBERT matches A = Q·Kᵀ/√d_k *before* softmax (paper, equation 7), while transformers' own `output_attentions` gives
the weights after softmax and dropout. The function registered here computes attention as usual and hands the scores of
the wanted layers to a recorder; all other layers run on torch's fused attention. The recorder also takes the vectors
that attention starts from, for the relation loss: queries, keys and values.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from tinybert.errors import UserError

NAME = "tinybert_scores"


class ScoreRecorder:
    """Keeps the attention scores, or the query, key and value vectors, of a model's layers during a forward pass.

    Layers are counted from 1 in the order in which the model computes them, so no name of a module is needed.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        """Switch `model` to recording attention.

        Raises:
            UserError: the model's attention does not go through transformers' attention interface.
        """
        self.layers: frozenset[int] = frozenset()
        self.scores: dict[int, Tensor] = {}
        self.vector_layers: frozenset[int] = frozenset()
        self.vectors: dict[int, tuple[Tensor, ...]] = {}
        self._calls = 0
        for module in model.modules():
            module.score_recorder = self
        try:
            model.set_attn_implementation(NAME)
            self._calls = 0
            with torch.no_grad():
                model(input_ids=torch.ones(1, 2, dtype=torch.long, device=model.device))
        except (ValueError, KeyError):
            self._calls = 0
        if not self._calls:
            raise UserError(
                f"the attention scores of a {model.config.model_type} model cannot be captured; "
                f"set the attention loss to 0"
            )

    def start(self, layers: Iterable[int], vector_layers: Iterable[int] = ()) -> None:
        """Begin a forward pass, and forget what was kept of the last one.

        Args:
            layers: those whose scores will be kept.
            vector_layers: those whose queries, keys and values will be kept, each (examples, tokens, width).
        """
        self.layers = frozenset(layers)
        self.scores = {}
        self.vector_layers = frozenset(vector_layers)
        self.vectors = {}
        self._calls = 0

    def next_layer(self) -> int:
        self._calls += 1
        return self._calls


def scores_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """Scaled dot-product attention that keeps its scores where the recorder wants them.

    Args:
        query, key, value: (examples, heads, tokens, width of a head).
        attention_mask: (examples, 1, tokens, tokens), True where a token may look; None where all may.

    Returns:
        The attention's output (examples, tokens, heads, width of a head) and its scores
        (examples, heads, tokens, tokens) before mask and softmax, None for a layer that isn't wanted.
    """
    recorder: ScoreRecorder = module.score_recorder  # type: ignore[assignment]
    layer = recorder.next_layer()
    if layer in recorder.vector_layers:
        recorder.vectors[layer] = tuple(each.transpose(1, 2).flatten(2) for each in (query, key, value))
    if layer not in recorder.layers:
        kwargs.pop("output_attentions", None)
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
    scores = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    recorder.scores[layer] = scores
    masked = scores if attention_mask is None else scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    weights = nn.functional.dropout(masked.softmax(-1), dropout, module.training).to(value.dtype)
    return (weights @ value).transpose(1, 2).contiguous(), scores


AttentionInterface.register(NAME, scores_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
