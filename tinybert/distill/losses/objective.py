"""The objective of a distillation phase: which signals of teacher and student are compared, and with what weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from tinybert.distill.losses.baselines import cls_loss, cosine_loss, masked_lm_loss, relation_loss, vocabulary_loss
from tinybert.distill.losses.paper import (
    attention_loss,
    hidden_loss,
    logits_mse,
    soft_binary_cross_entropy,
    soft_cross_entropy,
    soft_span_loss,
)
from tinybert.models.signals import SignalModel, Signals
from tinybert.tokens.encoding import TEACHER_LOGITS, model_inputs
from tinybert.tokens.masking import MASKED_LABELS, UNMASKED
from tinybert.train.loop.label_loss import label_loss

LAYER_LOSSES: dict[str, tuple[str, Callable[..., Tensor]]] = {
    "embedding": ("hidden", hidden_loss),
    "hidden": ("hidden", hidden_loss),
    "attention": ("scores", attention_loss),
    "relations": ("vectors", relation_loss),
    "cls": ("cls", lambda student, teacher, mask: cls_loss(student, teacher)),
    "cosine": ("states", cosine_loss),
}
"""How layers are compared: on which of `Signals`, and by which function of student, teacher, mask of real tokens."""
ONE_PAIR = {"embedding": (0, 0), "cosine": (-1, -1)}
"""Losses that don't follow the layer map: g(0) = 0 is the embedding layer, and −1 the last."""
MEAN_OF_LAYERS = ("cls",)
"""Losses whose weight is shared among the layers, as in PKD; that of all others is each layer's (equation 6)."""
RECORDED = ("attention", "relations")
"""Losses on what happens inside of attention, which has to be recorded."""


class DistillationObjective:
    """Equation 6: the weighted sum of the layers' losses, equation 11 saying which loss belongs to which layer.

    The terms are those of `ONE_PAIR`, `<loss>.<m>` for each mapped student layer m of the other `LAYER_LOSSES`, `mlm`
    and `vocabulary` at masked tokens, `logits`, `labels`.
    """

    def __init__(
        self,
        losses: Mapping[str, float],
        layer_pairs: Mapping[int, int],
        teacher: SignalModel | None,
        temperature: float = 1.0,
        relation_heads: int = 12,
        multilabel: bool = False,
    ) -> None:
        """
        Args:
            losses: weight by loss; one that is missing or 0 isn't computed.
            layer_pairs: student layer → teacher layer, from 1.
            teacher: in eval mode; None where neither a layer loss nor `vocabulary` is on.
            temperature: of the losses `logits` and `vocabulary`.
            relation_heads: of the loss `relations`; it divides both widths.
            multilabel: whether each of the logits is a choice of its own.
        """
        on = {name: weight for name, weight in losses.items() if weight}
        self.teacher, self.temperature, self.multilabel = teacher, temperature, multilabel
        self.weights: dict[str, float] = {}
        self.comparisons: dict[str, tuple[str, Callable[..., Tensor], int, int]] = {}  # signal, loss, m, g
        for name, weight in on.items():
            if name not in LAYER_LOSSES:
                self.weights[name] = weight
                continue
            signal, loss = LAYER_LOSSES[name]
            if name == "relations":
                loss = partial(loss, heads=relation_heads)
            mapped = {f"{name}.{m}": (m, g) for m, g in layer_pairs.items()}
            terms = {name: ONE_PAIR[name]} if name in ONE_PAIR else mapped
            self.comparisons |= {term: (signal, loss, m, g) for term, (m, g) in terms.items()}
            self.weights |= dict.fromkeys(terms, weight / len(terms) if name in MEAN_OF_LAYERS else weight)
        # The layers that student and teacher are asked for, by signal: those compared, and no others.
        self.of_student: dict[str, list[int]] = {}
        self.of_teacher: dict[str, list[int]] = {}
        for signal, _, m, g in self.comparisons.values():
            self.of_student.setdefault(signal, []).append(m)
            self.of_teacher.setdefault(signal, []).append(g)
        self.predicts = "logits" in on or "labels" in on
        self.masks = "mlm" in on or "vocabulary" in on

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        inputs, mask = model_inputs(batch), batch["attention_mask"]
        masked: Any = batch[MASKED_LABELS] != UNMASKED if self.masks else None
        teacher: Any = None
        if self.teacher is not None:  # before the student, so that what it needs for a moment is free again by then
            with torch.no_grad():
                predicted = masked if "vocabulary" in self.weights else None
                teacher = self.teacher(inputs, **self.of_teacher, masked=predicted)
        student = model(inputs, **self.of_student, logits=self.predicts, masked=masked)
        terms = {term: self._layer_loss(term, student, teacher, mask) for term in self.comparisons}
        if "mlm" in self.weights:
            terms["mlm"] = masked_lm_loss(student["vocabulary"], batch[MASKED_LABELS])
        if "vocabulary" in self.weights:
            logits = student["vocabulary"], teacher["vocabulary"]
            terms["vocabulary"] = vocabulary_loss(*logits, masked, self.temperature)
        if "logits" in self.weights:
            terms["logits"] = self._prediction_loss(student["logits"], batch[TEACHER_LOGITS], mask)
        if "labels" in self.weights:
            terms["labels"] = label_loss(student["logits"], batch["labels"], mask)
        return terms

    def _layer_loss(self, term: str, student: Signals, teacher: Signals, mask: Tensor) -> Tensor:
        signal, loss, m, g = self.comparisons[term]
        windows = (student["seen"].get(m), teacher["seen"].get(g)) if signal == "scores" else ()
        seen = (window for window in windows if window is not None)
        return loss(student[signal][m], teacher[signal][g], mask, *seen)  # type: ignore[literal-required]

    def _prediction_loss(self, student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
        """Which one it is shows in the logits: of starts and ends, of one number, or of classes.

        A multilabel task's may be of one label, which is no number.
        """
        if teacher.ndim == 3:
            return soft_span_loss(student, teacher, mask, self.temperature)
        if self.multilabel:
            return soft_binary_cross_entropy(student, teacher, self.temperature)
        if teacher.shape[-1] == 1:
            return logits_mse(student, teacher)
        return soft_cross_entropy(student, teacher, self.temperature)
