"""Attention scores before softmax, and what they are made of, from any transformers encoder.

TinyBERT matches A = Q·Kᵀ/√d_k *before* softmax (paper, equation 7), while transformers' own `output_attentions` gives
the weights after softmax and dropout. Most families (BERT, RoBERTa, DistilBERT, ELECTRA, ALBERT, ModernBERT and others)
call transformers' attention interface, where `attend` hands what is wanted to a recorder: of ModernBERT, queries and
keys as its rotary positions have turned them. A family that computes its own attention (MPNet, DeBERTa) is watched at
its softmax instead. What is captured there is all that the softmax sees: MPNet's scores with its relative position
bias, DeBERTa's sum of content and position terms.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers import MODEL_MAPPING, AttentionInterface, AttentionMaskInterface, PretrainedConfig, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from tinybert.errors import UserError

PLAIN = "tinybert_plain"
"""The name under which transformers knows `attend`."""
SHORT = 256
"""Tokens up to which it is written out: beyond, it is hardly faster, and keeps all pairs of tokens in memory."""
KNOWN = "BERT, RoBERTa, DistilBERT, ELECTRA, ALBERT or ModernBERT"
"""Families of which both scores and vectors can be had, for messages."""
OTHERWISE = (
    "set the losses attention and relations to 0 and learn from hidden, or take a teacher of another architecture, "
    f"such as {KNOWN}"
)
SCORES_ONLY = ("mpnet", "deberta", "deberta-v2")
SOFTMAX = (nn.functional.softmax, torch.softmax, Tensor.softmax)


class ScoreRecorder:
    """Keeps the attention scores, or the query, key and value vectors, of a model's layers during a forward pass.

    Layers are counted from 1 in the order in which the model computes them, so no name of a module is needed, and
    ALBERT's layers, which are one module called again and again, are told apart.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        """Switch `model` to recording; UserError where neither the interface nor a softmax shows each layer."""
        self._family = model.config.model_type
        self.start(())
        for module in model.modules():
            module.score_recorder = self
        layers = self._count_layers(model, PLAIN)
        self._through_interface = bool(layers)
        if not layers:
            _OwnAttention(self, model.base_model)
            layers = self._count_layers(model)
        if layers != model.config.num_hidden_layers:
            raise UserError(
                f"neither attention scores nor queries, keys and values of a {self._family} model can be captured "
                f"({layers} layers seen of {model.config.num_hidden_layers}); {OTHERWISE}"
            )

    def _count_layers(self, model: PreTrainedModel, implementation: str | None = None) -> int:
        """How many layers ask for their number in one pass; 0 for a model that hasn't this implementation."""
        self._calls = 0
        try:
            if implementation:
                model.set_attn_implementation(implementation)
            with torch.no_grad():
                model.base_model(input_ids=torch.ones(1, 2, dtype=torch.long, device=model.device))
        except (ValueError, KeyError, RuntimeError) as error:
            if implementation:
                return 0
            raise UserError(
                f"a {self._family} model does not read a text of two tokens ({' '.join(str(error).split())[:80]}), so "
                f"its attention cannot be captured; {OTHERWISE}"
            ) from None
        return self._calls

    def start(self, layers: Collection[int], vector_layers: Collection[int] = ()) -> None:
        """Begin a forward pass, and forget what was kept of the last one.

        Args:
            layers: those whose scores will be kept, (examples, heads, tokens, tokens), and of those with a sliding
                window, in `seen`, which tokens it lets a token look at, (examples, 1, tokens, tokens).
            vector_layers: those whose queries, keys and values will be kept, each (examples, tokens, width); a
                UserError for a model that computes its own attention.
        """
        if vector_layers and not self._through_interface:
            raise UserError(no_vectors(self._family))
        self.layers, self.vector_layers = frozenset(layers), frozenset(vector_layers)
        self.scores: dict[int, Tensor] = {}
        self.seen: dict[int, Tensor] = {}
        self.vectors: dict[int, tuple[Tensor, ...]] = {}
        self._calls = 0

    def next_layer(self) -> int:
        self._calls += 1
        return self._calls


class _OwnAttention(TorchFunctionMode):
    """While a model is computed, the input of every softmax over pairs of tokens is a layer's scores.

    The model has added its mask to them by then; the scores of masked pairs are given as 0.
    """

    def __init__(self, recorder: ScoreRecorder, model: nn.Module) -> None:
        super().__init__()
        self.recorder = recorder

        def enter(*_: Any) -> None:  # what a hook returns would take the place of the inputs
            self.__enter__()

        model.register_forward_pre_hook(enter)
        model.register_forward_hook(lambda *_: self.__exit__(None, None, None), always_call=True)

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        if function in SOFTMAX:
            scores = arguments[0]
            is_of_pairs = scores.dim() == 4 and scores.shape[-1] == scores.shape[-2]
            if is_of_pairs and (layer := self.recorder.next_layer()) in self.recorder.layers:
                masked = scores <= torch.finfo(scores.dtype).min / 2
                self.recorder.scores[layer] = scores.masked_fill(masked, 0)
        return function(*arguments, **(named or {}))


def has_vectors(config: PretrainedConfig) -> bool:
    """Whether models of this family go through the interface, which alone gives queries, keys and values."""
    family = MODEL_MAPPING.get(type(config), None)
    family = family[0] if isinstance(family, tuple) else family  # Funnel's, with and without its decoder
    return family is None or family._can_set_attn_implementation()


def no_vectors(family: str) -> str:
    """What to say where they are wanted of a family that has none, and what to do instead."""
    attention = "attention, by a student with the teacher's number of heads, or " if family in SCORES_ONLY else ""
    return (
        f"relations: queries, keys and values of a {family} model cannot be captured; set relations to 0 and learn "
        f"from {attention}hidden only, or take a teacher of another architecture, such as {KNOWN}"
    )


def use_plain_attention(model: nn.Module) -> None:
    """Switch a model in which transformers would use torch's fused attention to `attend`."""
    for module in model.modules():
        if isinstance(module, PreTrainedModel) and module.config._attn_implementation == "sdpa":
            module.set_attn_implementation(PLAIN)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """For transformers' attention interface: `plain_attention`, or the fused one where it is faster and none listens.

    What the module's recorder wants of this layer, it is given. Arguments are `plain_attention`'s; the output is
    (examples, tokens, heads, width of a head).
    """
    recorder = getattr(module, "score_recorder", None)
    layer = recorder.next_layer() if recorder else 0
    if recorder and layer in recorder.vector_layers:
        recorder.vectors[layer] = tuple(each.transpose(1, 2).flatten(2) for each in (query, key, value))
    keeps = recorder if recorder and layer in recorder.layers else None
    if keeps or (query.device.type == "cpu" and key.shape[2] <= SHORT):
        output, scores = plain_attention(query, key, value, attention_mask, scaling, dropout)
        if keeps:
            keeps.scores[layer] = scores
            if kwargs.get("sliding_window") and attention_mask is not None:  # None: the window covers every text
                keeps.seen[layer] = attention_mask
        return output, None
    kwargs.pop("output_attentions", None)
    return sdpa_attention_forward(module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs)


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


AttentionInterface.register(PLAIN, attend)
AttentionMaskInterface.register(PLAIN, sdpa_mask)
