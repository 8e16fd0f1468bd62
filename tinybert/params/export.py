"""How a model is taken away."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tinybert.params import defaults
from tinybert.params.table import Table


class Export(Table):
    """Its ONNX file in int8, beside the one in fp32."""

    int8: Literal["auto", "off"] = Field(defaults.INT8, description="auto takes the first method that costs no more")
    max_loss: float = Field(
        defaults.MAX_LOSS, ge=0, le=1, description="the most of the metric that int8 may cost on validation"
    )
