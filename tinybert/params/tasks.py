"""The table `tasks`: a task's data, its teacher, its masked language model and its augmentation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tinybert.errors import suggest
from tinybert.params import defaults
from tinybert.params.export import Export
from tinybert.params.glue import GLUE, submitted_labels
from tinybert.params.rows import Columns, Label, Split
from tinybert.params.table import Optimisation, Reference, Seed, Table, differ, refuse

METRICS = {
    "classification": ("accuracy", "f1", "matthews"),
    "multilabel": ("f1_micro", "f1_macro", "subset_accuracy", "label_accuracy"),
    "regression": ("pearson", "spearman"),
    "span": ("span_f1", "exact_match"),
}
"""By type; no name belongs to two, so that a metric says what its task is."""

LABEL_KEYS = {
    "classification": ["threshold"],
    "multilabel": ["columns", "separator"],
    "span": ["stride", "longest_answer", "no_answer"],
}
"""Of a label, what belongs to tasks of one type only."""

QUESTION_ROOM = 24
"""Tokens of a window that are left, at least, to question and special tokens."""

TaskType = Literal["classification", "multilabel", "regression", "span"]


class Teacher(Optimisation):
    """Fine-tuning of the task's teacher; the best epoch on the validation split is kept."""

    source: Reference = Field(alias="from", description="a key of downloads or files, of kind model")
    epochs: int = Field(ge=0, description="0 takes an already fine-tuned teacher as it is")
    labels: list[str] | None = Field(None, description="names of its outputs; null takes those of its config.json")


class MaskedLanguageModel(Optimisation):
    """Training of a masked language model on the corpus and the task's training text, for the augmentation."""

    source: Reference = Field(alias="from", description="a key of downloads or files, of kind model")
    corpus: Reference = Field(description="a key of downloads or files, of kind corpus")
    steps: int = Field(ge=0, description="0 takes a checkpoint that has its masked-language head as it is")
    mask: float = Field(defaults.MASKED, gt=0, lt=1, description="the fraction of tokens to predict")


class Augment(Table):
    """Algorithm 1 of the paper: N_a copies, p_t probability, K candidates."""

    copies: int = Field(ge=0, description="N_a, of each sentence; 0 passes the original data through")
    probability: float = Field(defaults.PROBABILITY, ge=0, le=1, description="p_t, of a word to be replaced")
    candidates: int = Field(defaults.CANDIDATES, ge=1, description="K, the words to choose the replacement from")
    vectors: Reference = Field(description="a key of downloads or files, of kind vectors")
    vocabulary: int = Field(defaults.VOCABULARY, ge=1, description="the words of the vectors that are used")
    batch_size: int = Field(defaults.BATCH_SIZE, ge=1, description="sentences in one pass of the masked language model")
    context: Literal["current", "original"] = Field(
        defaults.CONTEXT,
        description="what that model sees: the copy as it is by then, as in the paper, or the original",
    )
    masks_per_pass: int = Field(
        defaults.MASKS_PER_PASS, ge=1, description="with context: original, of words at least six tokens apart"
    )
    seed: Seed | None = Field(None, description="this run's own seed, in place of the one at the top")

    @model_validator(mode="after")
    def _agree(self) -> Augment:
        if self.masks_per_pass > 1 and self.context == "current":
            raise ValueError("masks_per_pass: a copy asks for one word after the other; set context: original, or 1")
        return self


class Task(Table):
    """Every key that DVC tracks stands in every entry, since DVC sees the YAML and not our defaults."""

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
    export: Export = Field(description="of the teacher, which the student has to beat")
    above_chance: bool = Field(defaults.ABOVE_CHANCE, description="refuse a teacher that is no better than chance")

    @model_validator(mode="after")
    def _agree(self) -> Task:
        if self.metric not in METRICS[self.type]:
            metrics = ", ".join(METRICS[self.type])
            raise ValueError(f"metric: expected one of {metrics} for {self.type}, found {self.metric!r}")
        differ("text", self.text)
        self._label_fits()
        if self.type == "span":
            self._span_fits()
        self._columns_are_named()
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

    def _columns_are_named(self) -> None:
        named = self.columns if isinstance(self.columns, dict) else {"": self.columns} if self.columns else {}
        files = [*self.split.labelled.values(), *self.split.unlabelled.values()]
        for file, columns in named.items():
            if file and file not in files:
                raise ValueError(f"columns: there is no {file!r} in split{suggest(file, files)}")
            label = [] if file in self.split.unlabelled.values() else self.label.read_columns
            for key, name in [("text", name) for name in self.text] + [("label", name) for name in label]:
                if name not in columns:
                    raise ValueError(f"{key}: there is no {name!r} in columns{suggest(name, columns)}")

    def _label_fits(self) -> None:
        if self.type in ("regression", "span"):
            refuse(self, ("label.names", "label.values"), f"a task of type {self.type} has no classes")
        for kind, keys in LABEL_KEYS.items():
            if self.type != kind:
                places = [f"label.{key}" for key in keys]
                refuse(self, places, f"it belongs to type {kind}, and this is of type {self.type}")

    def _span_fits(self) -> None:
        if len(self.text) != 2:
            raise ValueError(f"text: expected two columns, as in [question, context], found {self.text}")
        if self.columns is not None:
            raise ValueError("columns: files of questions name their columns themselves; set columns: null")
        refuse(self, ("split.separator", "split.quotes"), "files of questions are JSON")
        refuse(self, ["label.drop"], "answers have no classes")
        if self.label.stride is None:
            raise ValueError("label.stride: this key is missing; add it (128 is usual for a max_length of 384)")
        if self.label.stride > (highest := self.max_length - QUESTION_ROOM):
            room = f"which leaves room for a question in a window of max_length {self.max_length}"
            raise ValueError(f"label.stride: expected at most {highest}, {room}, found {self.label.stride}")
