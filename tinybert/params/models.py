"""Types that say what a student looks like and which teacher layer each of its layers learns from."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from tinybert.errors import suggest
from tinybert.params.table import Table


class Architecture(Table):
    """The shape of an encoder; vocabulary, positions and special tokens come from the teacher."""

    layers: int = Field(ge=1)
    hidden: int = Field(ge=1, description="width of the hidden states")
    heads: int = Field(ge=1)
    intermediate: int = Field(ge=1, description="width of the feed-forward layer")

    @model_validator(mode="after")
    def _heads_divide(self) -> Architecture:
        if self.hidden % self.heads:
            raise ValueError(
                f"hidden ({self.hidden}) is not divisible by heads ({self.heads}); "
                f"take hidden {self.hidden - self.hidden % self.heads or self.heads} or another number of heads"
            )
        return self


ARCHITECTURES = {
    "tinybert4": Architecture(layers=4, hidden=312, heads=12, intermediate=1200),
    "tinybert6": Architecture(layers=6, hidden=768, heads=12, intermediate=3072),
    "bert-tiny": Architecture(layers=2, hidden=128, heads=2, intermediate=512),
    "bert-mini": Architecture(layers=4, hidden=256, heads=4, intermediate=1024),
    "bert-small": Architecture(layers=4, hidden=512, heads=8, intermediate=2048),
    "bert-medium": Architecture(layers=8, hidden=512, heads=8, intermediate=2048),
}

LAYER_MAPS = ("uniform", "top", "bottom", "last")


def _architecture(value: Any) -> Any:
    """A name becomes its architecture; a mapping is left to the type."""
    if isinstance(value, str) and value in ARCHITECTURES:
        return ARCHITECTURES[value]
    if isinstance(value, (dict, Architecture)):
        return value
    raise ValueError(
        f"expected {{layers, hidden, heads, intermediate}} or a name, "
        f"found {value!r}{suggest(str(value), ARCHITECTURES)}"
    )


def _layer_map(value: Any) -> str | list[int]:
    if isinstance(value, str) and value in LAYER_MAPS:
        return value
    if isinstance(value, list) and value and all(type(layer) is int for layer in value):
        if value[0] < 1 or any(b <= a for a, b in pairwise(value)):
            raise ValueError(f"expected increasing teacher layers from 1 on, found {value}")
        return value
    raise ValueError(
        f"expected a list of teacher layers, one for each student layer, or a name, "
        f"found {value!r}{suggest(str(value), LAYER_MAPS)}"
    )


AnyArchitecture = Annotated[Architecture, BeforeValidator(_architecture)]
LayerMap = Annotated[str | list[int], PlainValidator(_layer_map)]
