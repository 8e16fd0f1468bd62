"""Learning curves from disk, thinned to what a figure can show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

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


def read_curve(file: Path) -> pd.DataFrame:
    """A curve's columns; no rows where the phase was passed through, no columns where there is no such file."""
    return pd.read_csv(file, dtype=float) if file.exists() else pd.DataFrame()


def panels(file: Path) -> dict[str, dict[str, pd.Series]]:
    """The panels of a `losses.csv`: by title the losses by step, by label (`layer 1` …).

    The total is left out where it is one term alone.
    """
    curve = thin(read_curve(file))
    if curve.empty:
        return {}
    losses = curve.set_index("step").drop(columns="epoch")
    if losses.shape[1] == 2:
        losses = losses.drop(columns="loss")
    losses = losses.dropna(axis="columns", how="all")
    result: dict[str, dict[str, pd.Series]] = {}
    for term, title in TERMS.items():
        for name in losses:
            kind, _, layer = str(name).partition(".")
            if kind == term:
                result.setdefault(title, {})[f"layer {layer}" if layer else title] = losses[name]
    return result


def thin(curve: pd.DataFrame, points: int = POINTS) -> pd.DataFrame:
    """Means over equal stretches of rows, at most `points` of them: the curve smoothed as far as it is shortened."""
    if len(curve) <= points:
        return curve
    return curve.groupby(np.arange(len(curve)) * points // len(curve)).mean()
