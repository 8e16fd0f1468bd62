"""A classifier's logits on a task's rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tinybert.memory import keep_freed_memory
from tinybert.models import precision as precisions
from tinybert.models.loading import load_classifier, load_tokenizer
from tinybert.text.tokens import Padding, encode, model_inputs

BATCH_SIZE = 64


def compute_logits(folder: Path, rows: pd.DataFrame, max_length: int, precision: str) -> np.ndarray:
    """Logits of the classifier in `folder`, float32 (rows, classes), in the order of `rows`."""
    model = load_classifier(folder, precisions.choose(precision))
    return predict_logits(model, load_tokenizer(folder), rows, max_length)


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
    order = np.argsort(-np.asarray(dataset["length"]), kind="stable")
    loader = DataLoader(dataset.select(order), BATCH_SIZE, collate_fn=Padding(tokenizer.pad_token_id))
    was_training = model.training
    model.eval()
    logits = np.empty((len(rows), model.config.num_labels), dtype=np.float32)
    done = 0
    for batch in tqdm(loader, desc=progress, disable=not progress, unit="batch"):
        inputs = {name: tensor.to(model.device) for name, tensor in model_inputs(batch).items()}
        output = model(**inputs).logits.float().cpu().numpy()
        logits[order[done : done + len(output)]] = output
        done += len(output)
    model.train(was_training)
    return logits
