"""A model that answers texts: what a folder is, and how its logits are read, whatever computes them.

An exported folder, or an alternative's, is opened here without torch and transformers; any other by
`tinybert.serve.open`.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinybert.errors import UserError
from tinybert.runtime.alternatives import open_alternative
from tinybert.runtime.session import FP32, INT8

Row = tuple[str, ...]
"""A text, or the two of a pair; of a model that answers questions the question and its context."""
CONFIG = "config.json"
MOST_TOKENS = 2048
"""Of a batch, padding included."""


@dataclass(frozen=True)
class Answer:
    """What a model says of a row.

    Attributes:
        label: a class's name; the names of several labels, those above one half; a number; or a piece of the context,
            "" where the answer isn't in it.
        probabilities: by label; None of numbers and of pieces of a context.
        logits: as the model computes them, one for each label or the number alone; None of pieces of a context.
    """

    label: str | list[str] | float
    probabilities: dict[str, float] | None = None
    logits: list[float] | None = None


class Predictor(ABC):
    """An opened model. Several threads may ask one at once.

    Attributes:
        name: the folder's.
        kind: `onnx int8`, `onnx`, `torch`, `tfidf` or `static`.
        type: `classification`, `multilabel`, `regression` or `span`.
        labels: their names, in the order of the logits; none of regression and span.
        texts: that a row has to have; None where the folder doesn't say.
        max_length: tokens of a row that are read, what comes after is left out; 0 is no limit.
        one_by_one: whether texts go through one at a time, since an answer would depend on those beside it.
    """

    one_by_one = False
    max_length = 0

    def __init__(self, folder: Path, kind: str, config: Mapping[str, Any]) -> None:
        self.name, self.kind, self.type = folder.resolve().name, kind, task_type(config)
        self.labels = label_names(config) if self.type in ("classification", "multilabel") else []
        self.texts = 2 if self.type == "span" else None
        self._temperature = float(config.get("label_temperature") or 1.0)

    def answer(self, rows: Sequence[Row]) -> list[Answer]:
        """An answer to each row, in their order.

        Raises:
            UserError: a row has another number of texts than the model reads.
        """
        for number, row in enumerate(rows, start=1):
            if not 1 <= len(row) <= 2 or len(row) != (self.texts or len(rows[0])):
                expected = "a question and its context" if self.type == "span" else "one text each, or two each"
                raise UserError(f"{self.name}: expected {expected}, found {len(row)} in row {number}")
        return self._answer(rows) if rows else []

    def _answer(self, rows: Sequence[Row]) -> list[Answer]:
        logits = self.logits(rows)
        if self.type == "regression":
            return [Answer(row[0], None, row) for row in logits.tolist()]
        scaled = logits.astype(np.float64) / self._temperature
        said: list[Any]
        if self.type == "multilabel":
            shares = 1 / (1 + np.exp(-np.clip(scaled, -500, 500)))
            said = [[self.labels[place] for place in np.flatnonzero(row > 0)] for row in logits]
        else:
            shares = np.exp(scaled - scaled.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            said = [self.labels[place] for place in logits.argmax(axis=1)]
        return [
            Answer(label, dict(zip(self.labels, row, strict=True)), own)
            for label, row, own in zip(said, shares.tolist(), logits.tolist(), strict=True)
        ]

    @abstractmethod
    def logits(self, rows: Sequence[Row]) -> np.ndarray:
        """float32 (rows, classes), (rows, 1) of regression; not asked for of span."""


class AlternativePredictor(Predictor):
    """TF-IDF or a static model: see `tinybert.runtime.alternatives`."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        super().__init__(folder, config["alternative"], config)
        self._model = open_alternative(folder)

    def logits(self, rows: Sequence[Row]) -> np.ndarray:
        return self._model.logits(rows)


def open_predictor(folder: Path, threads: int = 0, fp32: bool = False) -> Predictor:
    """An exported folder, or an alternative's, without torch.

    Args:
        threads: texts or batches that are computed at once; 0 is one for each core.
        fp32: take the file in fp32 though there is one in int8.

    Raises:
        UserError: there is no such folder, or what it holds can't be read.
    """
    from tinybert.runtime.exported import ExportedPredictor, ExportedSpans

    config = read_config(folder)
    if "alternative" in config:
        return AlternativePredictor(folder, config)
    file = folder / (INT8 if (folder / INT8).exists() and not fp32 else FP32)
    return (ExportedSpans if task_type(config) == "span" else ExportedPredictor)(folder, file, config, threads)


def runs_without_torch(folder: Path) -> bool:
    """Whether `open_predictor` is what opens it.

    Raises:
        UserError: it is no model's folder.
    """
    return "alternative" in read_config(folder) or (folder / FP32.parent).is_dir()


def read_config(folder: Path) -> dict[str, Any]:
    """A model folder's config.json.

    Raises:
        UserError: the folder is not there, or has none that can be read.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder}: expected a model's folder, found {'a file' if folder.exists() else 'nothing there'}"
        )
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        return {**config}
    except FileNotFoundError:
        raise UserError(f"{folder}: expected a model's folder, found no {CONFIG} in it") from None
    except (ValueError, TypeError) as error:
        raise UserError(f"{folder / CONFIG}: expected an object in JSON ({error}); put the model's own there") from None


def label_names(config: Mapping[str, Any]) -> list[str]:
    """The classes' names by a config.json; those that transformers gives where it has none."""
    names = config.get("id2label") or {number: f"LABEL_{number}" for number in range(config.get("num_labels", 2))}
    return [names[number] for number in sorted(names, key=int)]


def task_type(config: Mapping[str, Any]) -> str:
    """`classification`, `multilabel`, `regression` or `span`, by a config.json."""
    problem = config.get("problem_type")
    if "span" in config or str((config.get("architectures") or [""])[0]).endswith("QuestionAnswering"):
        return "span"
    if problem == "multi_label_classification":
        return "multilabel"
    return "regression" if problem == "regression" or len(label_names(config)) == 1 else "classification"


def batches_by_length(lengths: Sequence[int], workers: int, one_by_one: bool) -> Iterator[list[int]]:
    """Places of rows of about one length, the longest first: one at a time, or as many as keep all workers busy and
    have `MOST_TOKENS` at most together.
    """
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    share = -(-len(order) // workers)
    while order:
        size = 1 if one_by_one else min(share, max(1, MOST_TOKENS // max(1, lengths[order[0]])))
        yield order[:size]
        order = order[size:]
