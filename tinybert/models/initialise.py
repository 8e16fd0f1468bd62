"""A student's first weights: random, of the teacher, or those of an existing student."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor, nn
from transformers import AutoModel, PretrainedConfig, PreTrainedModel

from tinybert.errors import UserError
from tinybert.models.attention_scores import KNOWN
from tinybert.models.compatibility import require_same_tokenizer
from tinybert.models.layer_map import layer_pairs
from tinybert.models.loading import load_config, load_encoder
from tinybert.models.pruned import is_laid_out_as_bert, prune_layer, prune_normalisation, strongest_dimensions
from tinybert.models.signals import Projections
from tinybert.params.architectures import Architecture

NARROWED = ("teacher-svd", "teacher-pruned")
"""Those that bring the teacher's weights to the student's width."""
LAYERS_FROM = {"teacher-lower": "bottom", "teacher-spread": "uniform"}
"""By way of initialising, the layer map that picks the teacher's layers."""
PER_LAYER = ("attention_window", "layer_types", "mlp_layer_types")
"""Lists with an entry for each layer: Longformer's windows, and which of ModernBERT's layers see the whole text."""
WIDENINGS = ("embeddings_project", "encoder.embedding_hidden_mapping_in", "embeddings.embed_proj")
"""ELECTRA's, ALBERT's and DeBERTa's map from the width of the embeddings to that of the layers."""


