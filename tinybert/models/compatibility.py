"""What has to agree between two models that learn from each other, asked before anything is trained.

What doesn't is refused by a UserError that names both sides, and what to set.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from transformers import AutoModel, PretrainedConfig

from tinybert.errors import UserError
from tinybert.models.attention import has_vectors, no_vectors
from tinybert.models.loading import load_config, load_masked_lm, load_tokenizer
from tinybert.models.shape import describe_shape, layer_pairs, shape_of
from tinybert.params.architectures import Architecture, LayerMap, common_relation_heads, relations_misfit
from tinybert.tokens.encoding import tokenizer_rules


def require_length(config: PretrainedConfig, max_length: int, folder: Path | None = None) -> None:
    """Refuse a max_length above the tokens that the model has positions for.

    RoBERTa and its relatives count positions from the padding token's id on, so that 514 of them hold 512 tokens.
    XLNet says −1 for as many as one likes.
    """
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None or positions <= 0:
        return
    first = (config.pad_token_id or 0) + 1
    if max_length > positions - first and _counts_from_padding(config):
        positions -= first
    if max_length > positions:
        model = folder or f"this {config.model_type} model"
        raise UserError(
            f"max_length {max_length} is above the {positions} positions of {model}; set at most {positions}"
        )


def _counts_from_padding(config: PretrainedConfig) -> bool:
    """Whether the model's table of positions has a row for padding, as RoBERTa's has."""
    with torch.device("meta"):
        model = AutoModel.from_config(config)
    return any(
        isinstance(table, nn.Embedding) and name.endswith("position_embeddings") and table.padding_idx is not None
        for name, table in model.named_modules()
    )


def require_same_tokenizer(first: Path, second: Path) -> None:
    """Refuse two models that split or number text differently: distillation between them would train nonsense."""
    one, two = (load_tokenizer(folder) for folder in (first, second))
    if one.get_vocab() != two.get_vocab():
        raise UserError(
            f"{first} and {second} have different vocabularies ({len(one):,} and {len(two):,} entries); "
            f"teachers and student need one tokenizer: take models that share it"
        )
    if tokenizer_rules(one) != tokenizer_rules(two):
        raise UserError(f"{first} and {second} split text differently; take models that share their tokenizer")


def require_comparable(
    losses: Mapping[str, float],
    layer_map: LayerMap,
    relation_heads: int,
    student: Architecture,
    teacher: PretrainedConfig,
) -> None:
    """Refuse losses that compare what can't be compared: layers, heads, widths, or what the teacher doesn't show."""
    layer_pairs(layer_map, student.layers, teacher.num_hidden_layers)
    if losses["attention"] and student.heads != teacher.num_attention_heads:
        raise UserError(_other_heads(student, teacher))
    if losses["relations"]:
        if not has_vectors(teacher):
            raise UserError(no_vectors(teacher.model_type))
        if problem := relations_misfit(relation_heads, student.hidden, teacher.hidden_size):
            raise UserError(f"relation_heads: {problem}")


def _other_heads(student: Architecture, teacher: PretrainedConfig) -> str:
    """What to say, since attention scores are compared head by head."""
    heads, widths = teacher.num_attention_heads, (student.hidden, teacher.hidden_size)
    as_many = f"set the architecture's heads to {heads}"
    if student.hidden % heads:
        as_many += f", and hidden to a multiple of them such as {student.hidden // heads * heads or heads}"
    fitting = ", ".join(map(str, common_relation_heads(*widths)))
    relations = f"learn relations instead (relation_heads that divide {widths[0]} and {widths[1]}: {fitting}), or "
    return (
        f"the attention loss needs a student with the teacher's {heads} heads, found {student.heads}; {as_many}, or "
        f"{relations if has_vectors(teacher) else ''}learn from hidden only, with attention: 0"
    )


def require_projections(losses: Mapping[str, float], projected: int, teacher: PretrainedConfig) -> None:
    """Refuse a task teacher of another width than the general teacher, whose width a student's projections have."""
    on = [name for name in ("embedding", "hidden", "cls") if losses[name]]
    if on and projected != teacher.hidden_size:
        raise UserError(
            f"losses: {', '.join(on)} need a task teacher as wide as the general teacher, {projected}, found "
            f"{teacher.hidden_size}; take one of that width, or set them to 0 (attention and relations need none)"
        )


def require_masked_head(teacher: Path) -> None:
    """Refuse a general teacher that can't predict masked tokens."""
    try:
        load_masked_lm(teacher)
    except UserError:
        raise UserError(
            f"losses: mlm and vocabulary need a teacher with a masked-language head, and {teacher} has none; "
            f"take a teacher that has one, or set both to 0 (hidden, attention, relations, cls and cosine need none)"
        ) from None


def require_existing_student(architecture: Architecture, start: Path, teacher: Path) -> None:
    """Refuse an existing student of another shape than the entry's architecture, or another tokenizer."""
    found, expected = shape_of(load_config(start)).model_dump(), architecture.model_dump()
    differs = [name for name in expected if found[name] != expected[name]]
    if differs:
        raise UserError(
            f"initialise: start: {start} has {describe_shape(found, differs)}, and the architecture "
            f"{describe_shape(expected, differs)}; set architecture: {{{describe_shape(found, list(found), ': ')}}}"
        )
    require_same_tokenizer(start, teacher)
