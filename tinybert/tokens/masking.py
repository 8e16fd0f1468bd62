"""Masked tokens to predict, as BERT's pre-training has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from tinybert.tokens.encoding import Padding

MASKED_LABELS = "masked_labels"
"""The column of a batch with the tokens that were masked, `UNMASKED` elsewhere, (examples, tokens)."""
UNMASKED = -100
"""Torch's own index for what cross-entropy leaves out."""
FRACTION = 0.15
"""BERT's, of the tokens that are to be predicted."""


class Masking:
    """Collates examples like `Padding`, and masks tokens as BERT's pre-training does.

    Of an example's ordinary tokens a fraction are to be predicted, one at least: 80 % of them become [MASK], 10 % a
    random token, 10 % stay. Which ones is a function of (seed, epoch, the example's tokens), whatever the batch. In an
    example of special tokens only, [UNK] among them, none is masked.

    `vocabulary` is the rows of the model's embeddings; a tokenizer may know more tokens, or fewer.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, seed: int, vocabulary: int, fraction: float = FRACTION
    ) -> None:
        self.padding = Padding(tokenizer.pad_token_id)
        self.special, self.mask_token = tokenizer.all_special_ids, tokenizer.mask_token_id
        self.vocabulary = min(len(tokenizer), vocabulary)
        self.seed, self.epoch, self.fraction = seed, 0, fraction

    def set_epoch(self, epoch: int) -> None:
        """Called before each epoch, so that it brings other masks than the last."""
        self.epoch = epoch

    def is_ordinary(self, tokens: np.ndarray) -> np.ndarray:
        """Which of the tokens may be masked, bool."""
        return ~np.isin(tokens, self.special)

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        batch = self.padding(examples)
        labels = np.full(tuple(batch["input_ids"].shape), UNMASKED, dtype=np.int64)
        for ids, label, example in zip(batch["input_ids"].numpy(), labels, examples, strict=True):
            tokens = ids[: len(example["input_ids"])]
            random = np.random.default_rng((self.seed, self.epoch, crc32(tokens.tobytes())))
            ordinary = np.flatnonzero(self.is_ordinary(tokens))
            count = min(len(ordinary), max(1, round(self.fraction * len(ordinary))))
            chosen = random.choice(ordinary, count, replace=False)
            label[chosen] = tokens[chosen]
            draw, anything = random.random(count), random.integers(self.vocabulary, size=count)
            tokens[chosen] = np.where(draw < 0.8, self.mask_token, np.where(draw < 0.9, anything, tokens[chosen]))
        return batch | {MASKED_LABELS: torch.from_numpy(labels)}
