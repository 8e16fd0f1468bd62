"""Attention scores before softmax, and what they are made of, from any transformers encoder.

TinyBERT matches A = Q·Kᵀ/√d_k *before* softmax (paper, equation 7), while transformers' own `output_attentions` gives
the weights after softmax and dropout. Most families (BERT, RoBERTa, DistilBERT, ELECTRA, ALBERT and others) call
transformers' attention interface: the function registered here computes attention as usual and hands the scores of the
wanted layers to a recorder; all other layers take the fastest one. A family that computes its own attention
(MPNet, DeBERTa) is watched at its softmax instead. What is captured there is all that the softmax sees: MPNet's scores
with its relative position bias, DeBERTa's sum of content and position terms. From the interface the recorder also takes
the vectors that attention starts from, for the relation loss: queries, keys and values.
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

NAME, PLAIN = "tinybert_scores", "tinybert_plain"
"""Of the functions registered here: the one that hands out scores, and the one that is only fast."""
SHORT = 256
"""Tokens up to which it is taken: on longer texts it is hardly faster, and it keeps all pairs of tokens in memory."""
KNOWN = "BERT, RoBERTa, DistilBERT, ELECTRA or ALBERT"
"""Families of which both scores and vectors can be had, for messages."""
SCORES_ONLY = ("mpnet", "deberta", "deberta-v2")


class ScoreRecorder:
    """Keeps the attention scores, or the query, key and value vectors, of a model's layers during a forward pass.

    Layers are counted from 1 in the order in which the model computes them, so no name of a module is needed, and
    ALBERT's layers, which are one module called again and again, are told apart.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        """Switch `model` to recording attention.

        Raises:
            UserError: the model has no softmax of its own for each layer, and does not go through transformers'
                attention interface either; or it can't read a short text at all.
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
            layers = self._count_layers(model)
        except (ValueError, KeyError, RuntimeError):
            layers = 0
        family = model.config.model_type
        self._family, self._through_interface = family, bool(layers)
        if not layers:
            _OwnAttention(self).watch(model.base_model)
            try:
                layers = self._count_layers(model)
            except (ValueError, KeyError, RuntimeError) as error:
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                raise UserError(
                    f"a {family} model does not read a text of two tokens ({reason}), so its attention cannot be "
                    f"captured; take a teacher of another architecture, such as {KNOWN}"
                ) from None
        if layers != model.config.num_hidden_layers:
            raise UserError(
                f"neither attention scores nor queries, keys and values of a {family} model can be captured ({layers} "
                f"layers seen of {model.config.num_hidden_layers}); set the losses attention and relations to 0 and "
                f"learn from hidden, or take a teacher of another architecture, such as {KNOWN}"
            )

    def _count_layers(self, model: PreTrainedModel) -> int:
        """How many layers ask for their number in one pass."""
        self._calls = 0
        with torch.no_grad():
            model.base_model(input_ids=torch.ones(1, 2, dtype=torch.long, device=model.device))
        return self._calls

    def start(self, layers: Collection[int], vector_layers: Collection[int] = ()) -> None:
        """Begin a forward pass, and forget what was kept of the last one.

        Args:
            layers: those whose scores will be kept.
            vector_layers: those whose queries, keys and values will be kept, each (examples, tokens, width).

        Raises:
            UserError: vectors are wanted of a model that computes its own attention.
        """
        if vector_layers and not self._through_interface:
            raise UserError(no_vectors(self._family))
        self.layers = frozenset(layers)
        self.scores = {}
        self.vector_layers = frozenset(vector_layers)
        self.vectors = {}
        self._calls = 0

    def next_layer(self) -> int:
        self._calls += 1
        return self._calls


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
        return plain_or_fused(module, query, key, value, attention_mask, scaling, dropout, **kwargs)
    output, scores = plain_attention(query, key, value, attention_mask, scaling, dropout)
    recorder.scores[layer] = scores
    return output, scores


class _OwnAttention(TorchFunctionMode):
    """While it is on, the input of every softmax over pairs of tokens is a layer's scores.

    The model has added its mask to them by then; the scores of masked pairs are given as 0.
    """

    def __init__(self, recorder: ScoreRecorder) -> None:
        super().__init__()
        self.recorder = recorder

    def watch(self, model: nn.Module) -> None:
        """Be on during each forward pass of `model`, and off after it, be it finished or broken off."""

        def enter(*_: Any) -> None:
            self.__enter__()

        def leave(*_: Any) -> None:
            self.__exit__(None, None, None)

        model.register_forward_pre_hook(enter)
        model.register_forward_hook(leave, always_call=True)

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        if function in SOFTMAX and _is_square(scores := arguments[0]):
            layer = self.recorder.next_layer()
            if layer in self.recorder.layers:
                masked = scores <= torch.finfo(scores.dtype).min / 2
                self.recorder.scores[layer] = scores.masked_fill(masked, 0)
        return function(*arguments, **(named or {}))


SOFTMAX = (nn.functional.softmax, torch.softmax, Tensor.softmax)


def _is_square(scores: Tensor) -> bool:
    """Whether this has the shape (examples, heads, tokens, tokens)."""
    return scores.dim() == 4 and scores.shape[-1] == scores.shape[-2]


def use_plain_attention(model: nn.Module) -> None:
    """Switch a model in which transformers would use torch's fused attention to `plain_or_fused`."""
    for module in model.modules():
        if isinstance(module, PreTrainedModel) and module.config._attn_implementation == "sdpa":
            module.set_attn_implementation(PLAIN)


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


AttentionInterface.register(NAME, scores_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
AttentionInterface.register(PLAIN, plain_or_fused)
AttentionMaskInterface.register(PLAIN, sdpa_mask)
