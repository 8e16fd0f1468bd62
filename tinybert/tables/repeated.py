"""Texts that stand in several rows: none is in two splits, and what contradicts itself is counted."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinybert.errors import UserError

Text = tuple[str, ...]
"""A row's text, or its pair of texts."""


def separate(
    splits: dict[str, np.ndarray], texts: Sequence[Text]
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, int]]]:
    """Take from train, then from validation, the rows whose text is in a later split too; test sets stay as they are.

    Returns:
        The splits, and how many rows went from `train` and from `validation`, by the first split that has their text.

    Raises:
        UserError: nothing is left of a split.
    """
    keys = [same_text(text) for text in texts]
    place: dict[Text, str] = {}
    tests = [name for name in splits if name not in ("validation", "train")]
    repeated = {"train": dict.fromkeys(["validation", *tests], 0), "validation": dict.fromkeys(tests, 0)}
    apart = dict(splits)
    for name in (*tests, "validation", "train"):
        kept = []
        for row in splits[name].tolist():
            if name in tests or keys[row] not in place:
                kept.append(row)
            else:
                repeated[name][place[keys[row]]] += 1
        if not kept:
            raise UserError(f"nothing is left of the {name} split: its texts are in other splits too; add other rows")
        for row in kept:
            place.setdefault(keys[row], name)
        apart[name] = np.array(kept, dtype=np.int64)
    return apart, repeated


def count_repeated(repeated: dict[str, dict[str, int]]) -> int:
    """All rows that `separate` took."""
    return sum(sum(of_split.values()) for of_split in repeated.values())


def count_conflicts(texts: Sequence[Text], labels: np.ndarray) -> int:
    """How many texts stand in several rows with labels that differ."""
    labels_of: dict[Text, set[Any]] = {}
    for text, label in zip(texts, labels.tolist(), strict=True):
        labels_of.setdefault(same_text(text), set()).add(tuple(label) if isinstance(label, list) else label)
    return sum(len(found) > 1 for found in labels_of.values())


def same_text(text: Text) -> Text:
    """Equal for texts that differ in case or spacing only, or in how Unicode writes a character: é, or e and ´; Ａ."""
    return tuple(" ".join(_folded(part).split()) for part in text)


def count_mirrored(splits: dict[str, np.ndarray], texts: Sequence[Text]) -> int:
    """How many pairs of training and validation stand in a later split the other way round."""
    keys = [same_text(text) for text in texts]
    place = {keys[row]: order for order, rows in enumerate(splits.values()) for row in rows}
    return sum(
        place.get(keys[row][::-1], 0) > order
        for order, name in enumerate(("train", "validation"))
        for row in splits[name]
    )


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
