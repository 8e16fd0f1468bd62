"""A model as it is taken away: an ONNX file, run by onnxruntime without torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from tinybert.errors import UserError

TYPES = "token_type_ids"
FACTS = "export.json"
"""What an exported folder says of itself."""
DYNAMIC = "dynamic"
"""The method of int8 that scales by all that is read together."""
FP32, INT8 = Path("onnx/model.onnx"), Path("onnx/model_quantized.onnx")
"""Their places in an exported folder, where transformers.js and text-embeddings-inference look for them too."""


class Session:
    """An ONNX file of an encoder with its head.

    Attributes:
        inputs: what it reads, by name: each int64 (texts, tokens).
    """

    def __init__(self, file: Path, one_by_one: bool = False, threads: int = 0) -> None:
        """
        Args:
            one_by_one: whether each text goes through alone and without padding, whatever is asked for at once: a model
                that is quantised dynamically scales by all that it reads together, so that its answer to a text would
                depend on the texts beside it.
            threads: of one pass; 0 is one for each core.

        Raises:
            UserError: the file is missing, or is no model that onnxruntime can read.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that wait for the next pass would take a core from what else runs: what is timed beside it, for one.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.log_severity_level = 3  # errors; what it warns of is the exporter's business
        try:
            self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # a class of its own for each cause
            reason = str(error).splitlines()[0] if file.exists() else "it isn't there"
            raise UserError(f"{file}: expected a model in ONNX format: {reason}; export it anew") from None
        self.file, self.one_by_one, self.threads = file, one_by_one, threads
        self.inputs = [each.name for each in self._session.get_inputs()]
        self.outputs = [each.name for each in self._session.get_outputs()]

    def __deepcopy__(self, _: object) -> Session:
        return Session(self.file, self.one_by_one, self.threads)

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Its outputs by name, float32: `logits` (texts, classes), or `start_logits` and `end_logits` (texts, tokens).

        Args:
            inputs: those that it reads, (texts, tokens), padded on the right.
        """
        read = self.complete(inputs)
        if not self.one_by_one:
            return dict(zip(self.outputs, self._session.run(None, read), strict=True))
        rows = [
            self._session.run(None, {name: each[place : place + 1, :length] for name, each in read.items()})
            for place, length in enumerate(inputs["attention_mask"].sum(axis=1).tolist())
        ]
        return {name: _stack(row[place] for row in rows) for place, name in enumerate(self.outputs)}

    def complete(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Those that it reads; token types, which are often left out of single texts, are 0."""
        types = {} if TYPES in inputs else {TYPES: np.zeros_like(inputs["input_ids"])}
        return {name: {**inputs, **types}[name] for name in self.inputs}


def open_exported(folder: Path, threads: int = 0) -> dict[str, Session]:
    """What an exported folder holds: `onnx`, the file in fp32, and `int8`, where one was kept.

    Raises:
        UserError: see `Session`.
    """
    method = int8_method(folder)
    sessions = {"onnx": Session(folder / FP32, threads=threads)}
    if method:
        sessions["int8"] = Session(folder / INT8, method == DYNAMIC, threads)
    return sessions


def int8_method(folder: Path) -> str | None:
    """How an exported folder's int8 was made; None where there is none.

    Raises:
        UserError: the folder doesn't say.
    """
    try:
        method: str | None = json.loads((folder / FACTS).read_text(encoding="utf-8"))["int8"]["method"]
    except (OSError, ValueError, LookupError, TypeError):
        raise UserError(f"{folder}: expected {FACTS}, which says how its int8 is to be run; export it anew") from None
    return method


def _stack(rows: Iterable[np.ndarray]) -> np.ndarray:
    """Outputs of one text each, (1, …), as those of a batch: 0 where a text has no token."""
    rows = list(rows)
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows])
