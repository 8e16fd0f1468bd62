"""An exported model in the place of one of torch's: read by the same code, scored on the same rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from transformers import PretrainedConfig

from tinybert.runtime.session import Session


class Outputs(SimpleNamespace):
    """What a model says, by name."""

    def __contains__(self, name: str) -> bool:
        return name in vars(self)


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
        return Outputs(**{name: torch.from_numpy(values) for name, values in said.items()})
