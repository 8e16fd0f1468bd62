"""A source's tables → a task: rows with text and label in Parquet files, one a split, and what was left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.errors import UserError
from tinybert.params.glue import submitted_labels
from tinybert.params.tasks import Task
from tinybert.tables.read import find_files, read_table
from tinybert.tables.repeated import Text, count_conflicts, count_mirrored, count_repeated, separate
from tinybert.tables.splits import SPLITS, UNLABELLED, Splits, draw
from tinybert.tables.summary import write_summary
from tinybert.tasks.class_names import name_classes, names_for, require_same_names
from tinybert.tasks.labels import (
    class_names,
    is_dropped,
    label_names,
    parse_classes,
    parse_multilabel,
    parse_numbers,
    soft_labels,
)

BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")


class Part(NamedTuple):
    """Rows of one labelled file, those that are left out gone: texts, columns of the label, the file's class names."""

    place: str
    texts: list[Text]
    cells: pd.DataFrame
    names: list[str] | None


def prepare(source: Path, task: Task, folder: Path) -> dict[str, Any]:
    """Write a task's rows to `folder/{train,validation,test}.parquet`, and the summary to `folder/task.json`.

    The columns are `text` (and `text_pair` where `task.text` names two), without line breaks and tabs, and `label`:
    int64 class index, a list of 0 and 1 for multilabel, or float64 for regression; with `label.softness` training rows
    have `probability` too, of the second class, float64. Rows are in the source's order. Those with an empty text are
    left out; so are training and validation rows whose text is in a test set too, and training rows whose text is in
    the validation split. Further test sets are `test_<name>.parquet`; files without labels are
    `unlabelled/<name>.parquet`, all their rows in order.

    Returns:
        The summary: `type`, `names` of the classes (None for regression), `pair`, `rows` of each split, `classes`
        (rows of each class in each split, None for regression), `dropped` rows by cause (see `CAUSES`), `repeated` (the
        duplicates by the split they were in and the later one that has their text) and `conflicting` texts; where there
        are any, `mirrored` pairs, `constant` (all validation rows have the same label), `also_test` (rows by name) and
        `unlabelled` (by name: `rows`, and `labels` to submit in class order).

    Raises:
        UserError: a table or its labels can't be read, or there are too few rows to split (file and line named).
    """
    counts = {"label": 0, "empty": 0, "broken": 0}
    parts: dict[str, list[Part]] = {}
    for name, file in (task.split.labelled or {"train": ""}).items():
        parts[name] = [_read(path, file, task, counts) for path in find_files(source, file)]
    shards = [shard for of_part in parts.values() for shard in of_part]
    labels, names = _labels(shards, task)
    texts = [text for shard in shards for text in shard.texts]
    try:
        splits, repeated = _split(parts, texts, labels, names, task)
    except UserError as error:
        raise UserError(f"{shards[0].place}: {error}") from None
    dropped = {"label": counts["label"], "empty": counts["empty"], "duplicates": count_repeated(repeated)}
    if task.split.broken == "skip":
        dropped["broken"] = counts["broken"]
    summary: dict[str, Any] = {
        "type": task.type,
        "names": names,
        "pair": len(task.text) == 2,
        "rows": {split: len(splits[split]) for split in SPLITS},
        "classes": names and {split: _count(labels[splits[split]], names) for split in SPLITS},
        "dropped": dropped,
        "repeated": repeated,
        "conflicting": 0 if names is None else count_conflicts(texts, labels),
    }
    if summary["pair"] and (mirrored := count_mirrored(splits, texts)):
        summary["mirrored"] = mirrored
    if len(np.unique(labels[splits["validation"]], axis=0)) == 1:
        summary["constant"] = True
    if task.split.also_test:
        summary["also_test"] = {name: len(splits[name]) for name in task.split.also_test}
    for split, rows in splits.items():
        file = f"{split}.parquet" if split in SPLITS else f"test_{split}.parquet"
        columns = {"label": labels[rows]}
        if task.label.softness is not None and split == "train":
            ratings = pd.concat([shard.cells[task.label.column] for shard in shards])
            columns["probability"] = soft_labels(ratings.iloc[rows], task.label, shards[0].place)
        _write([texts[row] for row in rows], columns, folder / file)
    if task.split.unlabelled:
        (folder / UNLABELLED).mkdir()
        summary[UNLABELLED] = {name: _unlabelled(source, name, task, names, folder) for name in task.split.unlabelled}
    write_summary(summary, folder)
    return summary


