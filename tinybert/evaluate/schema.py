"""The contract of metrics.json: one `Result` a student. What writes the file and what checks it use these types."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from tinybert.errors import UserError
from tinybert.metrics.scores import title

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Score = Annotated[float, Field(ge=-1, le=1)]
"""In parts of one; correlations may be negative."""


class Exact(BaseModel):
    """No key more, no key less, no value converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class PerBatch(Exact):
    """One number for batches of one example, one for batches of 32."""

    batch1: float = Field(gt=0)
    batch32: float = Field(gt=0)


class Measured(Exact):
    """A teacher's or a student's numbers on the test split. `score` is `metrics[metric]`, `flops` are those of its
    encoder on one text of 128 tokens."""

    score: Score
    ci95: list[Score] = Field(min_length=2, max_length=2)
    metrics: dict[str, Score]
    parameters: Positive
    encoder_parameters: Positive
    flops: Positive
    bytes: Positive
    latency_ms: PerBatch


class Reference(Exact):
    """A model of BERT-base's shape with random weights: it has a size and a speed, not a score."""

    name: str
    parameters: Positive
    encoder_parameters: Positive
    flops: Positive
    bytes: Positive
    latency_ms: PerBatch


class Setting(Exact):
    """Under what circumstances latencies were measured."""

    threads: Positive
    precision: str
    max_length: Positive


class Examples(Exact):
    """Rows of each split, and of augmented data (originals included) that the student was trained on (0: none)."""

    train: Count
    augmented: Count
    validation: Count
    test: Count


class Result(Exact):
    """One student. `names` are the classes in index order, null for regression. `variant`, its row in the tables, is
    put in by the report, since it changes nothing that is measured."""

    task: str
    variant: str | None = None
    metric: str
    names: list[str] | None
    seed: Count
    precision: str
    teacher: Measured
    student: Measured
    reference: Reference
    latency: Setting
    retention: float | None
    retention_ci95: list[float] | None = Field(None, min_length=2, max_length=2)
    compression: float = Field(gt=0)
    speedup: PerBatch
    agreement: Score
    examples: Examples

    @property
    def title(self) -> str:
        """The metric as people read it, with the class that it is of where it is of one."""
        return title(self.metric, self.names)


class Metrics(RootModel[dict[str, Result]]):
    """The whole file."""


def read_result(file: Path) -> Result:
    """`evaluation/<student>.json`.

    Raises:
        UserError: the file is missing or departs from the schema.
    """
    try:
        return Result.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{file}: missing; run `dvc repro evaluate@{file.stem}`") from None
    except ValidationError as error:
        detail = error.errors()[0]
        place = ".".join(map(str, detail["loc"]))
        raise UserError(f"{file}: {place}: {detail['msg']}; run `dvc repro -f -s evaluate@{file.stem}`") from None
