"""What a task's models predict, and everything that depends on it: classes and numbers of a text, or spans of it.

Which head a model folder has, and how answers are read from it, stands in its config.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from torch.utils.data import DataLoader
from transformers import PretrainedConfig
from transformers import PreTrainedModel as Model
from transformers import PreTrainedTokenizerBase as Tokenizer

from tinybert.metrics.answers import best_threshold, decide
from tinybert.models.loading import REGRESSION, load_classifier, load_span_model
from tinybert.models.output_layer import answer_in_fp32
from tinybert.models.signals import head_logits
from tinybert.running.bars import Bar
from tinybert.running.memory import keep_freed_memory
from tinybert.running.results import as_arrays, kept_results
from tinybert.tokens.encoding import TEACHER_LOGITS, Padding, encode, label_array, model_inputs
from tinybert.tokens.windows import WindowPadding, encode_windows, find_answers, gold_answers

Rows = pd.DataFrame
"""A task's, as prepare-task writes them."""
BATCH_SIZE = 64
SPAN = "span"
"""The key of config.json that says how questions are read and answered; a model of spans has it, no other."""


class SequenceHead:
    """Classes, labels or a number of each text: how rows become examples, and a model's outputs answers."""

    def load(self, folder: Path, dtype: torch.dtype = torch.float32) -> Model:
        """A model with the head that it was trained with."""
        model = load_classifier(folder, dtype)
        if dtype != torch.float32 and model.config.problem_type == REGRESSION:
            answer_in_fp32(model, load_classifier(folder))
        return model

    def examples(
        self, tokenizer: Tokenizer, rows: Rows, max_length: int, teacher: np.ndarray | None = None
    ) -> tuple[Dataset, Padding]:
        """Rows to train on, with the teacher's `logits` on them where given, and what makes batches of them."""
        dataset = encode(tokenizer, rows, max_length)
        if teacher is not None:
            dataset = dataset.add_column(TEACHER_LOGITS, teacher.tolist())
        return dataset, Padding(tokenizer.pad_token_id)

    def labels(self, rows: Rows) -> np.ndarray:
        """What is right, (rows, …), as `tinybert.metrics.scores.score` takes it."""
        return label_array(rows)

    def logits(
        self, model: Model, tokenizer: Tokenizer, rows: Rows, max_length: int, progress: str = "", part: str = ""
    ) -> np.ndarray:
        """What a model computes on rows, one entry for each of `examples`: float32 (rows, classes); 1 for regression.

        Args:
            progress: what to call the work on a progress bar; no bar when empty.
            part: under which a stage keeps its progress (see `tinybert.running.results`); none is kept when empty.
        """
        keep_freed_memory()
        dataset = encode(tokenizer, rows.drop(columns="label", errors="ignore"), max_length)
        logits = np.empty((len(rows), model.config.num_labels), dtype=np.float32)
        for places, of_batch in batch_logits(model, dataset, Padding(tokenizer.pad_token_id), progress, part):
            logits[places] = of_batch
        return logits

    answers = logits
    """What a model says of rows, (rows, …), as `tinybert.metrics.scores.score` takes it."""

    def calibrate(self, model: Model, tokenizer: Tokenizer, rows: Rows, max_length: int) -> np.ndarray:
        """`answers` to the validation rows, after choosing on them what is to be chosen, kept in the model's config."""
        return self.answers(model, tokenizer, rows, max_length)


