"""Names that a Parquet file has for the classes in a column: the `ClassLabel` that `datasets` has written there."""

from __future__ import annotations

import json
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from tinybert.errors import UserError, suggest
from tinybert.params.rows import Label

KEY = b"huggingface"


def read_class_names(file: Path, column: str) -> list[str] | None:
    """The names of a column's classes in index order, of a list's too; None for other files and columns.

    Args:
        file: a table that `tinybert.tables.read.read_table` has read, so a Parquet file that is called so is one.
    """
    if file.suffix.lower() != ".parquet":
        return None
    metadata = pq.read_schema(file).metadata or {}
    try:
        feature: Any = json.loads(metadata.get(KEY, b"{}"))["info"]["features"][column]
        while "feature" in feature or isinstance(feature, list):  # older versions of datasets wrote lists as lists
            feature = feature[0] if isinstance(feature, list) else feature["feature"]
        return [str(name).strip() for name in feature["names"]] if feature["_type"] == "ClassLabel" else None
    except (ValueError, LookupError, TypeError, RecursionError):  # it is somebody else's metadata
        return None


def names_for(label: Label, file: Path) -> list[str] | None:
    """The names to read a file's class indices by; None where its cells are to be taken as they are written.

    The user's `label.names` are compared by name: where they are the file's, in whatever order, its indices are read
    by the file's names. With other names, or with `label.values`, cells are what the user says they are.

    Raises:
        UserError: some of the user's names are the file's, and some are not.
    """
    if label.column is None or label.values is not None or label.threshold is not None:
        return None
    names = read_class_names(file, label.column)
    if names is None or label.names is None:
        return names
    unknown = [name for name in label.names if name not in names]
    if unknown and len(unknown) < len(label.names):
        found = f"{unknown[0]!r} is no class of this file's{suggest(unknown[0], names[:20])}"
        advice = "take its names, or say in label.values how each of yours is written"
        raise UserError(f"{file}: label.names: {found}; {advice}")
    return None if unknown else names


def name_classes(cells: pd.Series, names: list[str]) -> pd.Series:
    """The cells with names in place of indices, in lists too; an index without a name, such as -1, stays."""
    name_of = {str(index): name for index, name in enumerate(names)}

    def named(cell: str) -> str:
        if cell.startswith("["):
            return json.dumps([name_of.get(item, item) for item in json.loads(cell)], ensure_ascii=False)
        return name_of.get(cell, cell)

    return cells.map(named)


def require_same_names(found: list[tuple[str, list[str] | None]]) -> list[str] | None:
    """The one answer that all files give to which names their classes have.

    Args:
        found: each file and its names.

    Raises:
        UserError: two files differ, in names or in their order.
    """
    first, names = found[0]
    for file, others in found[1:]:
        for index, (name, other) in enumerate(zip_longest(names or (), others or ())):
            if name != other:
                differ = f"its class {index} is called {other!r}, that of {first} {name!r}"
                advice = "set label.names, which reads each file by its own order, and label.values where it has none"
                raise UserError(f"{file}: {differ}; {advice}")
    return names
