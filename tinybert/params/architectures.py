"""Types that say what a student looks like and which teacher layer each of its layers learns from."""

from __future__ import annotations

from itertools import pairwise
from math import gcd
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PositiveInt, model_validator

from tinybert.errors import suggest
from tinybert.params import defaults
from tinybert.params.table import Table, Weight, expected


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


ARCHITECTURES = {name: Architecture(**shape) for name, shape in defaults.ARCHITECTURES.items()}


def _named(value: Any) -> Any:
    if isinstance(value, dict | Architecture):
        return value
    if isinstance(value, str) and value in ARCHITECTURES:
        return ARCHITECTURES[value]
    shape = "{layers, hidden, heads, intermediate}"
    raise ValueError(f"expected {shape} or a name, found {value!r}{suggest(str(value), ARCHITECTURES)}")


AnyArchitecture = Annotated[Architecture, BeforeValidator(_named)]


def _increasing(value: str | list[int] | dict[int, int]) -> str | list[int] | dict[int, int]:
    sides = [[*value], [*value.values()]] if isinstance(value, dict) else [value] if isinstance(value, list) else []
    if any(b <= a for side in sides for a, b in pairwise(side)):
        raise ValueError(f"expected increasing layers, found {value}")
    return value


LayerMap = Annotated[
    Annotated[str, Field(pattern="^(uniform|top|bottom|last)$")]
    | Annotated[list[PositiveInt], Field(min_length=1)]
    | Annotated[dict[PositiveInt, PositiveInt], Field(min_length=1)],
    expected(
        "uniform, top, bottom or last, a list of teacher layers, one for each student layer, or a mapping "
        "{student layer: teacher layer}"
    ),
    AfterValidator(_increasing),
]


def layer_map_misfit(layer_map: str | list[int] | dict[int, int], layers: int) -> str | None:
    """What is wrong with a layer map for a student of so many layers, as far as no teacher is needed to know it."""
    if isinstance(layer_map, list) and len(layer_map) != layers:
        return (
            f"expected {layers} teacher layers, one for each student layer, found {len(layer_map)}: {layer_map}; "
            f"to leave some out, write {{student layer: teacher layer}}"
        )
    if isinstance(layer_map, dict) and max(layer_map) > layers:
        return f"expected student layers from 1 to {layers}, found {max(layer_map)} in {layer_map}"
    return None


RelationHeads = Annotated[
    int, Field(ge=1, description="parts that the loss relations cuts queries, keys and values into, of both models")
]


def relations_misfit(relation_heads: int, *widths: int) -> str | None:
    """What is wrong with a number of relation heads for models of these widths."""
    misfits = [width for width in widths if width % relation_heads]
    if not misfits:
        return None
    fitting = ", ".join(map(str, common_relation_heads(*widths)))
    every = " and ".join(map(str, widths))
    return f"{relation_heads} relation heads do not divide a width of {misfits[0]}; take one of {fitting} (for {every})"


def common_relation_heads(*widths: int) -> list[int]:
    """The numbers of relation heads that divide all widths: from 8 to 64, or else the largest there is."""
    divisors = [heads for heads in range(1, 65) if gcd(*widths) % heads == 0]
    return [heads for heads in divisors if heads >= 8] or divisors[-1:]


class Losses(Table):
    """Weights λ of equation 6; `relations` is MiniLMv2's loss, `cls` PKD's, the mean over its layers."""

    embedding: Weight = defaults.WEIGHT
    hidden: Weight = defaults.WEIGHT
    attention: Weight = defaults.WEIGHT
    relations: Weight = defaults.WEIGHT
    cls: Weight = defaults.WEIGHT

    def require_one(self, unless: str) -> None:
        """Refuse weights that are all 0, and say what else turns a phase off."""
        if not any(self.model_dump().values()):
            raise ValueError(f"losses: every weight is 0, so there is nothing to learn; set one, or {unless}: 0")
