"""Logits of where answers start and where they end, and the loss on where they do."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor


def head_logits(outputs: Any) -> Tensor:
    """A head's logits as one tensor: (examples, classes), or of starts and ends (examples, 2, tokens)."""
    if "start_logits" in outputs:
        return torch.stack((outputs.start_logits, outputs.end_logits), dim=1)
    return outputs.logits


def real_tokens(logits: Tensor, mask: Tensor) -> Tensor:
    """Logits (examples, 2, tokens) in fp32 that give padding no probability; `mask` (examples, tokens) is 0 there."""
    # Half of the lowest number: what logits take from it in a softmax leaves it finite.
    return logits.float().masked_fill(mask[:, None, :] == 0, torch.finfo(torch.float32).min / 2)


def span_loss(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy of an answer's first and last token over real tokens; the mean of the two.

    Args:
        logits: of starts and ends, (examples, 2, tokens).
        labels: the two tokens' places, (examples, 2).
    """
    return F.cross_entropy(real_tokens(logits, mask).flatten(0, 1), labels.flatten())
