"""The table `general`: students distilled once from a corpus, with no label in sight."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, model_validator

from tinybert.params import defaults
from tinybert.params.architectures import AnyArchitecture, LayerMap, Losses, RelationHeads, relations_misfit
from tinybert.params.table import Optimisation, Reference, Table, Weight

Epochs = Annotated[
    float,
    Field(ge=0, allow_inf_nan=False),
    PlainSerializer(lambda epochs: int(epochs) if epochs == int(epochs) else epochs),  # a whole number stays one
]


class GeneralLosses(Losses):
    """`mlm`, `vocabulary` and `cosine` are DistilBERT's, whose weights are 2, 5 and 1.

    There is no prediction loss in the general phase (paper, section 3).
    """

    mlm: Weight = defaults.WEIGHT
    vocabulary: Weight = defaults.WEIGHT
    cosine: Weight = defaults.WEIGHT

    @property
    def masks(self) -> bool:
        """Whether the student predicts tokens that are masked."""
        return bool(self.mlm or self.vocabulary)


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
    - `teacher-pruned`: the teacher's embeddings and layers, cut to the student's width (not ALBERT's, and of
      DeBERTa's only v3's);
    - `teacher-lower`, `teacher-spread`: the teacher's embeddings and its lower layers, or layers spread over all of it;
    - `start`: the model that the key `start` names: an existing student, or a small encoder that is pretrained already,
      of any family, whose shape is the architecture and whose tokenizer is the teacher's.
    """

    corpus: Reference = Field(description="a key of downloads or files, of kind corpus")
    teacher: Reference = Field(description="a key of downloads or files, of kind model")
    start: Reference = Field(description="the same key as teacher; or, with initialise: start, that of a student")
    architecture: AnyArchitecture
    initialise: Literal["random", "teacher-svd", "teacher-pruned", "teacher-lower", "teacher-spread", "start"]
    layer_map: LayerMap = defaults.LAYER_MAP
    relation_heads: RelationHeads = defaults.RELATION_HEADS
    temperature: float = Field(
        defaults.VOCABULARY_TEMPERATURE, gt=0, le=100, description="of the loss vocabulary; 2 is DistilBERT's"
    )
    losses: GeneralLosses
    train: GeneralTraining

    @model_validator(mode="after")
    def _agree(self) -> General:
        if self.train.epochs:
            self.losses.require_one(unless="train.epochs")
        if self.losses.relations and (problem := relations_misfit(self.relation_heads, self.architecture.hidden)):
            raise ValueError(f"relation_heads: {problem}")
        return self
