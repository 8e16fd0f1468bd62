"""A predictor that knows one word, and a server of it: `python -m tests.serve.fake_model PORT SECONDS`."""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace

from tinybert.errors import UserError


class FakeModel:
    """Says `good` of rows with `sunny` in them, `<b>bad</b>` of others; refuses `broken`."""

    name, kind, type, labels, texts, max_length = "fake", "onnx", "classification", ["<b>bad</b>", "good"], 1, 16

    def __init__(self, seconds: float = 0.0, one_by_one: bool = False) -> None:
        self.seconds, self.one_by_one, self.batches = seconds, one_by_one, []

    def answer(self, rows):
        self.batches.append(len(rows))
        time.sleep(self.seconds)
        if ("broken",) in rows:
            raise UserError("the text can't be read")
        return [self.one(" ".join(row)) for row in rows]

    def one(self, text: str) -> SimpleNamespace:
        share = 0.9 if "sunny" in text else 0.2
        label = self.labels[share > 0.5]
        return SimpleNamespace(label=label, probabilities={"<b>bad</b>": 1 - share, "good": share}, logits=[0.0, share])


if __name__ == "__main__":
    from tinybert.serve.limits import Limits
    from tinybert.serve.server import bind, serve_models

    limits = Limits(texts=8, characters=50, queue=8, batch=2)
    serve_models([FakeModel(float(sys.argv[2]))], bind("127.0.0.1", int(sys.argv[1])), limits, threads=1)
