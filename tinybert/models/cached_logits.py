"""What a model folder computes on rows, kept on disk: epochs, and students of one teacher, need the same again."""

from __future__ import annotations

import hashlib
from functools import partial
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


def _cached(
    what: str, folder: Path, rows: pd.DataFrame, max_length: int, dtype: torch.dtype, cache: Path = CACHE
) -> np.ndarray:
    """What a method of `tinybert.models.heads.Head` gives for `folder` on `rows`, kept under all that makes it.

    It stays on disk until it is read: logits of starts and ends, (windows, 2, tokens), are large.
    """
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


cached_logits, cached_answers = partial(_cached, "logits"), partial(_cached, "answers")