def _read(path: Path, file: str, task: Task, counts: dict[str, int]) -> Part:
    """The rows of a labelled file, what is left out of them counted."""
    label = task.label.read_columns
    table = read_table(
        path,
        task.columns_of(file),
        [*task.text, *label],
        lists=label if task.type == "multilabel" else (),
        dropped=counts if task.split.broken == "skip" else None,
        separator=task.split.separator,
        quotes=task.split.quotes,
    )
    names = None if task.type == "regression" else names_for(task.label, path)
    drop = [value for value in task.label.drop if str(value) not in (names or ())]
    keeps = ~np.any([is_dropped(table[column], drop) for column in label], axis=0)
    if names is not None:
        table[label[0]] = name_classes(table[label[0]], names)
        keeps &= ~is_dropped(table[label[0]], task.label.drop)
    by_label = len(table) - int(keeps.sum())
    table = table[keeps]
    texts = _texts(table, task.text)
    full = [all(text) for text in texts]
    counts["label"] += by_label
    counts["empty"] += full.count(False)
    if not any(full):
        found = f"label.drop takes {by_label}, {full.count(False)} have no text"
        raise UserError(f"{path}: no row is left: {found}; correct label.drop or text, or add rows")
    return Part(str(path), [text for text in texts if all(text)], table.loc[full, label], names)


def _texts(table: pd.DataFrame, columns: list[str]) -> list[Text]:
    rows = zip(*(table[column] for column in columns), strict=True)
    return [tuple(BREAKS.sub(" ", part).strip() for part in row) for row in rows]


def _labels(shards: list[Part], task: Task) -> tuple[np.ndarray, list[str] | None]:
    """The labels of all parts, one after the other, and the names of their classes (None for regression)."""
    if task.type == "regression":
        return np.concatenate([parse_numbers(shard.cells[task.label.column], shard.place) for shard in shards]), None
    cells = pd.concat([shard.cells for shard in shards])
    order = None if task.label.names else require_same_names([(shard.place, shard.names) for shard in shards])
    if task.type == "multilabel":
        names = label_names(cells, task.label, shards[0].place, order)
        found = [parse_multilabel(shard.cells, task.label, shard.place, names) for shard in shards]
    else:
        names = class_names(cells[task.label.column], task.label, order)
        found = [parse_classes(shard.cells[task.label.column], task.label, shard.place, names) for shard in shards]
    return np.concatenate(found), names


def _split(
    parts: dict[str, list[Part]], texts: list[Text], labels: np.ndarray, names: list[str] | None, task: Task
) -> tuple[Splits, dict[str, dict[str, int]]]:
    """The rows of each split, by their places in `texts`, and what `separate` took."""
    brought, first = {}, 0
    for name, shards in parts.items():
        last = first + sum(len(shard.texts) for shard in shards)
        brought[name] = np.arange(first, last)
        first = last
    drawn = draw(labels[brought["train"]], names, task.split)  # the first part: places in it are places in `texts`
    splits, repeated = separate({name: (brought | drawn)[name] for name in (*SPLITS, *task.split.also_test)}, texts)
    for name, count in zip(names or [], _count(labels[splits["train"]], names or []), strict=True):
        if not count:
            raise UserError(f"no row of class {name!r} is left in the training split; add rows of it that differ")
    return splits, repeated


def _unlabelled(source: Path, name: str, task: Task, names: list[str] | None, folder: Path) -> dict[str, Any]:
    """Write the rows to predict, every one, since a submission has as many; the labels to submit for the classes."""
    file, split = task.split.unlabelled[name], task.split
    texts: list[Text] = []
    for path in find_files(source, file):
        table = read_table(path, task.columns_of(file), task.text, separator=split.separator, quotes=split.quotes)
        texts += _texts(table, task.text)
    _write(texts, {}, folder / UNLABELLED / f"{name}.parquet")
    try:
        labels = names and submitted_labels(name, names, task.label.written)
    except ValueError as error:
        raise UserError(f"{source}: {error}") from None
    return {"rows": len(texts), "labels": labels}


def _count(labels: np.ndarray, names: list[str]) -> list[int]:
    """Rows of each class."""
    if labels.ndim == 2:
        return labels.sum(axis=0, dtype=np.int64).tolist()
    return np.bincount(labels, minlength=len(names)).tolist() if names else []


def _write(texts: list[Text], labels: dict[str, np.ndarray], file: Path) -> None:
    columns: dict[str, Any] = dict(zip(("text", "text_pair"), zip(*texts, strict=True), strict=False))
    arrays = {name: pa.array(column, pa.string()) for name, column in columns.items()}
    for name, values in labels.items():
        arrays[name] = pa.array(values) if values.ndim == 1 else pa.array(values.tolist(), pa.list_(pa.int8()))
    pq.write_table(pa.table(arrays), file, compression="zstd")
