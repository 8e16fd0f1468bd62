"""The table `general`: students distilled once from a corpus, with no label in sight."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, model_validator

from tinybert.params.architectures import AnyArchitecture, LayerMap, RelationHeads, relations_misfit
from tinybert.params.table import Optimisation, Reference, Table, Weight

Epochs = Annotated[
    float,
    Field(ge=0, allow_inf_nan=False),
    PlainSerializer(lambda epochs: int(epochs) if epochs == int(epochs) else epochs),  # a whole number stays one
]


class GeneralLosses(Table):
    """Weights λ of equation 6, and of other papers' losses. Every weight is 0 where it isn't given.

    There is no prediction loss in the general phase (paper, section 3). `relations` is MiniLMv2's loss, `cls` is
    PKD's, and `mlm`, `vocabulary` and `cosine` are DistilBERT's, whose weights are 2, 5 and 1.
    """

    embedding: Weight = 0.0
    hidden: Weight = 0.0
    attention: Weight = 0.0
    relations: Weight = 0.0
    cls: Weight = 0.0
    mlm: Weight = 0.0
    vocabulary: Weight = 0.0
    cosine: Weight = 0.0


class GeneralTraining(Optimisation):
    epochs: Epochs = Field(
        description="0 passes the initial student through; 0.5 reads half of the corpus, blocks drawn by the seed"
    )
    max_length: int = Field(ge=8, description="tokens in a block, [CLS] and [SEP] among them")


class General(Table):
    """A general student: general distillation, section 3 of the paper.

    `initialise` says where the student's first weights come from:

    - `random`, as in the paper;
    - `teacher-svd`: the teacher's embeddings, brought to the student's width;
    - `teacher-pruned`: the teacher's embeddings and layers, cut to the student's width, for teachers laid out as BERT;
    - `teacher-lower`, `teacher-spread`: the teacher's embeddings and its lower layers, or layers spread over all of it;
    - `start`: the model that the key `start` names, an existing student.
    """

    corpus: Reference = Field(description="a key of downloads or files, of kind corpus")
    teacher: Reference = Field(description="a key of downloads or files, of kind model")
    start: Reference = Field(description="the same key as teacher; or, with initialise: start, that of a student")
    architecture: AnyArchitecture
    initialise: Literal["random", "teacher-svd", "teacher-pruned", "teacher-lower", "teacher-spread", "start"]
    layer_map: LayerMap = "uniform"
    relation_heads: RelationHeads = 12
    temperature: float = Field(2.0, gt=0, le=100, description="of the loss vocabulary; 2 is DistilBERT's")
    losses: GeneralLosses
    train: GeneralTraining

    @model_validator(mode="after")
    def _agree(self) -> General:
        if self.train.epochs and not any(self.losses.model_dump().values()):
            raise ValueError("losses: every weight is 0, so there is nothing to learn; set one, or train.epochs: 0")
        if self.losses.relations and (problem := relations_misfit(self.relation_heads, self.architecture.hidden)):
            raise ValueError(f"relation_heads: {problem}")
        return self
