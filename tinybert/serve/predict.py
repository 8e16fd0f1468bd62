"""`python -m tinybert predict`: answers to texts, of the command line, of standard input, or of a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from tinybert.errors import UserError
from tinybert.metrics.scores import confidence_interval, score, title
from tinybert.params.tasks import METRICS
from tinybert.runtime.predictor import Answer, Predictor, Row
from tinybert.serve.streams import CHUNK, choose_texts, read_rows, write_rows

LABEL, PROBABILITY = "prediction", "probability"
"""Columns that are added; a file's own `label` stays."""
JOINT = "|"
"""Between labels that apply together."""


def predict_texts(model: Predictor, rows: Sequence[Row]) -> Iterator[str]:
    """A line for each: the answer, its probability, the text."""
    for row, answer in zip(rows, model.answer(rows), strict=True):
        share = _probability(answer)
        yield "\t".join([_label(answer), "" if share is None else f"{share:.3f}", *row])


def predict_file(
    model: Predictor,
    file: Path | None,
    out: Path | None,
    columns: Sequence[str],
    label: str | None,
    separator: str | None,
    every: bool,
) -> Iterator[str]:
    """Answer the rows of a file, or the lines of standard input, and write them with all their columns and the answers.

    Args:
        out: standard output, as CSV, where it is None.
        columns: of the texts; see `choose_texts`.
        label: the column with what is right; then the last line yielded is the model's score.
        every: write a probability for each class.

    Yields:
        how many texts, how many a second, and the score.

    Raises:
        UserError: see `tinybert.serve.streams`; or a label is one that the model doesn't know.
    """
    started, done, place = time.perf_counter(), 0, str(file or "standard input")
    golds: list[Any] = []
    answers: list[Answer] = []
    chunks = read_rows(file, separator) if file else _lines()
    with write_rows(out, sys.stdout) as write, tqdm(unit=" texts", desc="predict", disable=None) as progress:
        for rows in chunks:
            texts = [rows[name].map(_text).tolist() for name in choose_texts(rows, columns, place)]
            said = model.answer(list(zip(*texts, strict=True)))
            if label is not None:
                golds += golds_of(rows, label, model, place, done)
                answers += said
            added = _columns(said, model.labels if every else [])
            write(pd.concat([rows.drop(columns=added.columns, errors="ignore").reset_index(drop=True), added], axis=1))
            done += len(rows)
            progress.update(len(rows))
    seconds = time.perf_counter() - started
    yield f"{done:,} texts, {done / seconds:,.0f} a second, by {model.name} ({model.kind})"
    if label is not None:
        yield _score(model, golds, answers)


def _lines() -> Iterator[pd.DataFrame]:
    lines = (line.rstrip("\n") for line in sys.stdin)
    while some := list(islice(lines, CHUNK)):
        yield pd.DataFrame({"text": some})


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None or value != value else str(value)


def _label(answer: Answer) -> str:
    label = answer.label
    if isinstance(label, list):
        return JOINT.join(label)
    return f"{label:.6g}" if isinstance(label, float) else label


def _probability(answer: Answer) -> float | None:
    """Of what is said; of several labels that they are these and no others is not known, so there is none."""
    label, shares = answer.label, answer.probabilities
    return round(shares[label], 6) if shares and isinstance(label, str) else None


def _columns(answers: Sequence[Answer], labels: Sequence[str]) -> pd.DataFrame:
    added: dict[str, list[Any]] = {LABEL: [*map(_label, answers)]}
    if any(_probability(answer) is not None for answer in answers):
        added[PROBABILITY] = [*map(_probability, answers)]
    for name in labels:
        added[f"{PROBABILITY} {name}"] = [round((answer.probabilities or {})[name], 6) for answer in answers]
    return pd.DataFrame(added)


def golds_of(rows: pd.DataFrame, column: str, model: Predictor, place: str, before: int = 0) -> list[Any]:
    """What is right, as `tinybert.metrics.scores.score` takes it.

    Args:
        before: rows of the same file that came before these.

    Raises:
        UserError: there is no such column, or a label is one that the model doesn't know.
    """
    if column not in rows:
        raise UserError(f"{place}: there is no column {column!r} (--label); there are {', '.join(map(str, rows))}")
    return [_gold(value, model, f"{place}, row {number}") for number, value in enumerate(rows[column], before + 1)]


def _gold(value: Any, model: Predictor, place: str) -> Any:
    if model.type == "regression":
        try:
            return float(value)
        except (TypeError, ValueError):
            raise UserError(f"{place}: expected a number as the label, found {value!r}") from None
    if model.type == "span":
        return (str(value),)
    names = [name for name in str(value).split(JOINT) if name] if model.type == "multilabel" else [str(value)]
    if other := next((name for name in names if name not in model.labels), None):
        raise UserError(f"{place}: {model.name} knows no label {other!r}; it knows {', '.join(model.labels)}")
    places = [model.labels.index(name) for name in names]
    return [int(place in places) for place in range(len(model.labels))] if model.type == "multilabel" else places[0]


def _score(model: Predictor, golds: list[Any], answers: list[Answer]) -> str:
    metric = METRICS[model.type][0]
    if model.type == "span":
        labels, said = np.empty(len(golds), object), np.array([answer.label for answer in answers], object)
        labels[:] = golds
    else:
        labels, said = np.array(golds), np.array([answer.logits for answer in answers], np.float32)
    low, high = confidence_interval(metric, labels, said, seed=0)
    found = score(metric, labels, said)
    return f"{title(metric, model.labels or None)} {100 * found:.1f} ({100 * low:.1f} – {100 * high:.1f})"
