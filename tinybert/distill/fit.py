"""What a student and a teacher have to have in common for the losses that are on, known from their shapes alone."""

from __future__ import annotations

from collections.abc import Mapping

from transformers import PretrainedConfig

from tinybert.errors import UserError
from tinybert.models.fit import require_same_heads
from tinybert.models.layer_map import layer_pairs
from tinybert.params.models import Architecture, LayerMap, relations_misfit


def require_comparable(
    losses: Mapping[str, float],
    layer_map: LayerMap,
    relation_heads: int,
    student: Architecture,
    teacher: PretrainedConfig,
) -> None:
    """Refuse losses that compare what can't be compared.

    Raises:
        UserError: layers, heads or widths don't agree.
    """
    layer_pairs(layer_map, student.layers, teacher.num_hidden_layers)
    if losses["attention"]:
        require_same_heads(student.heads, teacher)
    if losses["relations"]:
        for name, width in (("student", student.hidden), ("teacher", teacher.hidden_size)):
            if problem := relations_misfit(relation_heads, width):
                raise UserError(f"relation_heads: {problem} (the {name}'s width)")


def require_projections(losses: Mapping[str, float], projected: int, teacher: PretrainedConfig) -> None:
    """Refuse a task teacher of another width than the general teacher, whose width a student's projections have.

    Raises:
        UserError: naming both widths and the losses to turn off.
    """
    on = [name for name in ("embedding", "hidden", "cls") if losses[name]]
    if on and projected != teacher.hidden_size:
        raise UserError(
            f"losses: {', '.join(on)} need a task teacher as wide as the general teacher, {projected}, found "
            f"{teacher.hidden_size}; take one of that width, or set them to 0 (attention and relations need none)"
        )
