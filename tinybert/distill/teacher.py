"""The teacher's part in distillation: frozen, in eval mode, its logits computed once."""

from __future__ import annotations

import hashlib
from inspect import getfile, unwrap
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from tinybert.lineage import digest
from tinybert.models.heads import head_of
from tinybert.models.inference import predict_logits
from tinybert.models.loading import load_config, load_encoder, load_masked_lm, load_tokenizer
from tinybert.models.span_logits import head_logits
from tinybert.models.student import SignalModel
from tinybert.outputs import whole_file
from tinybert.text.spans import encode_windows
from tinybert.text.tokens import encode

CACHE = Path(".cache/logits")


def frozen_teacher(folder: Path, dtype: torch.dtype, records_scores: bool, masked_head: bool = False) -> SignalModel:
    """The encoder of a teacher, without gradients, dropout off (the reference leaves it on), in `dtype`.

    Args:
        records_scores: for losses that compare attention scores or vectors.
        masked_head: keep the masked-language head, for losses that compare predictions of masked tokens.
    """
    model = (load_masked_lm if masked_head else load_encoder)(folder, dtype).requires_grad_(False)
    if torch.cuda.is_available():
        model.to("cuda")
    return SignalModel(model, records_scores).eval()


def teacher_logits(
    folder: Path, rows: pd.DataFrame, max_length: int, dtype: torch.dtype, cache: Path = CACHE
) -> np.ndarray:
    """The teacher's logits on `rows`, float32: computed once, kept under what makes them.

    They are (rows, classes), or of starts and ends (windows, 2, tokens), which stay on disk until they are read.
    """
    texts = pd.util.hash_pandas_object(rows.drop(columns="label", errors="ignore"), index=False).to_numpy()
    makers = (predict_logits, encode, encode_windows, head_of, head_logits)
    code = " ".join(digest(Path(getfile(unwrap(function)))) for function in makers)  # without torch's decorator
    identity = f"{code} {digest(folder)} {hashlib.sha256(texts.tobytes()).hexdigest()} {max_length} {dtype}"
    file = cache / f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}.npy"
    if not file.exists():
        head = head_of(load_config(folder))
        model = head.load(folder, dtype)
        if torch.cuda.is_available():
            model.to("cuda")
        logits = head.logits(model, load_tokenizer(folder), rows, max_length, progress="teacher's logits")
        with whole_file(file) as partial, partial.open("wb") as stream:
            np.save(stream, logits, allow_pickle=False)
    return np.load(file, mmap_mode="r", allow_pickle=False)
