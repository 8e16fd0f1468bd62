"""Calibration by hand."""

import numpy as np
import pytest

from tinybert.metrics.calibration import calibration_error, fit_temperature


def test_the_error_by_hand():
    """Two bins: at 0.9 two of three are right, at 0.6 one of one."""
    logits = np.log([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.6, 0.4]])
    labels = np.array([0, 1, 1, 0])
    assert calibration_error(labels, logits) == pytest.approx((3 * abs(2 / 3 - 0.9) + abs(1 - 0.6)) / 4, abs=1e-6)


@pytest.mark.parametrize("several", [False, True])
def test_a_temperature_finds_back_what_made_the_labels(several):
    random = np.random.default_rng(0)
    logits = random.normal(size=(20_000, 2)) * 2
    if several:
        labels = (random.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(int)
    else:
        labels = (random.random(len(logits)) < 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))).astype(int)
    assert fit_temperature(labels, 3 * logits) == pytest.approx(3, rel=0.05)
    assert calibration_error(labels, 3 * logits) > 5 * calibration_error(labels, 3 * logits, 3.0)
