"""A classifier's logits on a task's rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tinybert.running.memory import keep_freed_memory
from tinybert.tokens.encoding import Padding, encode, model_inputs

BATCH_SIZE = 64


@torch.inference_mode()
def predict_logits(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: pd.DataFrame, max_length: int, progress: str = ""
) -> np.ndarray:
    """Logits of a loaded classifier, float32 (rows, classes), in the order of `rows`.

    Rows go through the model sorted by length, so that little of a batch is padding.

    Args:
        progress: what to call the work on a progress bar; no bar when empty.
    """
    keep_freed_memory()
    dataset = encode(tokenizer, rows.drop(columns="label", errors="ignore"), max_length)
    logits = np.empty((len(rows), model.config.num_labels), dtype=np.float32)
    for places, outputs in run_batches(model, dataset, Padding(tokenizer.pad_token_id), progress):
        logits[places] = outputs.logits.float().cpu().numpy()
    return logits


@torch.inference_mode()
def run_batches(
    model: PreTrainedModel, dataset: Dataset, collate: Padding, progress: str = ""
) -> Iterator[tuple[np.ndarray, Any]]:
    """A model's outputs on examples, batch by batch, and the places of each batch's examples in `dataset`."""
    order = np.argsort(-dataset.with_format("numpy")["length"][:], kind="stable")
    loader = DataLoader(dataset.select(order), BATCH_SIZE, collate_fn=collate)
    was_training = model.training
    model.eval()
    done = 0
    for batch in tqdm(loader, desc=progress, disable=not progress, unit="batch"):
        inputs = {name: tensor.to(model.device) for name, tensor in model_inputs(batch).items()}
        size = len(inputs["input_ids"])
        yield order[done : done + size], model(**inputs)
        done += size
    model.train(was_training)
