"""A model in ONNX format, in fp32: batch and length of its inputs are free."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

OPSET = 17
SPANS = ("start_logits", "end_logits")
EXAMPLES = ["a text", "and another one, which is longer"]
"""What goes through the model while its operations are written down; nothing in the file depends on it."""


def write_onnx(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, file: Path) -> None:
    """Write a model with its head. In a classifier's last layer only what the head reads is computed.

    Args:
        model: loaded for eager attention, in fp32; it is changed, and not to be used any more.
        tokenizer: its own: the inputs of the file are those that it makes.
    """
    reads_all = model.config.architectures[0].endswith("QuestionAnswering")
    if not reads_all:
        read_first_token(model)
    batch = tokenizer(EXAMPLES, padding=True, return_tensors="pt")
    names, outputs = list(batch), SPANS if reads_all else ("logits",)
    axes = {name: {0: "batch", 1: "length"} for name in (*names, *(SPANS if reads_all else ()))}
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's, on constants that are meant
        torch.onnx.export(
            _Outputs(model, names, outputs).eval(),
            tuple(batch.values()),
            file,
            input_names=names,
            output_names=list(outputs),
            dynamic_axes={"logits": {0: "batch"}} | axes,
            opset_version=OPSET,
            dynamo=False,
        )


class _Outputs(nn.Module):
    """Tensors in and tensors out, by place: what the exporter understands."""

    def __init__(self, model: PreTrainedModel, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        super().__init__()
        self.model, self.inputs, self.outputs = model, inputs, outputs

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        said = self.model(**dict(zip(self.inputs, tensors, strict=True)))
        return tuple(said[name] for name in self.outputs)


def read_first_token(model: PreTrainedModel) -> bool:
    """Let the last layer compute the first token alone, which is all that a classifier's head reads; whether it does.

    Its attention becomes the family's cross-attention, with the same weights: from the first token to all of them.
    Families that have none (DistilBERT, MPNet, ALBERT, DeBERTa), or would have it read states that their self-attention
    normalises first, stay as they are.
    """
    layers = getattr(getattr(model.base_model, "encoder", None), "layer", None)
    attention: Any = getattr(layers[-1], "attention", None) if layers else None
    own: Any = getattr(attention, "self", None)
    name = type(own).__name__.replace("SelfAttention", "CrossAttention")
    crossing = getattr(import_module(type(own).__module__), name, None)
    normed = any(isinstance(child, nn.LayerNorm) for child in attention.children()) if attention else False
    if crossing is None or crossing is type(own) or normed:
        return False
    cross = crossing(model.config, is_causal=False, layer_idx=own.layer_idx).eval()
    cross.load_state_dict(own.state_dict())
    attention.self, attention.is_cross_attention = cross, True

    def first(_: nn.Module, inputs: tuple[Tensor, ...], others: dict[str, Any]) -> tuple[tuple[Tensor], dict[str, Any]]:
        hidden, mask = inputs
        return (hidden[:, :1],), others | {"encoder_hidden_states": hidden, "encoder_attention_mask": mask[:, :, :1]}

    attention.register_forward_pre_hook(first, with_kwargs=True)
    return True
