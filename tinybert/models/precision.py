"""Which number format the matrix products are computed in, and by how many threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from tinybert.errors import UserError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose(precision: str) -> torch.dtype:
    """The dtype of `precision`; `auto` is bf16 where the processor computes it natively, else fp32.

    Emulated bf16 is slower than fp32, so for `auto` it is not enough that torch accepts it.
    """
    if precision == "auto":
        if torch.cuda.is_available():
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return torch.bfloat16 if native else torch.float32
    if precision == "fp16" and not torch.cuda.is_available():
        raise UserError("precision: fp16 needs a GPU and there is none here; set it to auto, bf16 or fp32")
    return DTYPES[precision]


def require_autocast(model: nn.Module, dtype: torch.dtype) -> None:
    """Refuse a model, or a module around it, that autocast to `dtype` can't compute, by a UserError.

    transformers' first DeBERTa masks its scores with the smallest number of fp32, which is none of bf16's or fp16's, as
    soon as autocast has computed them in these. One whose weights are in `dtype` themselves, as a frozen teacher's are,
    has no such trouble.
    """
    families = {getattr(getattr(module, "config", None), "model_type", None) for module in model.modules()}
    if dtype != torch.float32 and "deberta" in families:
        raise UserError(
            f"precision: expected fp32 for a deberta model, which transformers can't train in {name(dtype)}; "
            f"set precision: fp32, or take a model of another architecture, such as deberta-v2"
        )


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread while it lasts: with more, sums come in other orders, and so out with other last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def name(dtype: torch.dtype) -> str:
    """`bf16` for torch.bfloat16 and so on, as in params.yaml and metrics.json."""
    return next(name for name, known in DTYPES.items() if known == dtype)
