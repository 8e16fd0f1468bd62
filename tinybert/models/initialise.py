"""A student's first weights: random, or the teacher's embeddings brought to the student's width."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from transformers import AutoModel, PretrainedConfig, PreTrainedModel

from tinybert.models.student import Projections
from tinybert.params.models import Architecture


def student_config(teacher: PretrainedConfig, architecture: Architecture) -> PretrainedConfig:
    """The teacher's configuration with the student's shape: vocabulary, positions, special tokens, dropout stay."""
    config = copy.deepcopy(teacher)
    config.num_hidden_layers = architecture.layers
    config.hidden_size = architecture.hidden
    config.num_attention_heads = architecture.heads
    config.intermediate_size = architecture.intermediate
    config.dtype = "float32"
    return config


def initialise_student(
    teacher: PreTrainedModel, architecture: Architecture, initialise: str, seed: int
) -> tuple[PreTrainedModel, Projections]:
    """A student of the given shape and its projections to the teacher's width.

    `random` draws everything, as the paper does. `teacher-svd` sets word, position and token-type embeddings to the
    teacher's, projected on the first d' right singular vectors of its word embeddings (the d'-dimensional space that
    keeps most of them), and the embedding projection to the map back: the student starts with a vocabulary that it
    would otherwise have to learn from the corpus. The student may not be wider than its teacher then (`require_fit`).
    """
    torch.manual_seed(seed)
    student = AutoModel.from_config(student_config(teacher.config, architecture), dtype=torch.float32)
    projections = Projections(architecture.layers, architecture.hidden, teacher.config.hidden_size)
    if initialise == "teacher-svd":
        _project_embeddings(teacher, student, projections)
    return student, projections


@torch.no_grad()
def _project_embeddings(teacher: PreTrainedModel, student: PreTrainedModel, projections: Projections) -> None:
    width = student.config.hidden_size
    basis = principal_directions(teacher.get_input_embeddings().weight, width)  # (teacher width, student width)
    targets = dict(student.embeddings.named_parameters())
    for name, weight in teacher.embeddings.named_parameters():
        if name.endswith("embeddings.weight"):
            targets[name].copy_(weight.float() @ basis)
    projections.embedding.weight.copy_(basis)


def principal_directions(embeddings: Tensor, count: int) -> Tensor:
    """The first right singular vectors of (words, width) embeddings as the columns of a (width, count) matrix."""
    _, _, rows = torch.linalg.svd(embeddings.double(), full_matrices=False)
    return rows[:count].T.float().contiguous()
