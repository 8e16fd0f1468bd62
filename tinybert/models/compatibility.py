"""What has to agree between two models that learn from each other, asked before anything is trained."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from transformers import AutoModel, PretrainedConfig

from tinybert.errors import UserError
from tinybert.models.loading import load_tokenizer
from tinybert.tokens.encoding import tokenizer_rules


def require_length(config: PretrainedConfig, max_length: int, folder: Path | None = None) -> None:
    """Refuse a max_length above the tokens that the model has positions for.

    RoBERTa and its relatives count positions from the padding token's id on, so that 514 of them hold 512 tokens.
    XLNet says −1 for as many as one likes.

    Raises:
        UserError: naming both numbers.
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
    """Refuse two models that split or number text differently: distillation between them would train nonsense.

    Raises:
        UserError: naming both folders and what differs.
    """
    one, two = (load_tokenizer(folder) for folder in (first, second))
    if one.get_vocab() != two.get_vocab():
        raise UserError(
            f"{first} and {second} have different vocabularies ({len(one):,} and {len(two):,} entries); "
            f"teacher, student and masked language model need one tokenizer: take models that share it"
        )
    if tokenizer_rules(one) != tokenizer_rules(two):
        raise UserError(f"{first} and {second} split text differently; take models that share their tokenizer")
