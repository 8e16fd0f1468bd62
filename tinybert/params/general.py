"""The table `general`: students distilled once from a corpus, with no label in sight."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tinybert.params.models import AnyArchitecture, LayerMap
from tinybert.params.table import Optimisation, Reference, Table, Weight


class GeneralLosses(Table):
    """Weights λ of equation 6. There is no prediction loss in the general phase (paper, section 3)."""

    embedding: Weight = 0.0
    hidden: Weight = 0.0
    attention: Weight = 0.0


class GeneralTraining(Optimisation):
    epochs: int = Field(ge=0, description="0 passes the initial student through")
    max_length: int = Field(ge=8, description="tokens in a block, [CLS] and [SEP] among them")


class General(Table):
    """A general student: general distillation, section 3 of the paper."""

    corpus: Reference = Field(description="a key of downloads or files, of kind corpus")
    teacher: Reference = Field(description="a key of downloads or files, of kind model")
    architecture: AnyArchitecture
    initialise: Literal["random", "teacher-svd"]
    layer_map: LayerMap = "uniform"
    losses: GeneralLosses
    train: GeneralTraining
