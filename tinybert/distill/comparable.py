"""What a student and a teacher have to have in common for the losses that are on, known from their shapes alone."""

from __future__ import annotations

from collections.abc import Mapping

from transformers import PretrainedConfig

from tinybert.errors import UserError
from tinybert.models.attention_scores import has_vectors, no_vectors
from tinybert.models.layer_map import layer_pairs
from tinybert.params.architectures import Architecture, LayerMap, common_relation_heads, relations_misfit


def require_comparable(
    losses: Mapping[str, float],
    layer_map: LayerMap,
    relation_heads: int,
    student: Architecture,
    teacher: PretrainedConfig,
) -> None:
    """Refuse losses that compare what can't be compared.

    Raises:
        UserError: layers, heads or widths don't agree, or the teacher's family has nothing to compare.
    """
    layer_pairs(layer_map, student.layers, teacher.num_hidden_layers)
    if losses["attention"]:
        _require_same_heads(student, teacher)
    if losses["relations"]:
        if not has_vectors(teacher):
            raise UserError(no_vectors(teacher.model_type))
        if problem := relations_misfit(relation_heads, student.hidden, teacher.hidden_size):
            raise UserError(f"relation_heads: {problem}")


def _require_same_heads(student: Architecture, teacher: PretrainedConfig) -> None:
    """Attention scores are compared head by head, so their numbers have to agree.

    Raises:
        UserError: naming both numbers and the choices.
    """
    heads, widths = teacher.num_attention_heads, (student.hidden, teacher.hidden_size)
    if student.heads == heads:
        return
    as_many = f"set the architecture's heads to {heads}"
    if student.hidden % heads:
        as_many += f", and hidden to a multiple of them such as {student.hidden // heads * heads or heads}"
    fitting = ", ".join(map(str, common_relation_heads(*widths)))
    relations = f"learn relations instead (relation_heads that divide {widths[0]} and {widths[1]}: {fitting}), or "
    raise UserError(
        f"the attention loss needs a student with the teacher's {heads} heads, found {student.heads}; {as_many}, or "
        f"{relations if has_vectors(teacher) else ''}learn from hidden only, with attention: 0"
    )


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
