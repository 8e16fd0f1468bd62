"""The layer map g(m): from which teacher layer each student layer learns."""

from __future__ import annotations

from itertools import pairwise

from tinybert.errors import UserError
from tinybert.params.architectures import layer_map_misfit


def layer_pairs(
    layer_map: str | list[int] | dict[int, int], student_layers: int, teacher_layers: int
) -> dict[int, int]:
    """Student layer m → teacher layer g(m), both counted from 1, for the layers that learn from one (paper, section 3).

    `uniform` is g(m) = ⌈m·N/M⌉: 3m for 12 → 4, 2m for 12 → 6 as in the paper, and defined for 6 → 4 too.
    `top` is g(m) = m + N − M, `bottom` is g(m) = m; `last` maps the last layer to the last, and no other. A mapping
    {student layer: teacher layer} leaves layers out, as PKD does with the last: {1: 2, 2: 4, 3: 6, 4: 8, 5: 10}.

    Raises:
        UserError: a teacher with fewer layers than the map needs, or a list or mapping that does not fit the models.
    """
    m, n = student_layers, teacher_layers
    if layer_map == "last":
        return {m: n}
    if isinstance(layer_map, (list, dict)):
        if problem := layer_map_misfit(layer_map, m):
            raise UserError(f"layer_map: {problem}")
        pairs = dict(enumerate(layer_map, start=1)) if isinstance(layer_map, list) else layer_map
        layers = list(pairs.values())
        if layers[-1] > n or layers[0] < 1 or any(b <= a for a, b in pairwise(layers)):
            raise UserError(
                f"layer_map: expected increasing layers from 1 to {n}, the teacher's last, found {layer_map}"
            )
        return pairs
    if m > n:
        raise UserError(
            f"layer_map: {layer_map} needs a teacher with at least the student's {m} layers, found {n}; "
            f"take an architecture of fewer layers, or layer_map: last"
        )
    g = {
        "uniform": lambda layer: -(-layer * n // m),
        "top": lambda layer: layer + n - m,
        "bottom": lambda layer: layer,
    }[layer_map]
    return {layer: g(layer) for layer in range(1, m + 1)}
