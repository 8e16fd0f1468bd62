"""Which number format the matrix products are computed in."""

from __future__ import annotations

import torch

from tinybert.errors import UserError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose(precision: str) -> torch.dtype:
    """The dtype of `precision`; `auto` is bf16 where the processor computes it natively, else fp32.

    Emulated bf16 is slower than fp32, so for `auto` it is not enough that torch accepts it.

    Raises:
        UserError: fp16 without a GPU.
    """
    if precision == "auto":
        return torch.bfloat16 if _computes_bf16() else torch.float32
    if precision == "fp16" and not torch.cuda.is_available():
        raise UserError("precision: fp16 needs a GPU and there is none here; set it to auto, bf16 or fp32")
    return DTYPES[precision]


def name(dtype: torch.dtype) -> str:
    """`bf16` for torch.bfloat16 and so on, as in params.yaml and metrics.json."""
    return next(name for name, known in DTYPES.items() if known == dtype)


def _computes_bf16() -> bool:
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
