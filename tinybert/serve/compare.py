"""`python -m tinybert compare`: two models, or what two revisions made of one student, on the same rows."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from dvc.api import DVCFileSystem
from ruamel.yaml import YAML
from scipy.stats import binomtest

from tinybert.errors import UserError, suggest
from tinybert.evaluate.schema import Metrics, Result
from tinybert.metrics.answers import exact, right_answers
from tinybert.metrics.scores import title
from tinybert.params.tasks import METRICS
from tinybert.report.differences import measure
from tinybert.report.rendering import points
from tinybert.runtime.predictor import Predictor
from tinybert.serve.open import open_model
from tinybert.serve.predict import golds_of
from tinybert.serve.streams import choose_texts, read_rows

DRAWS = 2000
TASK = re.compile(r"data/(?:original|augmented)/([a-z][a-z0-9_-]*)/")
"""In a lineage: the task whose rows a model has seen."""
CELL = 80
"""Characters of a text that are shown."""


class Compared(NamedTuple):
    """Two sides on the same rows.

    Attributes:
        metric: the task's.
        classes: their names, in the order of the answers; none of numbers and of pieces of a context.
        rows: columns `text`, perhaps `text_pair`, and `label`.
        said: of either side, in the form of `label` (see `tinybert.evaluate.predictions.plain_answers`).
    """

    names: tuple[str, str]
    metric: str
    classes: Sequence[str]
    rows: pd.DataFrame
    said: tuple[pd.Series, pd.Series]


def compare_models(first: Path, second: Path, file: Path | None, columns: Sequence[str], label: str) -> Compared:
    """Both on the rows of a file, or on the test split of the task that the first was made for.

    Raises:
        UserError: they answer different questions, or there are no rows.
    """
    models = [open_model(folder) for folder in (first, second)]
    one, other = models
    if one.type != other.type or sorted(one.labels) != sorted(other.labels):
        kinds = [f"{each.name} says {each.type} {', '.join(each.labels)}".strip() for each in models]
        raise UserError(f"{'; '.join(kinds)}: only models of one task can be compared")
    if file is not None:
        table = pd.concat(read_rows(file), ignore_index=True)
        texts = choose_texts(table, columns, str(file))
        golds = golds_of(table, label, one, str(file))
        table = table[texts].set_axis(["text", "text_pair"][: len(texts)], axis=1).assign(label=golds)
    else:
        table = _test_rows(first, one)
    rows = list(table[[name for name in ("text", "text_pair") if name in table]].itertuples(index=False, name=None))
    said = [pd.Series([_plain(answer.label, one) for answer in model.answer(rows)]) for model in models]
    names = (f"{first} ({one.kind})", f"{second} ({other.kind})")
    return Compared(names, METRICS[one.type][0], one.labels, table, (said[0], said[1]))


def compare_revisions(first: str, second: str, student: str | None, root: Path) -> Compared:
    """A student as two git revisions have it, in PyTorch, on the test rows, whose answers lie in DVC's cache.

    Args:
        student: null is the first of the first revision.

    Raises:
        UserError: a revision doesn't know it, its answers aren't in the cache, or the test rows are others.
    """
    (one, name, rows), (other, _, others) = (_at(revision, student, root) for revision in (first, second))
    if not rows["text"].equals(others["text"]) or one.names != other.names:
        raise UserError(f"{first}, {second}: they were scored on other test rows, and can't be compared")
    names = (f"{name} at {first}", f"{name} at {second}")
    return Compared(names, one.metric, one.names or (), rows, (rows["student"], others["student"]))


def describe(sides: Compared, most: int) -> Iterator[str]:
    """The comparison in lines, and at most so many texts on which the two differ."""
    labels, count = sides.rows["label"], len(sides.rows)
    scores = [measure(sides.metric, len(sides.classes), labels, said) for said in sides.said]
    random, whole = np.random.default_rng(0), np.arange(count)
    drawn = np.array([[score(rows) for score in scores] for rows in random.integers(0, count, (DRAWS, count))])
    yield f"{title(sides.metric, sides.classes)} on {count:,} rows, with 95 % intervals over resampled rows"
    for side, name, score, ends in zip("AB", sides.names, scores, _interval(drawn), strict=True):
        yield f"  {side}      {points(score(whole))} ({points(ends[0])} – {points(ends[1])})  {name}"
    low, high = _interval(drawn[:, 1:] - drawn[:, :1])[0]
    gain = scores[1](whole) - scores[0](whole)
    verdict = "B is better" if low > 0 else "A is better" if high < 0 else "not told apart"
    yield f"  B − A  {points(gain)} ({points(low)} – {points(high)}), the same rows for both: {verdict}"
    right = _right(sides)
    if right is not None:
        alone = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
        chance = binomtest(alone[0], sum(alone)).pvalue if sum(alone) else 1.0
        yield f"  McNemar's exact test: A alone is right on {alone[0]}, B alone on {alone[1]}: p = {chance:.3g}"
    differ = np.array([not np.array_equal(one, other) for one, other in zip(*sides.said, strict=True)])
    yield f"  they answer {100 * (1 - differ.mean()):.1f} % of the rows alike"
    for row in np.flatnonzero(differ)[:most]:
        said = [_named(each.iloc[row], sides) for each in (labels, *sides.said)]
        text = " | ".join(str(sides.rows[name].iloc[row]) for name in ("text", "text_pair") if name in sides.rows)
        short = text if len(text) <= CELL else f"{text[: CELL - 1]}…"
        yield f"  right: {said[0]}, A: {said[1]}, B: {said[2]}  {' '.join(short.split())}"


def _interval(drawn: np.ndarray) -> list[list[float]]:
    """Of each column the two ends."""
    return np.quantile(drawn, [0.025, 0.975], axis=0).T.tolist()


def _right(sides: Compared) -> list[np.ndarray] | None:
    """Whether each row is answered rightly, bool (rows,) a side; None where there is no right or wrong."""
    if sides.metric in METRICS["regression"]:
        return None
    right = exact if sides.metric in METRICS["span"] else np.array_equal
    return [
        np.array([bool(right(gold, each)) for gold, each in zip(sides.rows["label"], said, strict=True)])
        for said in sides.said
    ]


def _named(value: Any, sides: Compared) -> str:
    if sides.metric in METRICS["multilabel"]:
        return ", ".join(name for name, there in zip(sides.classes, value, strict=True) if there) or "none"
    if sides.metric in METRICS["classification"]:
        return sides.classes[value]
    return f"{value:.4g}" if isinstance(value, float) else " / ".join([value] if isinstance(value, str) else value)


def _plain(label: str | list[str] | float, model: Predictor) -> Any:
    if isinstance(label, list):
        return [int(name in label) for name in model.labels]
    return model.labels.index(label) if isinstance(label, str) and model.type != "span" else label


def _test_rows(folder: Path, model: Predictor) -> pd.DataFrame:
    lineage = folder / "lineage.json"
    found = TASK.search(lineage.read_text(encoding="utf-8")) if lineage.exists() else None
    file = Path("data/original") / found[1] / "test.parquet" if found else None
    if file is None or not file.exists():
        raise UserError(f"{folder}: the rows to compare on: {file or 'its task'} isn't here; name some with --file")
    table = pd.read_parquet(file)
    if model.type == "span":
        table["label"] = [right_answers((one["text"] for one in label), False) for label in table["label"]]
    return table


def _at(revision: str, student: str | None, root: Path) -> tuple[Result, str, pd.DataFrame]:
    try:
        files = DVCFileSystem(str(root), rev=revision)
        results = Metrics.model_validate_json(files.read_text("metrics.json")).root
    except Exception as error:  # git's, DVC's and the contract's have nothing in common
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{revision}: neither a model's folder nor a revision with metrics.json ({reason})") from None
    name = student or next(iter(results), "")
    if name not in results:
        raise UserError(f"{revision}: metrics.json has no student {name!r}{suggest(name, results)}")
    try:
        experiment = YAML(typ="safe", pure=True).load(files.read_text("params.yaml"))["name"]
        place = f"evaluation/{experiment}/gathered/{name}/test.parquet"
        return results[name], name, pd.read_parquet(io.BytesIO(files.read_bytes(place)))
    except Exception:
        raise UserError(
            f"{revision}: the answers of {name} aren't in DVC's cache; `dvc pull`, or `git checkout {revision}` and "
            f"`dvc repro evaluate@{name}`"
        ) from None
