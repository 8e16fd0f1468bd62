"""Of a task's entry: where labels stand in its source, and which rows are for training, validation and test."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from tinybert.params import defaults
from tinybert.params.table import KEY, Seed, Table, differ, expected, matching, refuse

SUBMISSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

Cell = Annotated[str | int | float, expected("text or a number")]

Names = Annotated[list[str], Field(min_length=1)]
Columns = Annotated[
    Names | dict[str, Names] | None, expected("null, a list of names, or a list for each file without a header")
]
"""Names for the columns of files without a header: of all files, or by file; those not named have a header."""

INSIDE = r"(?![/\\])(?!(.*[/\\])?\.\.([/\\]|$)).+"
FileName = Annotated[str, matching(INSIDE, "a file of the source, as in train.tsv or train-*.parquet")]
"""A file of the source's folder; `*` stands for any part of a name, as in the numbers of shards."""

Share = Annotated[
    Annotated[float, Field(gt=0, lt=1)] | FileName,
    expected("a fraction between 0 and 1, or a file of the source, as in train.tsv or train-*.parquet"),
]
"""A fraction of the rows, or the file that has them."""

Separator = Annotated[str, matching('[^"\r\n]', 'one character, as in ";" or "\\t"')]


class Label(Table):
    """Where a row's label stands: in a column, or on which side of a threshold a number in a column is.

    The labels of a multilabel row stand in one column, as a list or between separators, or in a column of 0 and 1 for
    each label. The answers to a question stand in one column too, with their places in the context.
    """

    column: str | None = None
    columns: list[str] | None = Field(None, min_length=2, description="multilabel: one of 0 and 1 for each label")
    separator: str | None = Field(None, min_length=1, description="multilabel: of labels in a column that has no lists")
    threshold: float | None = Field(None, allow_inf_nan=False, description="above it is the second of names")
    softness: float | None = Field(None, gt=0, allow_inf_nan=False)
    """With a threshold: the second class is learnt with the probability σ((number − threshold) / softness), so that
    rows near the threshold pull less; null learns every class as certain."""
    drop: list[Cell] = Field([], description="rows with one of these values in a column are left out")
    names: list[str] | None = Field(None, min_length=2, description="of the classes, in order; null takes the data's")
    values: list[Cell] | None = Field(None, description="how the data writes the names, in their order")
    stride: int | None = Field(None, ge=0, description="span: tokens that a window shares with the one before it")
    longest_answer: int | None = Field(None, ge=1, description="span: tokens of an answer; null takes the default")
    no_answer: bool | None = Field(None, description="span: whether a question may have none; null is false")

    @property
    def read_columns(self) -> list[str]:
        """The columns that hold the label."""
        return self.columns if self.columns is not None else [self.column or ""]

    @property
    def written(self) -> list[str] | None:
        """`values` as text."""
        return None if self.values is None else [str(value).strip() for value in self.values]

    @model_validator(mode="after")
    def _agree(self) -> Label:
        if self.column is not None and self.columns is not None:
            raise ValueError("columns: expected column or columns, found both; remove one")
        if self.column is None and self.columns is None:
            raise ValueError("column: this key is missing; add it (or columns, for labels in a column each)")
        if self.columns is not None:
            refuse(self, ("separator", "values", "threshold"), "it belongs to one column, and this has columns")
        if self.threshold is not None and (self.names is None or len(self.names) != 2):
            raise ValueError(f"names: a threshold needs two, as in [negative, positive], found {self.names}")
        if self.threshold is None:
            refuse(self, ["softness"], "it belongs to labels by a threshold, and there is none")
        if self.columns and self.names and len(self.names) != len(self.columns):
            raise ValueError(f"names: expected {len(self.columns)}, one for each column, found {len(self.names)}")
        if self.values is not None and (len(self.names or ()) != len(self.values) or self.threshold is not None):
            raise ValueError("values: expected names, as many, in the same order, and no threshold")
        for key, values in (("columns", self.columns), ("names", self.names), ("values", self.written)):
            differ(key, values)
        return self


class Split(Table):
    """Which rows are whose: fractions, drawn with a seed of the split's own so that another training seed keeps the
    test set, or files, where the source brings splits of its own; a fraction is then one of the training file.

    Where the official test set has no labels, the official development set is the test split, and validation is cut
    from the training rows.

    How lines of CSV and TSV are read stands here too, where a file's name doesn't say it.
    """

    train: FileName | None = Field(None, description="the file of the training rows; null where there is one file")
    test: Share
    validation: Share
    also_test: dict[str, FileName] = Field({}, description="more labelled test sets: name → file, scored beside `test`")
    unlabelled: dict[str, FileName] = Field({}, description="name → file to predict for `submission/<name>.tsv`")
    seed: Seed = defaults.SPLIT_SEED
    broken: Literal["refuse", "skip"] = Field(defaults.BROKEN_LINES, description="lines with too few or many columns")
    separator: Separator | None = Field(None, description="of cells; null is the comma in .csv, else the tab")
    quotes: bool | None = Field(None, description="whether cells may be in quotes; null is true in .csv, else false")

    @property
    def labelled(self) -> dict[str, str]:
        """The file of each labelled part, `train` first; none where there is one file only."""
        named = {"train": self.train, "validation": self.validation, "test": self.test, **self.also_test}
        return {part: file for part, file in named.items() if isinstance(file, str)}

    def fraction(self, part: str) -> float:
        """Of the training rows, what is drawn for `test` or `validation`; 0 where that is a file."""
        value = getattr(self, part)
        return 0.0 if isinstance(value, str) else value

    @model_validator(mode="after")
    def _files_agree(self) -> Split:
        if self.train is None and (self.labelled or self.unlabelled):
            raise ValueError("train: this key is missing; add it, since other rows are in files of their own")
        for key, pattern in (("also_test", KEY), ("unlabelled", SUBMISSION)):
            for name in getattr(self, key):
                if not pattern.fullmatch(name) or (key == "also_test" and name in ("train", "validation", "test")):
                    raise ValueError(f"{key}: {name!r} is no name for a further set; give one like mismatched or RTE")
        files = list(self.labelled.values())  # an unlabelled one may be one of them, for somebody else's scorer
        if twice := {file for file in files if files.count(file) > 1}:
            raise ValueError(f"train: {min(twice)!r} is named twice; its rows would be in two splits")
        if self.fraction("test") + self.fraction("validation") >= 1:
            raise ValueError(
                f"test and validation leave no training rows: {self.test} + {self.validation} is 1 or more"
            )
        return self
