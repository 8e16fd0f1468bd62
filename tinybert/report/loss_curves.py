"""Learning curves from disk, thinned to what a figure can show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tinybert.errors import UserError

POINTS = 120
TERMS = {
    "loss": "all terms, weighted",
    "embedding": "embedding",
    "hidden": "hidden states",
    "attention": "attention scores",
    "relations": "relations of queries, keys and values",
    "cls": "states of [CLS]",
    "cosine": "directions of the last states",
    "mlm": "masked tokens",
    "vocabulary": "soft labels of masked tokens",
    "logits": "soft labels",
    "labels": "true labels",
}
"""Title of a panel by the term's name, in the order of the page; `hidden.1`, `hidden.2` … share one panel."""

Line = tuple[list[float], list[float]]


def read_curve(file: Path) -> pd.DataFrame:
    """A curve's columns; no rows where the phase was passed through, no columns where there is no such file.

    Raises:
        UserError: the file is no table of numbers.
    """
    if not file.exists():
        return pd.DataFrame()
    try:
        return pd.read_csv(file, dtype=float)
    except ValueError as error:
        raise UserError(f"{file}: expected numbers under a header, found: {error}; train that stage again") from None


def panels(file: Path) -> dict[str, dict[str, Line]]:
    """The panels of a `losses.csv`: by title, the lines by label (`layer 1` …), each its steps and its losses.

    The total is left out where it is one term alone.
    """
    curve = thin(read_curve(file))
    if curve.empty:
        return {}
    terms = [name for name in curve.columns if name not in ("step", "epoch")]
    result: dict[str, dict[str, Line]] = {}
    for term, title in TERMS.items():
        if term == "loss" and len(terms) == 2:
            continue
        for name in terms:
            kind, _, layer = name.partition(".")
            if kind == term and curve[name].notna().any():
                result.setdefault(title, {})[f"layer {layer}" if layer else title] = (
                    curve["step"].tolist(),
                    curve[name].tolist(),
                )
    return result


def thin(curve: pd.DataFrame, points: int = POINTS) -> pd.DataFrame:
    """Means over equal stretches of rows, at most `points` of them: the curve smoothed as far as it is shortened."""
    if len(curve) <= points:
        return curve
    return curve.groupby(np.arange(len(curve)) * points // len(curve)).mean()
