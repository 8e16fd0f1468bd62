"""A head's last layer: its outputs in the order of the data's classes, by their names, or at its numbers' scale."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from tinybert.errors import UserError

UNNAMED = re.compile(r"LABEL_\d+")
"""transformers' own name for an output that nobody named."""


def match_labels(found: list[str], names: list[str], folder: Path) -> list[int]:
    """For each of the data's classes `names` the place of its name in `found`, those of the checkpoint's outputs.

    Case and spaces make no difference. UserError where they don't correspond one to one.
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
    """The names of a classifier's outputs in its own order: as the user says, of as many, or else its config."""
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


@contextmanager
def scaled_output(model: PreTrainedModel, targets: np.ndarray | None) -> Iterator[float]:
    """While it lasts, a regression's last layer computes (y − mean)/deviation of targets (rows,); the model answers y.

    A layer that starts at 0 can't get to numbers such as years in a few epochs: each step moves its bias by about the
    learning rate, and of squared errors far from 0 the gradients all point the same way. At the end mean and deviation
    are folded into the layer. One that was trained begins with what it answers; a new one, whose bias is 0, with the
    mean. The weights of a layer that is not to be trained stay as they are, to the byte; so does all of a model for a
    task of another kind, where targets are None.

    Yields:
        What a squared error is to be multiplied with to be that of the scaled numbers, 1/deviation²; else 1.
    """
    if targets is None:
        yield 1.0
        return
    mean, deviation = float(targets.mean()), float(targets.std()) or 1.0
    layer = output_layer(model)
    is_new, is_trained = not layer.bias.any(), layer.weight.requires_grad
    if is_trained and not is_new:
        _rescale(layer, 1 / deviation, -mean / deviation)
    if is_trained or is_new:  # in fp32 whatever the precision: bf16 has no number between 2000 and 2008
        hook = layer.register_forward_hook(lambda _, __, output: output.float() * deviation + mean)
    yield deviation**-2
    if is_trained or is_new:
        hook.remove()
    if is_trained:
        _rescale(layer, deviation, mean)


@torch.no_grad()
def _rescale(layer: nn.Linear, factor: float, shift: float) -> None:
    """Have a layer answer `factor · y + shift` where it answered y; computed in fp64, so that little is lost."""
    layer.weight.copy_(layer.weight.double() * factor)
    layer.bias.copy_(layer.bias.double() * factor + shift)


def answer_in_fp32(model: PreTrainedModel, exact: PreTrainedModel) -> None:
    """Give a model in lower precision the last layer of the same in fp32, so that it has a number for each year."""
    layer = output_layer(model).float()
    layer.load_state_dict(output_layer(exact).state_dict())
    layer.register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),))


def _plain(name: str) -> str:
    return "".join(name.casefold().replace("_", " ").split())
