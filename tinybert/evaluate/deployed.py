"""An exported model in the place of one of torch's: read by the same code, scored on the same rows."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from transformers import PretrainedConfig
from transformers.utils import ModelOutput

from tinybert.models.cached_logits import CODE, digest_rows
from tinybert.models.heads import Head
from tinybert.models.loading import load_tokenizer
from tinybert.running.caches import cached_array
from tinybert.running.digests import digest
from tinybert.runtime.session import Session

CACHE = Path(".cache/exported")


class Deployed:
    """What `tinybert.models.heads` asks of a model, of an ONNX file."""

    training = False
    device = torch.device("cpu")

    def __init__(self, session: Session, config: PretrainedConfig) -> None:
        self.session, self.config = session, config
        self.one_by_one = session.one_by_one

    def eval(self) -> Deployed:
        return self

    def train(self, _: bool) -> Deployed:
        return self

    def __call__(self, **inputs: Tensor) -> Any:
        said = self.session.run({name: tensor.numpy() for name, tensor in inputs.items()})
        return ModelOutput(**{name: torch.from_numpy(values) for name, values in said.items()})


def deployed_answers(
    session: Session, head: Head, config: PretrainedConfig, rows: pd.DataFrame, max_length: int, progress: str
) -> np.ndarray:
    """`Head.answers` of an exported model: computed once for all students of a teacher, kept under what makes them."""
    folder = session.file.parents[1]
    made_of = [digest(session.file), session.one_by_one, session.threads, version("onnxruntime"), max_length]
    made_of += [digest(path) for path in (folder / "config.json", folder / "tokenizer.json", Path(__file__), *CODE)]

    def compute(part: str) -> np.ndarray:
        return head.answers(Deployed(session, config), load_tokenizer(folder), rows, max_length, progress, part)

    return cached_array(CACHE, [*made_of, digest_rows(rows)], compute)