def student_config(teacher: PretrainedConfig, architecture: Architecture) -> PretrainedConfig:
    """The teacher's configuration with the student's shape: vocabulary, positions, special tokens, dropout stay.

    A teacher whose embeddings are narrower than its layers (ALBERT, small ELECTRA) hands their width on, where the
    student's layers are not narrower still. The names below are transformers' own; a family that calls them otherwise
    (DistilBERT's `dim`) maps most of them itself.

    Raises:
        UserError: the teacher's family has no models of that shape.
    """
    config, shape = copy.deepcopy(teacher), architecture.model_dump()
    try:
        _reshape(config, architecture)
        config.validate()
    except (StrictDataclassError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[-1].strip().removesuffix(".")
        raise UserError(
            f"architecture: no {teacher.model_type} model can have {_shape(shape, list(shape))} ({reason}); "
            f"take another architecture, or a teacher of another family, such as {KNOWN}"
        ) from None
    return config


def _reshape(config: PretrainedConfig, architecture: Architecture) -> None:
    """See `student_config`; `config` is the teacher's, and becomes the student's."""
    embedding = getattr(config, "embedding_size", None)
    if embedding is not None:
        narrow = embedding != config.hidden_size
        config.embedding_size = min(embedding, architecture.hidden) if narrow else architecture.hidden
    config.num_hidden_layers = architecture.layers
    config.hidden_size = architecture.hidden
    config.num_attention_heads = architecture.heads
    setattr(config, "hidden_dim" if hasattr(config, "hidden_dim") else "intermediate_size", architecture.intermediate)
    if hasattr(config, "num_hidden_groups"):  # ALBERT's sets of shared weights
        config.num_hidden_groups = min(config.num_hidden_groups, architecture.layers)
    for name in PER_LAYER:
        if isinstance(entries := getattr(config, name, None), list):
            setattr(config, name, (entries * architecture.layers)[: architecture.layers])
    if hasattr(config, "pooler_hidden_size"):  # DeBERTa's
        config.pooler_hidden_size = architecture.hidden
    if hasattr(config, "attention_head_size"):
        config.attention_head_size = architecture.hidden // architecture.heads
    config.dtype = "float32"


def initialise_student(
    teacher: PreTrainedModel, architecture: Architecture, initialise: str, seed: int, start: Path | None = None
) -> tuple[PreTrainedModel, Projections]:
    """A student of the given shape and its projections to the teacher's width.

    `random` draws everything, as the paper does. `teacher-svd` sets word, position and token-type embeddings to the
    teacher's, projected on the first d' right singular vectors of its word embeddings (the d'-dimensional space that
    keeps most of them), and the embedding projection to the map back: the student starts with a vocabulary that it
    would otherwise have to learn from the corpus. The student may not be wider than its teacher then.

    `teacher-pruned` goes on from there, into the layers: of the teacher's dimensions those stay in which its word
    embeddings are largest, and each layer starts as the teacher layer of the uniform map, ⌈m·N/M⌉, cut to what is left
    (`prune_layer`). Embeddings, normalisation and projections are the kept dimensions'. Not in the paper, whose layers
    start random and need its 2.5 billion words.

    `teacher-lower` and `teacher-spread` copy the teacher's embeddings and its first M layers, or those that the uniform
    layer map picks, ⌈m·N/M⌉ for layer m, so that each layer starts as the one that it would learn from. The
    projections start as identities then, since teacher and student see the same space.

    `start` takes the encoder in the folder `start` as it is.

    What each of them needs of student and teacher is asked by `require_start`.

    Raises:
        UserError: `teacher-svd` of a model whose embeddings are not laid out as any known family's, `teacher-pruned` of
            one whose layers are not BERT's.
    """
    torch.manual_seed(seed)
    if initialise == "start":
        if start is None:
            raise ValueError("initialise: start needs the folder of the model to start from, found none")
        student = load_encoder(start)
        return student, Projections(architecture.layers, architecture.hidden, teacher.config.hidden_size)
    student = AutoModel.from_config(student_config(teacher.config, architecture), dtype=torch.float32)
    projections = Projections(architecture.layers, architecture.hidden, teacher.config.hidden_size)
    if initialise in NARROWED:
        directions = principal_directions if initialise == "teacher-svd" else strongest_dimensions
        _project_embeddings(teacher, student, projections, directions)
    if initialise == "teacher-pruned":
        _prune(teacher, student, projections)
    elif initialise in LAYERS_FROM:
        _copy_layers(teacher, student, LAYERS_FROM[initialise])
        for weight in projections.parameters():
            nn.init.eye_(weight)
    return student, projections


def require_start(architecture: Architecture, initialise: str, teacher: PretrainedConfig) -> None:
    """Refuse a student whose shape the teacher's weights don't fit.

    Raises:
        UserError: naming what differs, and the choices.
    """
    if initialise in NARROWED and architecture.hidden > teacher.hidden_size:
        raise UserError(
            f"initialise: {initialise} needs a student no wider than its teacher, found hidden {architecture.hidden} "
            f"for a teacher of {teacher.hidden_size}; set initialise: random, or a smaller hidden"
        )
    if initialise == "teacher-pruned":
        found, expected = architecture.model_dump(), shape_of(teacher).model_dump()
        larger = [name for name in ("layers", "intermediate") if found[name] > expected[name]]
        if found["heads"] != expected["heads"]:
            larger.append("heads")
        if larger:
            raise UserError(
                f"initialise: teacher-pruned cuts the teacher's {_shape(expected, larger)} to fit, found "
                f"{_shape(found, larger)}; take no more layers and neurons than these and as many heads, or "
                f"initialise: teacher-svd"
            )
    if initialise in LAYERS_FROM:
        found, expected = architecture.model_dump(), shape_of(teacher).model_dump()
        differs = [name for name in ("hidden", "heads", "intermediate") if found[name] != expected[name]]
        if found["layers"] > expected["layers"]:
            differs.insert(0, "layers")
        if differs:
            raise UserError(
                f"initialise: {initialise} needs the teacher's {_shape(expected, differs)}, found "
                f"{_shape(found, differs)}; take these in the architecture, or initialise: teacher-svd or random"
            )


def require_existing_student(architecture: Architecture, start: Path, teacher: Path) -> None:
    """Refuse an existing student of another shape than the entry's architecture, or another tokenizer.

    Raises:
        UserError: naming what differs, and what to set.
    """
    found, expected = shape_of(load_config(start)).model_dump(), architecture.model_dump()
    differs = [name for name in expected if found[name] != expected[name]]
    if differs:
        raise UserError(
            f"initialise: start: {start} has {_shape(found, differs)}, and the architecture "
            f"{_shape(expected, differs)}; set architecture: {{{_shape(found, list(found), ': ')}}}"
        )
    require_same_tokenizer(start, teacher)


def shape_of(config: PretrainedConfig) -> Architecture:
    """The shape of the encoder that a configuration describes."""
    return Architecture(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        intermediate=getattr(config, "intermediate_size", None) or config.hidden_dim,  # DistilBERT's name for it
    )


def _shape(shape: dict[str, int], names: list[str], sign: str = " ") -> str:
    return ", ".join(f"{name}{sign}{shape[name]}" for name in names)


@torch.no_grad()
def _prune(teacher: PreTrainedModel, student: PreTrainedModel, projections: Projections) -> None:
    """See `initialise_student`; what is left to do once the embeddings have been narrowed."""
    (_, of_teacher), (_, of_student) = _layers(teacher), _layers(student)
    if not is_laid_out_as_bert(of_teacher[0]):
        raise UserError(
            f"initialise: teacher-pruned does not know the layers of a {teacher.config.model_type} model; "
            f"set initialise: teacher-svd"
        )
    basis = projections.embedding.weight
    for m, g in layer_pairs("uniform", len(of_student), len(of_teacher)).items():
        prune_layer(of_teacher[g - 1], of_student[m - 1], basis, student.config.num_attention_heads)
        projections.hidden[m - 1].load_state_dict({"weight": basis})
    before, after = teacher.get_submodule("embeddings.LayerNorm"), student.get_submodule("embeddings.LayerNorm")
    if before.get_parameter("weight").numel() == len(basis):  # else a widening map follows, and it is there already
        prune_normalisation(before, after, basis)


@torch.no_grad()
def _copy_layers(teacher: PreTrainedModel, student: PreTrainedModel, layer_map: str) -> None:
    """Everything of the teacher's but its layers, and of these the ones that the layer map picks."""
    (place, of_teacher), (_, of_student) = _layers(teacher), _layers(student)
    state = {name: weight for name, weight in teacher.state_dict().items() if not name.startswith(f"{place}.")}
    for m, g in layer_pairs(layer_map, len(of_student), len(of_teacher)).items():
        for name, weight in of_teacher[g - 1].state_dict().items():
            state[f"{place}.{m - 1}.{name}"] = weight
    try:
        student.load_state_dict(state)
    except RuntimeError:
        raise UserError(
            f"initialise: the layers of a {teacher.config.model_type} model are not all made of the same weights, and "
            f"the map {layer_map} gives some to layers that have others; set initialise: teacher-svd or random"
        ) from None


def _layers(model: PreTrainedModel) -> tuple[str, nn.ModuleList]:
    """The list of an encoder's layers, and its name in the model.

    Raises:
        UserError: there is none, as in ALBERT, whose layers are one.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == model.config.num_hidden_layers:
            return name, module
    raise UserError(
        f"initialise: a {model.config.model_type} model has no layers of their own to choose from; "
        f"set initialise: teacher-svd or random"
    )


@torch.no_grad()
def _project_embeddings(
    teacher: PreTrainedModel,
    student: PreTrainedModel,
    projections: Projections,
    directions: Callable[[Tensor, int], Tensor],
) -> None:
    """See `initialise_student`.

    Embeddings narrower than the layers are followed by a linear map that widens them. The directions kept are those of
    the words behind that map. A student with embeddings as wide as its teacher's takes them over, and puts the
    directions into its own map.
    """
    words, widening, own = teacher.get_input_embeddings().weight, _widening(teacher), _widening(student)
    source, target = _embeddings(teacher), _embeddings(student)
    tables = [name for name in source if name.endswith("embeddings.weight")]
    if not any(source[name] is words for name in tables) or not source.keys() <= target.keys():
        raise UserError(
            f"initialise: teacher-svd does not know the embeddings of a {teacher.config.model_type} model; "
            f"set initialise: random"
        )
    widened = words if widening is None else words.float() @ widening.weight.float().T
    basis = directions(widened, student.config.hidden_size)  # (teacher width, student width)
    projections.embedding.weight.copy_(basis)
    through = basis if widening is None else widening.weight.float().T @ basis  # (embedding width, student width)
    if own is not None and widening is not None:
        takes_over = own.in_features == widening.in_features
        own.weight.copy_(through.T if takes_over else torch.eye(*own.weight.shape))
        if own.bias is not None:
            own.bias.copy_(widening.bias.float() @ basis)
        if takes_over:
            for name, weight in source.items():
                target[name].copy_(weight)
            return
    for name in tables:
        target[name].copy_(source[name].float() @ through)


def _embeddings(model: PreTrainedModel) -> dict[str, nn.Parameter]:
    return dict(model.embeddings.named_parameters()) if hasattr(model, "embeddings") else {}


def _widening(model: PreTrainedModel) -> nn.Linear | None:
    """The map from the embeddings' width to that of the layers, where a family has one."""
    modules = dict(model.named_modules())
    return next((modules[name] for name in WIDENINGS if name in modules), None)


def principal_directions(embeddings: Tensor, count: int) -> Tensor:
    """The first right singular vectors of (words, width) embeddings as the columns of a (width, count) matrix."""
    _, _, rows = torch.linalg.svd(embeddings.double(), full_matrices=False)
    return rows[:count].T.float().contiguous()
