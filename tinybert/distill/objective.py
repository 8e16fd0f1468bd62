"""The objective of a distillation phase: which signals of teacher and student are compared, and with what weight."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tinybert.distill.losses import (
    attention_loss,
    hidden_loss,
    label_loss,
    logits_mse,
    soft_binary_cross_entropy,
    soft_cross_entropy,
)
from tinybert.models.student import SignalModel
from tinybert.text.tokens import model_inputs

TEACHER_LOGITS = "teacher_logits"
"""The column of a data set that holds the teacher's logits, computed once."""


class DistillationObjective:
    """Equation 6: the weighted sum of the layers' losses, equation 11 saying which loss belongs to which layer.

    The terms are `embedding`, `hidden.<m>` and `attention.<m>` for each mapped student layer m, `logits`, `labels`.
    """

    def __init__(
        self,
        losses: Mapping[str, float],
        layer_pairs: Mapping[int, int],
        teacher: SignalModel | None,
        temperature: float = 1.0,
        multilabel: bool = False,
    ) -> None:
        """
        Args:
            losses: weight by loss; one that is missing or 0 isn't computed.
            layer_pairs: student layer → teacher layer, from 1.
            teacher: in eval mode; None where no layer loss is on.
            temperature: of the prediction loss.
            multilabel: whether each of the logits is a choice of its own.
        """
        on = {name: weight for name, weight in losses.items() if weight}
        self.teacher = teacher
        self.temperature = temperature
        self.soft_loss = soft_binary_cross_entropy if multilabel else soft_cross_entropy
        # Layer 0 is the embedding layer, and g(0) = 0.
        self.hidden = {0: 0} if "embedding" in on else {}
        if "hidden" in on:
            self.hidden |= layer_pairs
        self.scores = dict(layer_pairs) if "attention" in on else {}
        self.weights: dict[str, float] = {}
        for name, weight in on.items():
            layered = [f"{name}.{layer}" for layer in layer_pairs] if name in ("hidden", "attention") else [name]
            self.weights |= dict.fromkeys(layered, weight)
        self.predicts = "logits" in on or "labels" in on

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        inputs, mask = model_inputs(batch), batch["attention_mask"]
        student = model(inputs, hidden=tuple(self.hidden), scores=tuple(self.scores), logits=self.predicts)
        terms: dict[str, Tensor] = {}
        if self.teacher is not None:
            with torch.no_grad():
                teacher = self.teacher(
                    inputs, hidden=tuple(self.hidden.values()), scores=tuple(self.scores.values()), logits=False
                )
            for m, g in self.hidden.items():
                name = f"hidden.{m}" if m else "embedding"
                terms[name] = hidden_loss(student["hidden"][m], teacher["hidden"][g], mask)
            for m, g in self.scores.items():
                terms[f"attention.{m}"] = attention_loss(student["scores"][m], teacher["scores"][g], mask)
        if "logits" in self.weights:
            target = batch[TEACHER_LOGITS]
            regression = target.shape[-1] == 1
            terms["logits"] = (
                logits_mse(student["logits"], target)
                if regression
                else self.soft_loss(student["logits"], target, self.temperature)
            )
        if "labels" in self.weights:
            terms["labels"] = label_loss(student["logits"], batch["labels"])
        return terms
