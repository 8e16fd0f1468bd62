"""A fine-tuned checkpoint's outputs put into the order of the data's classes: by their names, never by position."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from tinybert.errors import UserError

UNNAMED = re.compile(r"LABEL_\d+")
"""transformers' own name for an output that nobody named."""


def match_labels(found: list[str], names: list[str], folder: Path) -> list[int]:
    """For each class of the data the checkpoint's output of that name; case and spaces make no difference.

    Args:
        found: names of the checkpoint's outputs, in its order.
        names: of the data's classes, in their order.

    Raises:
        UserError: the names don't correspond one to one.
    """
    for key in (str, _plain):
        ours, theirs = [key(name) for name in names], [key(name) for name in found]
        if len(set(theirs)) == len(theirs) and sorted(ours) == sorted(theirs):
            return [theirs.index(name) for name in ours]
    if any(UNNAMED.fullmatch(name) for name in found):
        raise UserError(
            f"{folder}: its config.json does not say what its outputs mean ({', '.join(found)}); set teacher.labels to "
            f"their names in the checkpoint's order, of the data's classes {', '.join(names)}"
        )
    raise UserError(
        f"{folder}: its outputs are {', '.join(found)}, the data's classes {', '.join(names)}; set label.names or "
        f"teacher.labels so that they are the same names, or teacher.epochs above 0 to fine-tune a new head"
    )


def output_names(model: PreTrainedModel, labels: list[str] | None, folder: Path) -> list[str]:
    """The names of a classifier's outputs in its own order: the user's, or those of its config.

    Raises:
        UserError: the user named more of them or fewer.
    """
    outputs = model.config.num_labels
    if labels is None:
        return [str(model.config.id2label[index]) for index in range(outputs)]
    if len(labels) != outputs:
        raise UserError(f"{folder}: teacher.labels names {len(labels)} outputs, this checkpoint has {outputs}")
    return labels


@torch.no_grad()
def reorder_outputs(model: PreTrainedModel, order: list[int]) -> None:
    """Put a classifier's outputs into another order: output i is to be what output `order[i]` was."""
    layer = output_layer(model)
    layer.weight.copy_(layer.weight[order].clone())
    if layer.bias is not None:
        layer.bias.copy_(layer.bias[order].clone())


@torch.no_grad()
def draw_output_layer(model: PreTrainedModel) -> None:
    """Forget what a classifier's outputs mean: its last layer as it is before any fine-tuning."""
    layer = output_layer(model)
    nn.init.normal_(layer.weight, std=getattr(model.config, "initializer_range", 0.02))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def output_layer(model: PreTrainedModel) -> nn.Linear:
    """The layer that gives a classifier's logits: the last one behind the encoder that has as many outputs."""
    trunk = set(model.base_model.modules())
    return [
        module
        for module in model.modules()
        if isinstance(module, nn.Linear) and module not in trunk and module.out_features == model.config.num_labels
    ][-1]


def _plain(name: str) -> str:
    return "".join(name.casefold().replace("_", " ").split())
