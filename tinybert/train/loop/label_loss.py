"""The ordinary loss on the data's labels, of every kind of task: a teacher's whole objective, a student's at will."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from tinybert.models.signals import head_logits
from tinybert.tokens.encoding import model_inputs


def label_loss(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy for classes and for where answers are, squared error for numbers; in fp32.

    Args:
        logits: (examples, classes), (examples, 1) for regression, or of starts and ends (examples, 2, tokens).
        labels: class indices (examples,), probabilities of the classes, floats (examples, classes), numbers, floats
            (examples,), for regression, 0 and 1, integers, for each label of a multilabel task (examples, labels),
            whose cross-entropies are summed, or the places of an answer's first and last token (examples, 2), of whose
            cross-entropies over real tokens it is the mean.
        mask: 1 for a real token, 0 for padding, (examples, tokens); only an answer depends on it.
    """
    if logits.ndim == 3:
        return F.cross_entropy(real_tokens(logits, mask).flatten(0, 1), labels.flatten())
    if labels.ndim == 2 and not labels.is_floating_point():
        return F.binary_cross_entropy_with_logits(logits.float(), labels.float(), reduction="none").sum(-1).mean()
    if labels.ndim == 1 and labels.is_floating_point():
        return F.mse_loss(logits.float().squeeze(-1), labels.float())
    return F.cross_entropy(logits.float(), labels)


def real_tokens(logits: Tensor, mask: Tensor) -> Tensor:
    """Logits (examples, 2, tokens) in fp32 that give padding no probability; `mask` (examples, tokens) is 0 there."""
    # Half of the lowest number: what logits take from it in a softmax leaves it finite.
    return logits.float().masked_fill(mask[:, None, :] == 0, torch.finfo(torch.float32).min / 2)


class LabelObjective:
    """`label_loss` of a model's predictions, as `tinybert.train.loop.trainer` minimises it."""

    def __init__(self, weight: float = 1.0) -> None:
        self.weights = {"labels": weight}

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        logits = head_logits(model(**model_inputs(batch)))
        return {"labels": label_loss(logits, batch["labels"], batch["attention_mask"])}
