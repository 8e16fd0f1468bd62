"""A task's rows as token ids, once, and batches of them padded to their longest example."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from datasets import Dataset, disable_progress_bars
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

disable_progress_bars()

TYPES = "token_type_ids"
INPUTS = ("input_ids", "attention_mask", TYPES)
TEACHER_LOGITS = "teacher_logits"
"""Of a batch, the logits of a teacher that computed them once."""
ORIGINAL = "original"
"""Of augmented rows, a column: the number of the row that a copy was made of, and an original's own."""


def encode(tokenizer: PreTrainedTokenizerBase, rows: pd.DataFrame, max_length: int) -> Dataset:
    """Columns `input_ids`, `length` in tokens, and `labels` where the rows have one, to be learnt from.

    Pairs have `token_type_ids` too where the tokenizer names them among the model's inputs.

    Args:
        rows: columns `text`, `text_pair` (only for pairs), `label` (optional), and `probability` of the second of two
            classes, which is learnt in place of the label.
        max_length: longer examples are cut, of a pair the longer text first.
    """
    pair = "text_pair" in rows.columns
    typed = pair and TYPES in tokenizer.model_input_names

    def batch(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
        encoded = tokenizer(
            columns["text"],
            columns["text_pair"] if pair else None,
            truncation=True,
            max_length=max_length,
            return_attention_mask=False,
            return_token_type_ids=typed,
        )
        return {**encoded, "length": [len(ids) for ids in encoded["input_ids"]]}

    texts = Dataset.from_pandas(rows[["text", "text_pair"] if pair else ["text"]], preserve_index=False)
    dataset = texts.map(batch, batched=True, remove_columns=texts.column_names)
    if "label" in rows.columns:
        second = rows.get("probability")
        labels = label_array(rows) if second is None else np.stack([1 - second, second], axis=1)
        dataset = dataset.add_column("labels", labels if labels.ndim == 1 else labels.tolist())
    return dataset


def unknown_share(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> float:
    """The share of tokens that stand for what the tokenizer doesn't know, such as a script that it lacks."""
    tokens = [token for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"] for token in ids]
    return tokens.count(tokenizer.unk_token_id) / max(len(tokens), 1)


def tokenizer_rules(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Everything of a tokenizer that decides how text becomes ids; padding and truncation are set per call."""
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    return {part: state[part] for part in ("normalizer", "pre_tokenizer", "post_processor", "model", "added_tokens")}


def label_array(rows: pd.DataFrame) -> np.ndarray:
    """The column `label`: class indices or numbers (rows,); 0 and 1 (rows, labels) for a multilabel task."""
    labels = rows["label"].to_numpy()
    return np.stack(labels.tolist()) if labels.dtype == object else labels


class Padding:
    """Collates examples into tensors, padded to the longest of them; every other column becomes a tensor as it is."""

    def __init__(self, pad_token_id: int) -> None:
        self.fill = {"input_ids": pad_token_id, TYPES: 0}

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        batch = {}
        for name in examples[0]:
            if name in self.fill:
                rows = [torch.tensor(example[name], dtype=torch.long) for example in examples]
                batch[name] = pad_sequence(rows, batch_first=True, padding_value=self.fill[name])
            elif name != "length":
                values = np.array([example[name] for example in examples])
                # Regression targets and logits are compared with the model's in fp32.
                batch[name] = torch.from_numpy(values.astype(np.float32) if values.dtype.kind == "f" else values)
        lengths = torch.tensor([[len(example["input_ids"])] for example in examples])
        batch["attention_mask"] = (torch.arange(int(lengths.max())) < lengths).long()
        return batch


def model_inputs(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The part of a batch that a model's forward takes."""
    return {name: batch[name] for name in INPUTS if name in batch}
