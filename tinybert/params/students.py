"""The table `students`: a task, the general student it starts from, and the two phases of task distillation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tinybert.params import defaults
from tinybert.params.architectures import LayerMap, Losses, RelationHeads
from tinybert.params.export import Export
from tinybert.params.table import Optimisation, Reference, Table, Weight


class PhaseLosses(Losses):
    """`logits` is equation 10, and `labels` the ordinary loss on the data's own labels."""

    logits: Weight = defaults.WEIGHT
    labels: Weight = defaults.WEIGHT


class Phase(Optimisation):
    """One phase of task distillation. Both phases have one schema, so every table of the paper is a preset."""

    data: Literal["original", "augmented"]
    epochs: int = Field(ge=0, description="0 passes the student through")
    layer_map: LayerMap = defaults.LAYER_MAP
    relation_heads: RelationHeads = defaults.RELATION_HEADS
    temperature: float = Field(
        defaults.TEMPERATURE, gt=0, le=100, description="t of equation 10; the loss is taken times t²"
    )
    losses: PhaseLosses

    @model_validator(mode="after")
    def _something_to_learn(self) -> Phase:
        if self.epochs:
            self.losses.require_one(unless="epochs")
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
    export: Export

    @model_validator(mode="after")
    def _head_is_fixed_in_between(self) -> Student:
        if self.intermediate.losses.logits or self.intermediate.losses.labels:
            raise ValueError("intermediate.losses: logits and labels belong to the prediction phase; set them to 0")
        return self
