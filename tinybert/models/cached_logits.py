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
from tinybert.running.caches import cached_array
from tinybert.running.digests import digest
from tinybert.tokens import encoding

CACHE = Path(".cache/logits")
CODE = (Path(__file__).parent, Path(encoding.__file__).parent, Path(answers.__file__))
"""All that decides them: to compute them anew costs less than one that is wrong."""


def cached_logits(
    folder: Path, rows: pd.DataFrame, max_length: int, dtype: torch.dtype, cache: Path = CACHE
) -> np.ndarray:
    """A model's logits on rows, float32 (rows, classes), or of starts and ends (windows, 2, tokens)."""
    return _cached("logits", folder, rows, max_length, dtype, cache)


def cached_answers(
    folder: Path, rows: pd.DataFrame, max_length: int, dtype: torch.dtype, cache: Path = CACHE
) -> np.ndarray:
    """Its answers, as `tinybert.models.heads.Head.answers` gives them: logits, or texts (rows,)."""
    return _cached("answers", folder, rows, max_length, dtype, cache)


def digest_rows(rows: pd.DataFrame) -> str:
    """SHA-256 of what a model reads of rows."""
    texts = pd.util.hash_pandas_object(
        rows.drop(columns=["label", encoding.ORIGINAL], errors="ignore"), index=False
    ).to_numpy()
    return hashlib.sha256(texts.tobytes()).hexdigest()


def _cached(
    what: str, folder: Path, rows: pd.DataFrame, max_length: int, dtype: torch.dtype, cache: Path
) -> np.ndarray:
    cuda = torch.cuda.is_available()
    made_of = [what, [digest(path) for path in CODE], digest(folder), digest_rows(rows), max_length, str(dtype), cuda]

    def compute(part: str) -> np.ndarray:
        head = head_of(load_config(folder))
        model = head.load(folder, dtype)
        if cuda:
            model.to("cuda")
        answer = getattr(head, what)
        progress = f"  {what} of {folder.name}"
        return answer(model, load_tokenizer(folder), rows, max_length, progress=progress, part=part)

    return cached_array(cache, made_of, compute)
