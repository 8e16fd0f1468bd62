"""A model by its folder, whatever it is."""

from __future__ import annotations

from pathlib import Path

from tinybert.runtime.predictor import Predictor, open_predictor, runs_without_torch


def open_model(folder: Path, threads: int = 0, fp32: bool = False) -> Predictor:
    """An exported folder or an alternative's, without torch; any other in Hugging Face's form, with it.

    Args:
        threads: of one pass, or passes at once; 0 is one for each core.
        fp32: take an exported folder's file in fp32 though there is one in int8.

    Raises:
        UserError: there is no such folder, or what it holds can't be read.
    """
    if runs_without_torch(folder):
        return open_predictor(folder, threads, fp32)
    from tinybert.serve.torch_predictor import TorchPredictor

    return TorchPredictor(folder)
