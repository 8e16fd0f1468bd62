"""The table `students`: a task, the general student it starts from, and the two phases of task distillation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tinybert.params.architectures import LayerMap, RelationHeads
from tinybert.params.table import Optimisation, Reference, Table, Weight


class PhaseLosses(Table):
    """Weights λ of equation 6, and `labels`, the ordinary loss on the data's own labels.

    `relations` is MiniLMv2's loss and `cls` is PKD's, the mean over its layers.
    """

    embedding: Weight = 0.0
    hidden: Weight = 0.0
    attention: Weight = 0.0
    relations: Weight = 0.0
    cls: Weight = 0.0
    logits: Weight = 0.0
    labels: Weight = 0.0


class Phase(Optimisation):
    """One phase of task distillation. Both phases have one schema, so every table of the paper is a preset."""

    data: Literal["original", "augmented"]
    epochs: int = Field(ge=0, description="0 passes the student through")
    layer_map: LayerMap = "uniform"
    relation_heads: RelationHeads = 12
    temperature: float = Field(1.0, gt=0, le=100, description="t of equation 10; the loss is taken times t²")
    losses: PhaseLosses

    @model_validator(mode="after")
    def _something_to_learn(self) -> Phase:
        if self.epochs and not any(self.losses.model_dump().values()):
            raise ValueError("losses: every weight is 0, so there is nothing to learn; set one, or epochs: 0")
        return self


class Student(Table):
    """Students of one task with one `variant` and different seeds are one row of the report's table of variants."""

    task: Reference = Field(description="a key of tasks")
    general: Reference = Field(description="a key of general")
    variant: str | None = Field(
        None, min_length=1, description="its row in the tables of variants, as in `tinybert.report.published`"
    )
    intermediate: Phase
    prediction: Phase

    @model_validator(mode="after")
    def _head_is_fixed_in_between(self) -> Student:
        losses = self.intermediate.losses
        if losses.logits or losses.labels:
            raise ValueError(
                "intermediate.losses: logits and labels belong to the prediction phase; set them to 0 here"
            )
        return self