@dataclass(frozen=True)
class SpanHead:
    """The same for spans of contexts, as answers to questions.

    Attributes:
        stride: see `encode_windows`.
        longest_answer: tokens.
        no_answer: whether "" may be the answer. The margin from which on it is, is chosen by F1 on the validation rows;
            answers are scored by the rules of SQuAD 2.0, else by those of 1.1.
    """

    stride: int
    longest_answer: int
    no_answer: bool

    def config(self) -> dict[str, Any]:
        """For config.json; the threshold is that of `tinybert.metrics.answers.decide`."""
        return {SPAN: asdict(self)}

    def load(self, folder: Path, dtype: torch.dtype = torch.float32) -> Model:
        return load_span_model(folder, dtype)

    def examples(
        self, tokenizer: Tokenizer, rows: Rows, max_length: int, teacher: np.ndarray | None = None
    ) -> tuple[Dataset, Padding]:
        windows = encode_windows(tokenizer, rows, max_length, self.stride, offsets=False)
        return windows, WindowPadding(tokenizer.pad_token_id, teacher)

    def labels(self, rows: Rows) -> np.ndarray:
        return gold_answers(rows, self.no_answer)

    def logits(
        self, model: Model, tokenizer: Tokenizer, rows: Rows, max_length: int, progress: str = "", part: str = ""
    ) -> np.ndarray:
        """Of starts and ends, float32 (windows, 2, tokens); 0 at padding."""
        return self._read(model, tokenizer, rows, max_length, progress, part)[1]

    def answers(
        self, model: Model, tokenizer: Tokenizer, rows: Rows, max_length: int, progress: str = "", part: str = ""
    ) -> np.ndarray:
        """Texts, (rows,); "" for no answer."""
        read = self._read(model, tokenizer, rows, max_length, progress, part)
        found, margins = find_answers(rows, *read, self.longest_answer)
        return decide(found, margins, model.config.span["threshold"]) if self.no_answer else found

    def calibrate(self, model: Model, tokenizer: Tokenizer, rows: Rows, max_length: int) -> np.ndarray:
        found, margins = find_answers(rows, *self._read(model, tokenizer, rows, max_length), self.longest_answer)
        if not self.no_answer:
            return found
        # As few digits as say it: the last ones of a logit differ from one way of multiplying to another.
        threshold = round(best_threshold(self.labels(rows), found, margins), 4)
        model.config.span = {**model.config.span, "threshold": threshold}
        return decide(found, margins, threshold)

    def _read(
        self, model: Model, tokenizer: Tokenizer, rows: Rows, max_length: int, progress: str = "", part: str = ""
    ) -> tuple[Dataset, np.ndarray]:
        """The windows, and the logits of each."""
        unlabelled = rows.drop(columns="label", errors="ignore")
        windows = encode_windows(tokenizer, unlabelled, max_length, self.stride)
        lengths = windows.with_format("numpy")["length"][:]
        with TemporaryFile() as file:  # zeros on disk: those of a large set are gigabytes
            shape = (len(windows), 2, int(lengths.max()))
            logits = np.asarray(np.memmap(file, np.float32, "w+", shape=shape))
        collate = WindowPadding(tokenizer.pad_token_id)
        for places, of_windows in batch_logits(model, windows, collate, progress, part):
            for place, each in zip(places, of_windows, strict=True):
                logits[place, :, : lengths[place]] = each[:, : lengths[place]]
        return windows, logits


Head = SequenceHead | SpanHead


def head_of(config: PretrainedConfig) -> Head:
    """The head of a fine-tuned teacher or a student."""
    reading = getattr(config, SPAN, None)
    if reading is None:
        return SequenceHead()
    return SpanHead(reading["stride"], reading["longest_answer"], reading["no_answer"])


def batch_logits(
    model: Model, dataset: Dataset, collate: Padding, progress: str = "", part: str = ""
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """A model's logits on examples, batch by batch, float32, and the places of each batch's examples in `dataset`.

    They go through the model sorted by length, so that little of a batch is padding.
    """
    order = np.argsort(-dataset.with_format("numpy")["length"][:], kind="stable")

    @torch.inference_mode()
    def compute(first: int) -> Iterator[np.ndarray]:
        loader = DataLoader(dataset.select(order[first * BATCH_SIZE :]), BATCH_SIZE, collate_fn=collate)
        total = first + len(loader)
        for batch in Bar(loader, desc=progress, disable=not progress, unit="batch", initial=first, total=total):
            inputs = {name: tensor.to(model.device) for name, tensor in model_inputs(batch).items()}
            yield head_logits(model(**inputs)).float().cpu().numpy()

    was_training = model.training
    model.eval()
    with closing(kept_results(part, compute, as_arrays(), "batches")) as results:
        for number, logits in enumerate(results):
            yield order[number * BATCH_SIZE : (number + 1) * BATCH_SIZE], logits
    model.train(was_training)
