"""The table `tasks`: a task's data, its teacher, its masked language model and its augmentation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tinybert.errors import suggest
from tinybert.params.glue import GLUE, submitted_labels
from tinybert.params.rows import SPAN_KEYS, Columns, Label, Split
from tinybert.params.table import Optimisation, Reference, Seed, Table

METRICS = {
    "classification": ("accuracy", "f1", "matthews"),
    "multilabel": ("f1_micro", "f1_macro", "subset_accuracy", "label_accuracy"),
    "regression": ("pearson", "spearman"),
    "span": ("span_f1", "exact_match"),
}
"""By type; no name belongs to two, so that a metric says what its task is."""

QUESTION_ROOM = 24
"""Tokens of a window that are left, at least, to question and special tokens."""

TaskType = Literal["classification", "multilabel", "regression", "span"]


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
    seed: Seed | None = Field(None, description="this run's own seed, in place of the one at the top")


class Task(Table):
    """Every key stands in every entry: DVC tracks them one by one, and sees the YAML, not our defaults."""

    source: Reference = Field(description="a key of downloads or files, of kind table")
    type: TaskType
    columns: Columns = Field(description="names of the columns where the file has no header, else null")
    text: list[str] = Field(min_length=1, max_length=2, description="one column, or two for pairs")
    label: Label
    split: Split
    metric: str
    max_length: int = Field(ge=8, description="tokens of an example (a window for span), [CLS] and [SEP] among them")
    teacher: Teacher
    mlm: MaskedLanguageModel
    augment: Augment

    @model_validator(mode="after")
    def _agree(self) -> Task:
        if self.metric not in METRICS[self.type]:
            raise ValueError(
                f"metric: expected one of {', '.join(METRICS[self.type])} for {self.type}, found {self.metric!r}"
            )
        if len(set(self.text)) != len(self.text):
            raise ValueError(f"text: expected columns that differ from each other, found {self.text}")
        self._label_fits()
        self._span_fits()
        for file, columns in self._named_columns().items():
            labelled = file not in self.split.unlabelled.values()
            label = "label.column" if self.label.columns is None else "label.columns"
            needed = [("text", column) for column in self.text]
            needed += [(label, column) for column in self.label.read_columns if labelled]
            for key, column in needed:
                if column not in columns:
                    of_file = f" of {file}" if file else ""
                    raise ValueError(f"{key}: there is no {column!r} in columns{of_file}{suggest(column, columns)}")
        return self

    @model_validator(mode="after")
    def _can_be_submitted(self) -> Task:
        for name in self.split.unlabelled:
            kind = "regression" if name in GLUE and GLUE[name] is None else "classification"
            if name in GLUE and self.type != kind:
                raise ValueError(f"split.unlabelled: {name} is submitted by a task of type {kind}, found {self.type}")
            if self.label.names is not None:
                try:
                    submitted_labels(name, self.label.names, self.label.written)
                except ValueError as error:
                    raise ValueError(f"label.names: {error}") from None
        return self

    def columns_of(self, file: str) -> list[str] | None:
        """Names for the columns of a file, None where its first line has them."""
        return self.columns.get(file) if isinstance(self.columns, dict) else self.columns

    def _label_fits(self) -> None:
        label = self.label
        if self.type == "regression" and (label.names or label.values or label.threshold is not None):
            raise ValueError("label: a regression task has neither names nor a threshold; remove them")
        if self.type == "multilabel" and label.threshold is not None:
            raise ValueError("label.threshold: a multilabel row has several labels; remove it")
        for key in ("columns", "separator"):
            if self.type != "multilabel" and getattr(label, key) is not None:
                raise ValueError(f"label.{key}: it is of type multilabel, found {self.type}; change type, or remove it")

    def _span_fits(self) -> None:
        label = self.label
        for key in SPAN_KEYS:
            if self.type != "span" and getattr(label, key) is not None:
                raise ValueError(f"label.{key}: it is of type span, found {self.type}; change type, or remove it")
        if self.type != "span":
            return
        if len(self.text) != 2:
            raise ValueError(f"text: expected two columns, as in [question, context], found {self.text}")
        if self.columns is not None:
            raise ValueError("columns: files of questions name their columns themselves; set columns: null")
        for key in ("separator", "quotes"):
            if getattr(self.split, key) is not None:
                raise ValueError(f"split.{key}: files of questions are JSON; remove it")
        for key in ("columns", "names", "values", "threshold"):
            if getattr(label, key) is not None:
                raise ValueError(f"label.{key}: answers have no classes; remove it")
        if label.drop:
            raise ValueError("label.drop: answers have no classes; remove it")
        if label.stride is None:
            raise ValueError("label.stride: this key is missing; add it (128 is usual for a max_length of 384)")
        if label.stride > self.max_length - QUESTION_ROOM:
            raise ValueError(
                f"label.stride: expected at most {self.max_length - QUESTION_ROOM}, which leaves room for a question "
                f"in a window of max_length {self.max_length}, found {label.stride}"
            )

    def _named_columns(self) -> dict[str, list[str]]:
        """Names of columns by file, one `""` for all of them."""
        if not isinstance(self.columns, dict):
            return {} if self.columns is None else {"": self.columns}
        files = [*self.split.labelled.values(), *self.split.unlabelled.values()]
        for file in self.columns:
            if file not in files:
                raise ValueError(f"columns: there is no {file!r} in split{suggest(file, files)}")
        return self.columns
