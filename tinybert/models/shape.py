"""A student beside its teacher: its shape, the layers that it learns from, and what it can start from."""

from __future__ import annotations

import copy

from huggingface_hub.errors import StrictDataclassError
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel

from tinybert.errors import UserError
from tinybert.models.attention import KNOWN
from tinybert.params.architectures import Architecture, LayerMap, layer_map_misfit

NARROWED = ("teacher-svd", "teacher-pruned")
"""Those that bring the teacher's weights to the student's width."""
LAYERS_FROM = {"teacher-lower": "bottom", "teacher-spread": "uniform"}
"""By way of initialising, the layer map that picks the teacher's layers."""
PER_LAYER = ("attention_window", "layer_types", "mlp_layer_types")
"""Lists with an entry for each layer: Longformer's windows, and which of ModernBERT's layers see the whole text."""


def student_config(
    teacher: PretrainedConfig, architecture: Architecture, layer_map: str = "uniform"
) -> PretrainedConfig:
    """The teacher's configuration with the student's shape: vocabulary, positions, special tokens, dropout stay.

    A teacher whose embeddings are narrower than its layers (ALBERT, small ELECTRA) hands their width on, where the
    student's layers are not narrower still. UserError where the teacher's family has no models of that shape.

    Args:
        layer_map: `uniform` or `bottom`: a student's layer is of the kind, local or global, of the teacher's layer that
            this map gives it, so that their attention scores can be compared, and weights copied.
    """
    config, shape = copy.deepcopy(teacher), architecture.model_dump()
    try:
        _reshape(config, architecture, layer_map)
        config.validate()
    except (StrictDataclassError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[-1].strip().removesuffix(".")
        raise UserError(
            f"architecture: no {teacher.model_type} model can have {describe_shape(shape, list(shape))} ({reason}); "
            f"take another architecture, or a teacher of another family, such as {KNOWN}"
        ) from None
    return config


def _reshape(config: PretrainedConfig, architecture: Architecture, layer_map: str) -> None:
    """Make the student's configuration of the teacher's; `dim` and the like, DistilBERT's names, are mapped by it."""
    embedding = getattr(config, "embedding_size", None)
    if embedding is not None:
        narrow = embedding != config.hidden_size
        config.embedding_size = min(embedding, architecture.hidden) if narrow else architecture.hidden
    config.num_hidden_layers, n, m = architecture.layers, config.num_hidden_layers, architecture.layers
    # As `layer_pairs` has it; a student of more layers than its teacher has them too.
    picked = [layer if layer_map == "bottom" else -(-layer * n // m) for layer in range(1, m + 1)]
    config.hidden_size = architecture.hidden
    config.num_attention_heads = architecture.heads
    setattr(config, "hidden_dim" if hasattr(config, "hidden_dim") else "intermediate_size", architecture.intermediate)
    if hasattr(config, "num_hidden_groups"):  # ALBERT's sets of shared weights
        config.num_hidden_groups = min(config.num_hidden_groups, architecture.layers)
    for name in PER_LAYER:
        if isinstance(entries := getattr(config, name, None), list):
            setattr(config, name, [entries[g - 1] for g in picked])
    if hasattr(config, "pooler_hidden_size"):  # DeBERTa's
        config.pooler_hidden_size = architecture.hidden
    if hasattr(config, "attention_head_size"):
        config.attention_head_size = architecture.hidden // architecture.heads
    if hasattr(config, "rope_parameters") and architecture.hidden // architecture.heads % 2:
        raise NotImplementedError("rotary positions need an even hidden / heads")
    config.dtype = "float32"


def require_start(architecture: Architecture, initialise: str, teacher: PretrainedConfig) -> None:
    """Refuse a student whose shape the teacher's weights don't fit, by a UserError that names what differs."""
    if initialise in NARROWED and architecture.hidden > teacher.hidden_size:
        raise UserError(
            f"initialise: {initialise} needs a student no wider than its teacher, found hidden {architecture.hidden} "
            f"for a teacher of {teacher.hidden_size}; set initialise: random, or a smaller hidden"
        )
    if initialise not in (*LAYERS_FROM, "teacher-pruned"):
        return
    pruned = initialise not in LAYERS_FROM
    equal = ("heads",) if pruned else ("hidden", "heads", "intermediate")
    found, expected = architecture.model_dump(), shape_of(teacher).model_dump()
    more = {name for name in found if found[name] > expected[name]}
    differs = [name for name in found if name in more or (name in equal and found[name] != expected[name])]
    if differs:
        raise UserError(
            f"initialise: {initialise} needs the teacher's {describe_shape(expected, differs)}, found "
            f"{describe_shape(found, differs)}; take these{' (or fewer, but for heads)' * pruned} as the architecture, "
            "or initialise: teacher-svd"
        )


def shape_of(config: PretrainedConfig) -> Architecture:
    """The shape of the encoder that a configuration describes."""
    return Architecture(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        intermediate=getattr(config, "intermediate_size", None) or config.hidden_dim,  # DistilBERT's name for it
    )


def named_layers(model: PreTrainedModel) -> tuple[str, nn.ModuleList] | None:
    """The list of an encoder's layers, and its name in the model; ALBERT, whose layers are one, has none."""
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == model.config.num_hidden_layers:
            return name, module
    return None


def describe_shape(shape: dict[str, int], names: list[str], sign: str = " ") -> str:
    return ", ".join(f"{name}{sign}{shape[name]}" for name in names)


def layer_pairs(layer_map: LayerMap, student_layers: int, teacher_layers: int) -> dict[int, int]:
    """Student layer m → teacher layer g(m), both counted from 1, for the layers that learn from one (paper, section 3).

    `uniform` is g(m) = ⌈m·N/M⌉: 3m for 12 → 4, 2m for 12 → 6 as in the paper, and defined for 6 → 4 too.
    `top` is g(m) = m + N − M, `bottom` is g(m) = m; `last` maps the last layer to the last, and no other. A mapping
    {student layer: teacher layer} leaves layers out, as PKD does with the last: {1: 2, 2: 4, 3: 6, 4: 8, 5: 10}.
    UserError where the models have fewer layers than the map needs, or the student more.
    """
    m, n = student_layers, teacher_layers
    if layer_map == "last":
        return {m: n}
    if not isinstance(layer_map, str):
        if problem := layer_map_misfit(layer_map, m):
            raise UserError(f"layer_map: {problem}")
        pairs = dict(enumerate(layer_map, start=1)) if isinstance(layer_map, list) else layer_map
        if max(pairs.values()) > n:
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
