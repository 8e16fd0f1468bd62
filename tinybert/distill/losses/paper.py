"""The losses of the paper, as pure functions of tensors.

Each is the mean over an example's real tokens (pairs of tokens and heads for attention), then over the examples, in
fp32. So a loss depends neither on padding nor on how examples are put into batches. A `mask`, (examples, tokens), is 1
for a real token and 0 for padding.
"""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from tinybert.train.loop.label_loss import real_tokens


def token_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Of values (examples, tokens): the mean over an example's real tokens, then over the examples.

    One without a real token counts 0.
    """
    return ((values * mask).sum(1) / mask.sum(1).clamp(min=1)).mean()


def hidden_loss(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error of hidden states, or of embeddings (equations 8 and 9).

    Args:
        student, teacher: at one width, (examples, tokens, width).
    """
    return token_mean((student.float() - teacher.float()).square().mean(-1), mask)


def attention_loss(student: Tensor, teacher: Tensor, mask: Tensor, *seen: Tensor) -> Tensor:
    """Mean squared error of attention scores before softmax, over heads and pairs of real tokens (equation 7).

    A pair outside of a local layer's window has a score that is never used, and doesn't count.

    Args:
        student, teacher: scores Q·Kᵀ/√d_k, (examples, heads, tokens, tokens).
        seen: of each of the two layers that is local, which pairs it sees, (examples, 1, tokens, tokens).
    """
    error = (student.float() - teacher.float()).square().mean(1)
    pairs = mask[:, :, None] * mask[:, None, :]
    for window in seen:
        pairs = pairs * window[:, 0]
    return ((error * pairs).sum((1, 2)) / pairs.sum((1, 2)).clamp(min=1)).mean()


def soft_cross_entropy(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of the student's softened prediction under the teacher's, times t² (equation 10).

    Summed over classes, averaged over examples: a mean over classes too would make the loss depend on their number.
    Softening divides the gradient by about t², which the factor takes back, so that mixed with other losses this one
    counts as much as its weight says (Hinton et al. 2015, section 2).

    Args:
        student, teacher: logits, (examples, classes).
        temperature: t; 1 is the paper's choice.
    """
    target = (teacher.float() / temperature).softmax(-1)
    return -(target * (student.float() / temperature).log_softmax(-1)).sum(-1).mean() * temperature**2


def soft_binary_cross_entropy(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """`soft_cross_entropy` of a multilabel task: each label is a choice of two, and the labels' losses are summed.

    Args:
        student, teacher: logits, (examples, labels), each of which goes through a sigmoid of its own.
    """
    target = (teacher.float() / temperature).sigmoid()
    student = student.float() / temperature
    return F.binary_cross_entropy_with_logits(student, target, reduction="none").sum(-1).mean() * temperature**2


def soft_span_loss(student: Tensor, teacher: Tensor, mask: Tensor, temperature: float) -> Tensor:
    """`soft_cross_entropy` of where an answer starts and of where it ends, over real tokens; the mean of the two.

    Args:
        student, teacher: logits of starts and of ends, (examples, 2, tokens).
    """
    # Divided first: a temperature below 1 would make padding's logits infinite, and the loss NaN.
    student, teacher = (real_tokens(logits.float() / temperature, mask).flatten(0, 1) for logits in (student, teacher))
    return soft_cross_entropy(student, teacher, 1.0) * temperature**2


def logits_mse(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared error of predictions, the prediction loss of regression; (examples, outputs) each."""
    return (student.float() - teacher.float()).square().mean()
