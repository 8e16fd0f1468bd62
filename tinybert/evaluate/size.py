"""How large a model is: parameters, parameters without the embeddings, bytes on disk."""

from __future__ import annotations

from pathlib import Path

from transformers import PreTrainedModel


def count_parameters(model: PreTrainedModel) -> tuple[int, int]:
    """All parameters of a Hugging Face model, and those outside its embeddings module.

    The second is what distillation can shrink: the vocabulary, and with it most of the embeddings, comes from the
    teacher as it is. Pooler and classification head count in both.
    """
    total = sum(parameter.numel() for parameter in model.parameters())
    embeddings = sum(parameter.numel() for parameter in model.base_model.embeddings.parameters())
    return total, total - embeddings


def weight_bytes(folder: Path) -> int:
    """Bytes of `model.safetensors`, or of its shards; projections beside it are not part of the model."""
    return sum(file.stat().st_size for file in folder.glob("model*.safetensors"))
