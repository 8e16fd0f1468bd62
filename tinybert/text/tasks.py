"""A source table → a task: rows with text and label, in three Parquet files, and what was left out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.errors import UserError
from tinybert.params.tasks import Split, Task
from tinybert.text.labels import is_dropped, parse_classes, parse_numbers
from tinybert.text.splits import Splits, Text, class_strata, count_conflicts, draw_splits, rating_strata, separate
from tinybert.text.tables import find_table, read_table

FILE = "task.json"
BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")


def prepare(source: Path, task: Task, folder: Path) -> dict[str, Any]:
    """Write a task's rows to `folder/{train,validation,test}.parquet`, and the summary to `folder/task.json`.

    The columns are `text` (and `text_pair` where `task.text` names two), without line breaks and tabs, and `label`:
    int64 class index, or float64 for regression. Rows are in the source's order. Rows with an empty text are left out;
    so are training and validation rows whose text is in the test split too, and training rows whose text is in the
    validation split. Texts with labels that contradict each other stay, and are counted.

    Args:
        source: folder with one table (see `tinybert.text.tables`).
        task: an entry of `tasks`.
        folder: exists; filled with the four files.

    Returns:
        The summary: `type`, `names` of the classes (None for regression), `pair`, `rows` of each split, `classes`
        (rows of each class in each split, None for regression), `dropped` rows by cause (`label`, for label.drop;
        `empty`; `duplicates`) and `conflicting` texts.

    Raises:
        UserError: the table or its labels can't be read, or there are too few rows to split (file and line named).
    """
    file = find_table(source)
    place = str(file)
    table = read_table(file, task.columns, [*task.text, task.label.column])
    total = len(table)
    table = table[~is_dropped(table[task.label.column], task.label.drop)]
    dropped = {"label": total - len(table)}
    rows_of_parts = zip(*(table[column] for column in task.text), strict=True)
    texts = [tuple(BREAKS.sub(" ", part).strip() for part in row) for row in rows_of_parts]
    full = [all(text) for text in texts]
    dropped["empty"] = full.count(False)
    texts, table = [text for text in texts if all(text)], table[full]
    if not texts:
        raise UserError(f"{file}: no row is left: label.drop takes {dropped['label']}, {dropped['empty']} have no text")

    values, names = table[task.label.column], None
    if task.type == "regression":
        labels = parse_numbers(values, place)
    else:
        labels, names = parse_classes(values, task.label, place)
    try:
        splits, dropped["duplicates"] = _split(texts, labels, names, task.split)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None

    summary = {
        "type": task.type,
        "names": names,
        "pair": len(task.text) == 2,
        "rows": {split: len(rows) for split, rows in splits.items()},
        "classes": names and {split: _count(labels[rows], names) for split, rows in splits.items()},
        "dropped": dropped,
        "conflicting": 0 if names is None else count_conflicts(texts, labels),
    }
    for split, rows in splits.items():
        _write([texts[row] for row in rows], labels[rows], folder / f"{split}.parquet")
    (folder / FILE).write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return summary


def describe(summary: dict[str, Any]) -> str:
    """The summary as lines for people: rows of each split, shares of the classes, what was left out."""
    splits = list(summary["rows"])
    cells = [("", splits), ("rows", [f"{summary['rows'][split]:,}" for split in splits])]
    names = summary["names"] or []
    for index, name in enumerate(names[:10]):
        shares = [summary["classes"][split][index] / summary["rows"][split] for split in splits]
        cells.append((name[:24], [f"{share:.1%}" for share in shares]))
    width = max(len(title) for title, _ in cells)
    lines = [f"  {title:<{width}}" + "".join(f"{value:>12}" for value in values) for title, values in cells]
    if len(names) > 10:
        lines.append(f"  and {len(names) - 10} more classes")
    dropped = summary["dropped"]
    lines.append(
        f"  left out: {dropped['label']:,} by label.drop, {dropped['empty']:,} without text, "
        f"{dropped['duplicates']:,} repeated in a later split"
    )
    if summary["conflicting"]:
        lines.append(f"  kept: {summary['conflicting']:,} texts that have several labels")
    return "\n".join(lines)


def _split(texts: list[Text], labels: np.ndarray, names: list[str] | None, split: Split) -> tuple[Splits, int]:
    strata = rating_strata(labels, split) if names is None else class_strata(labels, names)
    splits, duplicates = separate(draw_splits(strata, split), texts)
    for index, name in enumerate(names or []):
        if index not in labels[splits["train"]]:
            raise UserError(f"no row of class {name!r} is left in the training split; add rows of it that differ")
    return splits, duplicates


def _count(classes: np.ndarray, names: list[str]) -> list[int]:
    return np.bincount(classes, minlength=len(names)).tolist()


def _write(texts: list[Text], labels: np.ndarray, file: Path) -> None:
    columns: dict[str, Any] = dict(zip(("text", "text_pair"), zip(*texts, strict=True), strict=False))
    arrays = {name: pa.array(column, pa.string()) for name, column in columns.items()} | {"label": pa.array(labels)}
    pq.write_table(pa.table(arrays), file, compression="zstd")
