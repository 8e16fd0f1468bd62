"""A student's first weights: random, of the teacher, or those of an existing student."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from transformers import AutoModel, AutoModelForMaskedLM, PreTrainedModel

from tinybert.errors import UserError
from tinybert.models.loading import load_encoder
from tinybert.models.narrowing import (
    DISTANCE_EMBEDDINGS,
    DISTANCES,
    LAYOUTS,
    NORMALISATIONS,
    layout_of,
    principal_directions,
    project_embeddings,
    prune_layer,
    prune_normalisation,
    strongest_dimensions,
)
from tinybert.models.narrowing_gated import GATED, prune_gated_layer
from tinybert.models.precision import one_thread
from tinybert.models.shape import LAYERS_FROM, NARROWED, layer_pairs, named_layers, student_config
from tinybert.models.signals import Projections
from tinybert.params.architectures import Architecture


def initialise_student(
    teacher: PreTrainedModel, architecture: Architecture, initialise: str, seed: int, start: Path | None = None
) -> tuple[PreTrainedModel, Projections]:
    """A student of the given shape and its projections to the teacher's width.

    - `random` draws everything, as the paper does, whose layers need its 2.5 billion words.
    - `teacher-svd` projects the teacher's embeddings on the first d' right singular vectors of its word embeddings (the
      d'-dimensional space that keeps most of them); the embedding projection is the map back. A vocabulary need not be
      learnt from the corpus then.
    - `teacher-pruned` keeps those of the teacher's dimensions in which its word embeddings are largest; each layer
      starts as the teacher layer of the uniform map, ⌈m·N/M⌉, cut to what is left (`prune_layer`).
    - `teacher-lower`, `teacher-spread` copy the teacher's embeddings and its first M layers, or those of the uniform
      map. The projections start as identities, since teacher and student see the same space.
    - `start` takes the encoder in the folder `start` as it is.

    What a way needs of shapes is asked by `require_start`; UserError where it doesn't know the teacher's layout.
    """
    torch.manual_seed(seed)
    if initialise == "start":
        assert start is not None
        student = load_encoder(start)
    else:
        config = student_config(teacher.config, architecture, LAYERS_FROM.get(initialise, "uniform"))
        student = AutoModel.from_config(config, dtype=torch.float32)
    projections = Projections(architecture.layers, architecture.hidden, teacher.config.hidden_size)
    with one_thread():  # the number of threads is to change no start
        if initialise in NARROWED:
            directions = principal_directions if initialise == "teacher-svd" else strongest_dimensions
            project_embeddings(teacher, student, projections, directions)
        if initialise == "teacher-pruned":
            _prune(teacher, student, projections)
        elif initialise in LAYERS_FROM:
            _copy_layers(teacher, student, LAYERS_FROM[initialise])
            for weight in projections.parameters():
                nn.init.eye_(weight)
    return student, projections


KNOWN_WEIGHTS = GATED | {f"{part}.{of}" for each in LAYOUTS for part in each.values() for of in ("weight", "bias")}


@torch.no_grad()
def _prune(teacher: PreTrainedModel, student: PreTrainedModel, projections: Projections) -> None:
    """See `initialise_student`; what is left to do once the embeddings have been narrowed."""
    (_, of_teacher), (_, of_student) = _layers(teacher), _layers(student)
    basis, heads, around = (
        projections.embedding.weight,
        student.config.num_attention_heads,
        dict(teacher.named_modules()),
    )
    weights = {name for name, _ in of_teacher[-1].named_parameters()}
    is_gated = weights == GATED
    strange = ["encoder.conv"] if "encoder.conv" in around else sorted(weights - KNOWN_WEIGHTS)
    if strange or not (is_gated or layout_of(of_teacher[-1])):
        raise UserError(
            f"initialise: teacher-pruned does not know how to cut the layers of a {teacher.config.model_type} model "
            f"({', '.join((strange or sorted(weights))[:2])}); set initialise: teacher-svd"
        )
    for m, g in layer_pairs("uniform", len(of_student), len(of_teacher)).items():
        if is_gated:
            size = teacher.get_parameter("embeddings.norm.weight").square().mean().sqrt().item()
            prune_gated_layer(of_teacher[g - 1], of_student[m - 1], basis, heads, size)
        else:
            prune_layer(of_teacher[g - 1], of_student[m - 1], basis, heads)
        projections.hidden[m - 1].load_state_dict({"weight": basis})
    for name in NORMALISATIONS:
        if name in around and around[name].get_parameter("weight").numel() == len(basis):  # else a widening map follows
            prune_normalisation(around[name], student.get_submodule(name), basis)
    if DISTANCES in around:
        student.get_submodule(DISTANCES).load_state_dict(around[DISTANCES].state_dict())
    if DISTANCE_EMBEDDINGS in around:
        student.get_parameter(f"{DISTANCE_EMBEDDINGS}.weight").copy_(around[DISTANCE_EMBEDDINGS].weight @ basis)


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
    """See `named_layers`; UserError where there are none."""
    if layers := named_layers(model):
        return layers
    raise UserError(
        f"initialise: a {model.config.model_type} model has no layers of their own to choose from; "
        f"set initialise: teacher-svd or random"
    )


@torch.no_grad()
def with_masked_head(student: PreTrainedModel, teacher: PreTrainedModel) -> PreTrainedModel:
    """The student's encoder, itself and not a copy, inside a masked language model.

    The output matrix is the student's word embeddings where the family ties the two. Each other weight of the head is
    the teacher's where its shape fits, else new.
    """
    model = AutoModelForMaskedLM.from_config(student.config, dtype=torch.float32)
    setattr(model, model.base_model_prefix, student)
    model.config = student.config  # one object, so that a setting of the attention reaches both
    model.tie_weights()
    weights = dict(teacher.named_parameters())
    for name, weight in model.named_parameters():
        is_of_head = not name.startswith(f"{model.base_model_prefix}.")
        if is_of_head and name in weights and weights[name].shape == weight.shape:
            weight.copy_(weights[name])
    return model
