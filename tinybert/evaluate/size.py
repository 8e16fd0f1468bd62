"""How large a model is: parameters, parameters without the embeddings, operations, bytes on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import BertConfig, BertForSequenceClassification, PreTrainedModel

from tinybert.evaluate.flops import count_flops


def sizes(model: PreTrainedModel, size: int) -> dict[str, Any]:
    """The sizes of a model whose weights take `size` bytes, as `tinybert.evaluate.schema.Size` has them."""
    parameters, encoder = count_parameters(model)
    return {
        "parameters": parameters,
        "encoder_parameters": encoder,
        "flops": count_flops(model.config),
        "bytes": size,
    }


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


def bert_base(classes: int, max_length: int) -> PreTrainedModel:
    """A model of BERT-base's shape (12 layers, width 768) with random weights: what the student replaces elsewhere."""
    config = BertConfig(num_labels=classes, max_position_embeddings=max(512, max_length))
    return BertForSequenceClassification(config).eval()
