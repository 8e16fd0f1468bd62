"""The table `tasks`: a task's data, its teacher, its masked language model and its augmentation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from tinybert.errors import suggest
from tinybert.params.table import Optimisation, Rate, Reference, Table

METRICS = {
    "classification": ("accuracy", "f1", "matthews"),
    "regression": ("pearson", "spearman"),
}

TaskType = Literal["classification", "regression"]


def _cell(value: Any) -> str | float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"expected text or a number, found {value!r}")
    return value


Cell = Annotated[str | float, PlainValidator(_cell), WithJsonSchema({"type": ["string", "number"]})]


class Label(Table):
    """Where a row's label stands: in a column, or on which side of a threshold a number in a column is."""

    column: str
    threshold: float | None = Field(
        None, allow_inf_nan=False, description="above it is the second of names, else the first"
    )
    drop: list[Cell] = Field([], description="rows with one of these values in the column are left out")
    names: list[str] | None = Field(
        None, min_length=2, description="of the classes, in order; null takes them from the data, sorted"
    )

    @model_validator(mode="after")
    def _names_fit(self) -> Label:
        if self.threshold is not None and (self.names is None or len(self.names) != 2):
            raise ValueError(f"names: a threshold needs two, as in [negative, positive], found {self.names}")
        if self.names is not None and len(set(self.names)) != len(self.names):
            raise ValueError(f"names: expected names that differ from each other, found {self.names}")
        return self


class Split(Table):
    """Fractions of the rows, drawn with a seed of the split's own, so that another training seed keeps the test set."""

    test: Rate = Field(gt=0)
    validation: Rate = Field(gt=0)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _leave_training_rows(self) -> Split:
        if self.test + self.validation >= 1:
            raise ValueError(
                f"test and validation leave no training rows: {self.test} + {self.validation} is not below 1"
            )
        return self


class Teacher(Optimisation):
    """Fine-tuning of the task's teacher; the best epoch on the validation split is kept."""

    source: Reference = Field(alias="from", description="a key of downloads or files, of kind model")
    epochs: int = Field(ge=0, description="0 takes an already fine-tuned teacher as it is")
    labels: list[str] | None = Field(
        None, description="names of a fine-tuned teacher's outputs in its order; null takes those of its config.json"
    )
    above_chance: bool = Field(True, description="refuse a teacher that scores no better than chance on validation")


class MaskedLanguageModel(Optimisation):
    """Training of a masked language model on the corpus and the task's training text, for the augmentation."""

    source: Reference = Field(alias="from", description="a key of downloads or files, of kind model")
    corpus: Reference = Field(description="a key of downloads or files, of kind corpus")
    steps: int = Field(ge=0, description="0 takes a checkpoint that has its masked-language head as it is")
    mask: float = Field(0.15, gt=0, lt=1, description="the fraction of tokens to predict")


class Augment(Table):
    """Algorithm 1 of the paper: N_a copies, p_t probability, K candidates."""

    copies: int = Field(ge=0, description="N_a, of each sentence; 0 passes the original data through")
    probability: float = Field(0.4, ge=0, le=1, description="p_t, of a word to be replaced")
    candidates: int = Field(15, ge=1, description="K, the words to choose the replacement from")
    vectors: Reference = Field(description="a key of downloads or files, of kind vectors")
    vocabulary: int = Field(100_000, ge=1, description="only the first so many words of the vectors are used")
    batch_size: int = Field(32, ge=1, description="sentences in one pass of the masked language model")
    seed: int | None = Field(None, ge=0, description="this run's own seed, in place of the one at the top")


class Task(Table):
    """Every key stands in every entry: DVC tracks them one by one, and sees the YAML, not our defaults."""

    source: Reference = Field(description="a key of downloads or files, of kind table")
    type: TaskType
    columns: list[str] | None = Field(description="names of the columns where the file has no header, else null")
    text: list[str] = Field(min_length=1, max_length=2, description="one column, or two for pairs")
    label: Label
    split: Split
    metric: str
    max_length: int = Field(ge=8, description="tokens of an example, [CLS] and [SEP] among them")
    teacher: Teacher
    mlm: MaskedLanguageModel
    augment: Augment

    @model_validator(mode="after")
    def _agree(self) -> Task:
        if self.metric not in METRICS[self.type]:
            raise ValueError(
                f"metric: expected one of {', '.join(METRICS[self.type])} for {self.type}, found {self.metric!r}"
            )
        if self.type == "regression" and (self.label.names or self.label.threshold is not None):
            raise ValueError("label: a regression task has neither names nor a threshold; remove them")
        if self.columns is not None:
            for key, column in (*(("text", column) for column in self.text), ("label.column", self.label.column)):
                if column not in self.columns:
                    raise ValueError(f"{key}: there is no {column!r} in columns{suggest(column, self.columns)}")
        return self
