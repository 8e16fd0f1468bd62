"""What a model folder computes on rows, kept on disk: epochs, and students of one teacher, need the same again."""

from __future__ import annotations

import hashlib
from inspect import getfile, unwrap
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import transformers

from tinybert.metrics.answers import decide
from tinybert.models.heads import head_of, predict_logits
from tinybert.models.loading import load_config, load_tokenizer
from tinybert.models.signals import head_logits
from tinybert.running.lineage import digest
from tinybert.running.outputs import whole_file
from tinybert.tokens.encoding import encode
from tinybert.tokens.windows import encode_windows

CACHE = Path(".cache/logits")


def cached_logits(
    folder: Path, rows: pd.DataFrame, max_length: int, dtype: torch.dtype, cache: Path = CACHE
) -> np.ndarray:
    """The logits of the model in `folder` on `rows`, float32: computed once, kept under what makes them.

    They are (rows, classes), or of starts and ends (windows, 2, tokens), which stay on disk until they are read.
    """
    return _cached("logits", folder, rows, max_length, dtype, cache)


def cached_answers(
    folder: Path, rows: pd.DataFrame, max_length: int, dtype: torch.dtype, cache: Path = CACHE
) -> np.ndarray:
    """The same for its answers, as `tinybert.models.heads.Head.answers` gives them: logits, or texts (rows,)."""
    return _cached("answers", folder, rows, max_length, dtype, cache)


def _cached(
    what: str, folder: Path, rows: pd.DataFrame, max_length: int, dtype: torch.dtype, cache: Path
) -> np.ndarray:
    texts = pd.util.hash_pandas_object(rows.drop(columns="label", errors="ignore"), index=False).to_numpy()
    makers = (predict_logits, encode, encode_windows, head_of, head_logits, decide)
    code = " ".join(digest(Path(getfile(unwrap(function)))) for function in makers)  # without torch's decorator
    code += f" torch {torch.__version__} transformers {transformers.__version__}"
    identity = f"{what} {code} {digest(folder)} {hashlib.sha256(texts.tobytes()).hexdigest()} {max_length} {dtype}"
    file = cache / f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}.npy"
    if not file.exists():
        head = head_of(load_config(folder))
        model = head.load(folder, dtype)
        if torch.cuda.is_available():
            model.to("cuda")
        compute = getattr(head, what)
        found = compute(model, load_tokenizer(folder), rows, max_length, progress=f"{what} of {folder.name}")
        with whole_file(file) as partial, partial.open("wb") as stream:
            np.save(stream, found.astype(str) if found.dtype == object else found, allow_pickle=False)
    return np.load(file, mmap_mode="r", allow_pickle=False)
