"""A masked language model whose head computes what a loss reads: the logits of the masked positions, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel


@contextmanager
def head_sees(model: PreTrainedModel, masked: Tensor | None) -> Iterator[None]:
    """While it lasts, `model` answers with logits (positions, vocabulary) of the positions where `masked` is true.

    The head's product with the vocabulary would otherwise be as costly as the whole trunk. Whatever a family calls its
    head and its parts, it takes the encoder's last hidden states and works on each position by itself.

    Args:
        masked: (examples, tokens); None leaves the model as it is.
    """
    if masked is None:
        yield
        return

    def select(module: nn.Module, inputs: Any, outputs: Any) -> Any:
        outputs.last_hidden_state = outputs.last_hidden_state[masked]
        return outputs

    hook = model.base_model.register_forward_hook(select)
    try:
        yield
    finally:
        hook.remove()
