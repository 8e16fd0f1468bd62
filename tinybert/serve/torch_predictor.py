"""Any other folder in Hugging Face's form, run by torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tinybert.models.heads import head_of
from tinybert.models.loading import load_config, load_tokenizer
from tinybert.runtime.predictor import Answer, Predictor, Row

LONGEST = 512
"""Tokens that are read where the folder doesn't say."""


class TorchPredictor(Predictor):
    """A fine-tuned encoder with its head, in fp32."""

    def __init__(self, folder: Path) -> None:
        config = load_config(folder)
        super().__init__(folder, "torch", config.to_dict())
        self._head = head_of(config)
        self._model, self._tokenizer = self._head.load(folder), load_tokenizer(folder)
        positions = getattr(config, "max_position_embeddings", LONGEST)
        self.max_length = min(self._tokenizer.model_max_length, positions - 2, LONGEST)

    def _answer(self, rows: Sequence[Row]) -> list[Answer]:
        if self.type == "span":
            return [Answer(text) for text in self._head.answers(*self._asked(rows)).tolist()]
        return super()._answer(rows)

    def logits(self, rows: Sequence[Row]) -> np.ndarray:
        return self._head.logits(*self._asked(rows))

    def _asked(self, rows: Sequence[Row]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, pd.DataFrame, int]:
        table = pd.DataFrame(rows, columns=["text", "text_pair"][: len(rows[0])])
        return self._model, self._tokenizer, table, self.max_length
