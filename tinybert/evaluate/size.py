"""How large a model is: parameters, with and without the embeddings, operations, bytes on disk."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModel, BertConfig, BertForSequenceClassification, PretrainedConfig, PreTrainedModel

TOKENS = 128
"""Of the one text that goes through the encoder: BERT-base's 22.5 billion operations are for as many."""


def sizes(model: PreTrainedModel, size: int) -> dict[str, Any]:
    """Those of a model whose weights take `size` bytes, as `tinybert.evaluate.schema.Size` has them.

    Without the embeddings is what distillation can shrink: the vocabulary, and with it most of them, comes from the
    teacher as it is. Pooler and classification head count in both.
    """
    total = sum(parameter.numel() for parameter in model.parameters())
    embeddings = sum(parameter.numel() for parameter in model.base_model.embeddings.parameters())
    flops = count_flops(model.config)
    return {"parameters": total, "encoder_parameters": total - embeddings, "flops": flops, "bytes": size}


def weight_bytes(folder: Path) -> int:
    """Bytes of `model.safetensors`, or of its shards; projections beside it are not part of the model."""
    return sum(file.stat().st_size for file in folder.glob("model*.safetensors"))


def count_flops(config: PretrainedConfig) -> int:
    """Operations of the encoder's forward pass on one text of `TOKENS` tokens, a multiply-add being two.

    Matrix products only, those of attention among them: what is left out is less than a hundredth. Embeddings are
    looked up and cost none; the classifier on top is left out, as in the paper. It depends on the shape alone, so the
    model is made without weights, but for DeBERTa, which asks for the values of its tensors on the way.
    """
    shape = deepcopy(config)
    shape.max_position_embeddings = max(shape.max_position_embeddings, 2 * TOKENS)  # a matter of look-ups
    with torch.device("cpu" if shape.model_type.startswith("deberta") else "meta"):
        model = AutoModel.from_config(shape, attn_implementation="eager").eval().requires_grad_(False)
        tokens = torch.ones(1, TOKENS, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        model(input_ids=tokens)
    return counter.get_total_flops()


def bert_base(classes: int, max_length: int) -> PreTrainedModel:
    """A model of BERT-base's shape (12 layers, width 768) with random weights: what the student replaces elsewhere."""
    config = BertConfig(num_labels=classes, max_position_embeddings=max(512, max_length))
    return BertForSequenceClassification(config).eval()
