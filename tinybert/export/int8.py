"""Eight bits in place of 32 for the weights of an ONNX file, and for what they are multiplied with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

METHODS = ("dynamic", "static")
"""In the order in which they are tried: the first measures each text's range anew, the second has learned it before."""
ALWAYS = {"per_channel": True, "reduce_range": True, "weight_type": QuantType.QInt8}
"""A scale for each output of a matrix; 7 bits, on every processor, since without VNNI sums of 8 overflow: the file says
the same wherever it is run."""


PRODUCTS = ["MatMul", "Gemm", "Gather"]
"""Of static quantisation: nothing that the mask goes through, whose range texts without padding don't show."""


def quantise(method: str, fp32: Path, file: Path, calibration: Iterable[Mapping[str, np.ndarray]]) -> None:
    """Write an ONNX file in int8.

    Args:
        method: one of `METHODS`.
        fp32: the file to start from.
        calibration: inputs, a text each, from which `static` learns the ranges of what is between the layers.
    """
    with TemporaryDirectory(dir=file.parent) as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(fp32, prepared, skip_symbolic_shape=True)
        if method == "dynamic":
            quantize_dynamic(prepared, file, **ALWAYS)
        else:
            quantize_static(
                prepared, file, _Reader(calibration),
                activation_type=QuantType.QUInt8, op_types_to_quantize=PRODUCTS, **ALWAYS,
            )  # fmt: skip


class _Reader(CalibrationDataReader):
    def __init__(self, inputs: Iterable[Mapping[str, np.ndarray]]) -> None:
        self._left = iter(inputs)

    def get_next(self) -> Any:
        return next(self._left, None)
