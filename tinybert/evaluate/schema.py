"""The contracts of metrics.json and speed.json: one `Result`, one `Speed` a student, to be written and checked by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel

from tinybert.errors import UserError
from tinybert.metrics.scores import title

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Above = Annotated[float, Field(gt=0)]
Score = Annotated[float, Field(ge=-1, le=1)]  # in parts of one; correlations may be negative
Interval = Annotated[list[float], Field(min_length=2, max_length=2)]
Contract = TypeVar("Contract", bound=BaseModel)

TEACHER, STUDENT, TWIN, BASE = "teacher/torch", "student/torch", "student/twin", "bert-base/torch"
INT8_STUDENT = "student/int8"
"""Models in speed.json: a twin has the student's shape and other weights, the last one BERT-base's and random ones."""


class Exact(BaseModel):
    """No key more, no key less, no value converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Size(Exact):
    """`flops` are those of the encoder on one text of 128 tokens."""

    parameters: Positive
    encoder_parameters: Positive
    flops: Positive
    bytes: Positive


class Scores(Exact):
    """`score` is `metrics[metric]`."""

    score: Score
    ci95: Interval
    metrics: dict[str, Score]


class Onnx(Exact):
    """The ONNX file in fp32, on the test split."""

    score: Score
    ci95: Interval | None = None
    bytes: Positive


class Int8(Onnx):
    """The one in int8, and what it costs against the one in fp32, on the same rows."""

    method: Literal["dynamic", "static"]
    loss: float
    loss_ci95: Interval


class Measured(Size, Scores):
    """A teacher or a student on the test split; `int8` is null where it is off, or none stayed within
    `max_loss` on validation.

    Runs of before the export, such as some in results/, have neither.
    """

    onnx: Onnx | None = None
    int8: Int8 | None = None


class Alternative(Exact):
    """What one would ship without distilling, on the test split."""

    score: Score
    ci95: Interval
    bytes: Positive


class Alternatives(RootModel[dict[Literal["tfidf", "static"], Alternative]]):
    """A task's: none for spans, no `static` where model2vec can't read the teacher."""


class Gain(Exact):
    """A model's score minus another's, with its interval, see `tinybert.report.advice.compare`."""

    score: float
    interval: Interval


class Reference(Size):
    """A model of BERT-base's shape with random weights: it has a size, not a score."""

    name: str


class Examples(Exact):
    """Rows of each split, and of augmented data (originals included) that the student was trained on (0: none)."""

    train: Count
    augmented: Count
    validation: Count
    test: Count


class Result(Exact):
    """One student. Nothing in it differs between two runs on one machine.

    `names` are the classes in index order, null for regression. What ends in `_int8` is of the int8 student and the
    PyTorch teacher, null where there is none. `variant`, its row in the tables, is put in by the
    report, since it changes nothing that is measured.
    """

    task: str
    variant: str | None = None
    metric: str
    names: list[str] | None
    seed: Count
    precision: str
    max_length: Positive
    teacher: Measured
    student: Measured
    reference: Reference
    retention: float | None
    retention_ci95: Interval | None = None
    retention_int8: float | None = None
    compression: Above
    compression_int8: Above | None = None
    agreement: Score
    alternatives: dict[str, Alternative] | None = None
    paired: dict[str, dict[str, Gain]] | None = None
    examples: Examples

    @property
    def title(self) -> str:
        """The metric as people read it, with the class that it is of where it is of one."""
        return title(self.metric, self.names)


class Metrics(RootModel[dict[str, Result]]):
    """The whole of metrics.json."""


class Time(Exact):
    """A model's time for a batch: the median over rounds; of 500 or more the median, and what all but a hundredth take.

    `times_faster` is the median over rounds of the reference's time divided by the model's, `ci95` its interval.
    """

    ms: Above
    p50_ms: Above | None = None
    p99_ms: Above | None
    times_faster: Above
    ci95: Interval
    rounds: Positive


class Times(Exact):
    """For one text and for 32, at the lengths of the task's test texts and, `_full`, at its `max_length`.

    Null for 32 where a model is run one text at a time. `texts_per_core_second` is of single texts, with an instance of
    one thread on each core; a twin has none.
    """

    batch1: Time
    batch32: Time | None = None
    batch1_full: Time
    batch32_full: Time | None = None
    texts_per_core_second: Above | None = None

    @property
    def batches(self) -> dict[str, Time]:
        """Those that were timed, by their keys."""
        found = {name: getattr(self, name) for name in ("batch1", "batch32", "batch1_full", "batch32_full")}
        return {name: time for name, time in found.items() if time is not None}


class Machine(Exact):
    processor: str
    instructions: str
    threads: Positive


class Twin(Exact):
    """How many times as fast as the student its twin is, over all batches: 1, or the times are no good."""

    times_faster: Above
    interval: Interval
    level: Above


class Speed(Exact):
    """One student, with the models that were timed beside it in one process."""

    machine: Machine
    reference: str
    models: dict[str, Times]
    twin: Twin


class Speeds(RootModel[dict[str, Speed]]):
    """The whole of speed.json."""


def read_checked(file: Path, contract: type[Contract], stage: str) -> Contract:
    """What a stage wrote about a student, as a `Result` or a `Speed`.

    Raises:
        UserError: the file is missing.
    """
    try:
        return contract.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{file}: missing; run `dvc repro {stage}@{file.stem}`") from None
