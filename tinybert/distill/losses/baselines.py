"""The losses of other papers, as pure functions of tensors, for baselines beside TinyBERT and mixtures with it.

As in `paper`, each is the mean over an example's tokens, then over the examples, in fp32, independent of padding.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from tinybert.distill.losses.paper import token_mean
from tinybert.tokens.masking import UNMASKED


def relation_loss(student: Sequence[Tensor], teacher: Sequence[Tensor], mask: Tensor, heads: int) -> Tensor:
    """MiniLMv2's loss: relations among queries, among keys and among values (Wang et al. 2021, arXiv 2012.15828).

    The vectors of all attention heads are put side by side and cut into `heads` relation heads, so neither numbers of
    heads nor widths of the two models have to agree. A relation is a token's distribution over the real tokens:
    softmax(V·Vᵀ/√d_r). The loss is KL(teacher ‖ student), averaged over relation heads and real tokens, summed over
    queries, keys and values. MiniLMv2 itself compares one pair of layers: the student's last, and the last of a base
    teacher or one some layers below the last of a large one.

    Args:
        student, teacher: queries, keys and values, each (examples, tokens, width); `heads` divides both widths.
    """
    total = torch.zeros((), device=mask.device)
    for of_student, of_teacher in zip(student, teacher, strict=True):
        log_p, log_q = _log_relations(of_teacher, mask, heads), _log_relations(of_student, mask, heads)
        divergence = (log_p.exp() * (log_p - log_q)).sum(-1).mean(1)
        total = total + token_mean(divergence, mask)
    return total


def _log_relations(vectors: Tensor, mask: Tensor, heads: int) -> Tensor:
    """Log-probabilities (examples, heads, tokens, tokens) that no padding takes part in."""
    parts = vectors.float().unflatten(-1, (heads, -1)).transpose(1, 2)
    scores = parts @ parts.transpose(-1, -2) / parts.shape[-1] ** 0.5
    padding = (mask == 0)[:, None, None, :]
    return scores.masked_fill(padding, torch.finfo(scores.dtype).min).log_softmax(-1)


def cls_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """PKD's loss: squared distance of the normalised states of [CLS] (Sun et al. 2019, arXiv 1908.09355, equation 7).

    The mean over the width, as in its authors' code, on whose scale they searched its weight β from 10 to 1000; their
    equation has the sum. PKD's students are as wide as their teachers; others take part through the hidden loss's
    projection.

    Args:
        student, teacher: states of the first token, at one width, (examples, width).
    """
    return (F.normalize(student.float(), dim=-1) - F.normalize(teacher.float(), dim=-1)).square().mean()


def cosine_loss(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """1 − the cosine of hidden states (examples, tokens, width), DistilBERT's of the last ones (Sanh et al. 2019)."""
    return token_mean(1 - F.cosine_similarity(student.float(), teacher.float(), dim=-1), mask)


def masked_lm_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The loss of masked-language modelling: cross-entropy with the tokens that were masked.

    Args:
        logits: of the masked positions, in their order, (positions, vocabulary).
        labels: the tokens there, `UNMASKED` everywhere else, (examples, tokens).
    """
    masked = labels != UNMASKED
    return _mean(F.cross_entropy(logits.float(), labels[masked], reduction="none"), masked)


def vocabulary_loss(student: Tensor, teacher: Tensor, masked: Tensor, temperature: float) -> Tensor:
    """Soft cross-entropy of the predictions at the masked positions, times t² (Sanh et al. 2019, arXiv 1910.01108).

    DistilBERT has t = 2, and t² keeps the gradient's size from changing with it (Hinton et al. 2015). Its published
    code minimises the KL divergence, which has the same gradient, over every real token unless told to keep to the
    masked ones; at the others the teacher mostly repeats its input, at the cost of several times as many logits.

    Args:
        student, teacher: logits of the masked positions, in their order, (positions, vocabulary).
        masked: which positions those are, (examples, tokens).
    """
    target = (teacher.float() / temperature).softmax(-1)
    entropy = -(target * (student.float() / temperature).log_softmax(-1)).sum(-1)
    return _mean(entropy, masked) * temperature**2


def _mean(values: Tensor, masked: Tensor) -> Tensor:
    """Mean over an example's masked positions, then over the examples; `values` are in the order of the positions."""
    share = (1 / masked.sum(1, keepdim=True)).expand(masked.shape)[masked]
    return (values * share).sum() / len(masked)
