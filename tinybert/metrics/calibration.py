"""Whether a model is as sure as it is right, and the temperature that makes it so (Guo et al., 2017: 1706.04599)."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax

BINS = 15
RANGE = (0.05, 20.0)


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """The temperature by which logits are divided so that the labels are most likely, within `RANGE`.

    Args:
        labels: class indices (rows,), or for several labels a text 0 and 1 (rows, labels).
        logits: (rows, classes).
    """

    def loss(log_temperature: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(log_temperature)
        if labels.ndim == 2:
            return float(np.logaddexp(0, np.where(labels > 0, -scaled, scaled)).mean())
        return float(-log_softmax(scaled, axis=1)[np.arange(len(labels)), labels].mean())

    found = minimize_scalar(loss, bounds=np.log(RANGE), method="bounded", options={"xatol": 1e-6})
    return round(float(np.exp(found.x)), 4)


def calibration_error(labels: np.ndarray, logits: np.ndarray, temperature: float = 1.0) -> float:
    """Expected calibration error: how far confidence is from accuracy, over bins of equal width, weighted by rows.

    Args:
        labels, logits: see `fit_temperature`; of several labels a text each decision counts.
    """
    scaled = logits.astype(np.float64) / temperature
    if labels.ndim == 2:
        yes = expit(scaled).ravel()
        sure, right = np.maximum(yes, 1 - yes), (yes > 0.5) == labels.ravel().astype(bool)
    else:
        probabilities = softmax(scaled, axis=1)
        sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, right - sure, BINS)
    return round(float(np.abs(gaps).sum() / len(sure)), 6)
