"""What a model folder computes on rows, kept on disk: epochs, and students of one teacher, need the same again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from tinybert.metrics import answers
from tinybert.models.heads import head_of
from tinybert.models.loading import load_config, load_tokenizer
from tinybert.running.caches import cache_entry
from tinybert.running.digests import digest
from tinybert.running.outputs import whole_file
from tinybert.tokens import encoding

CACHE = Path(".cache/logits")
CODE = (Path(__file__).parent, Path(encoding.__file__).parent, Path(answers.__file__))
"""All that decides them: to compute them anew costs less than one that is wrong."""


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
    rows_hash = hashlib.sha256(texts.tobytes()).hexdigest()
    cuda = torch.cuda.is_available()
    made_of = [what, [digest(path) for path in CODE], digest(folder), rows_hash, max_length, str(dtype), cuda]
    file = cache_entry(cache, made_of, ".npy")
    if not file.exists():
        head = head_of(load_config(folder))
        model = head.load(folder, dtype)
        if cuda:
            model.to("cuda")
        compute = getattr(head, what)
        found = compute(model, load_tokenizer(folder), rows, max_length, progress=f"{what} of {folder.name}")
        with whole_file(file) as partial, partial.open("wb") as stream:
            np.save(stream, found.astype(str) if found.dtype == object else found, allow_pickle=False)
    return np.load(file, mmap_mode="r", allow_pickle=False)
