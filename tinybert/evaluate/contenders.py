"""What is timed for a student: the models that one would deploy in its place, and the texts that they answer."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import BertConfig, PreTrainedTokenizerBase

from tinybert.evaluate.deployed import Deployed
from tinybert.evaluate.predictions import TEXTS as COLUMNS
from tinybert.evaluate.schema import BASE, STUDENT, TEACHER, TWIN
from tinybert.evaluate.size import bert_base
from tinybert.evaluate.timing import Batch, Timed
from tinybert.models.heads import Head, head_of
from tinybert.models.loading import load_config, load_tokenizer
from tinybert.runtime.alternatives import CONFIG, Alternative, open_alternative
from tinybert.runtime.session import open_exported

BATCH, TEXTS, FULL_TEXTS = 32, 34, 8
"""Rows of the large batch; texts that go one by one in each round, and of full length. 15 rounds of the former are 510
times, enough for their slowest hundredth."""
SEED = 0
VOCABULARY = BertConfig().vocab_size


@dataclass
class FromTokens:
    """A model of transformers, or an exported one, timed from the tokens on."""

    model: Any

    @property
    def one_by_one(self) -> bool:
        return getattr(self.model, "one_by_one", False)

    def __call__(self, batch: Batch) -> object:
        return self.model(**batch.tokens)


@dataclass
class FromTexts:
    """An alternative, timed from the texts on: to look words up is half of what it does."""

    model: Alternative
    one_by_one = False

    def __call__(self, batch: Batch) -> object:
        return self.model.logits(batch.texts)


@dataclass(frozen=True)
class Contenders:
    """Where they lie.

    Attributes:
        teacher, student: folders of models.
        exported: what is taken away of the two, see `tinybert.export.folder`.
        alternatives: the task's, see `tinybert.evaluate.undistilled`.
        data: the task's test.parquet, of whose texts a sample is read.
        max_length: tokens of the texts of full length.
    """

    teacher: Path
    student: Path
    exported: Sequence[Path]
    alternatives: Path
    data: Path
    max_length: int

    def load(self, threads: int) -> dict[str, Timed]:
        """By their names in speed.json, the student's twin among them: in fp32, or as they were exported.

        All are timed on token ids that are ready, which takes tens of microseconds a text; only the alternatives read
        the texts themselves, so that their times have all that they take, and if anything too much.

        Args:
            threads: of those that are not torch's, whose number is the process's.
        """
        head = head_of(load_config(self.teacher))
        teacher, student = (head.load(folder) for folder in (self.teacher, self.student))
        twin = type(student)(deepcopy(student.config)).eval()
        models: dict[str, Timed] = {
            name: FromTokens(model) for name, model in ((TEACHER, teacher), (STUDENT, student), (TWIN, twin))
        }
        for who, model, folder in zip(("teacher", "student"), (teacher, student), self.exported, strict=True):
            for form, session in open_exported(folder, threads).items():
                models[f"{who}/{form}"] = FromTokens(Deployed(session, model.config))
        for folder in sorted(file.parent for file in self.alternatives.glob(f"*/{CONFIG}")):
            models[folder.name] = FromTexts(open_alternative(folder))
        return models

    def load_base(self) -> dict[str, Timed]:
        """The model of BERT-base's shape."""
        return {BASE: FromTokens(bert_base(load_config(self.teacher).num_labels, self.max_length))}

    def sample(self) -> dict[str, list[Batch]]:
        """What they answer, see `sample_batches`."""
        rows = pd.read_parquet(self.data).drop(columns="label")
        return sample_batches(head_of(load_config(self.teacher)), load_tokenizer(self.teacher), rows, self.max_length)


def sample_batches(
    head: Head, tokenizer: PreTrainedTokenizerBase, rows: pd.DataFrame, max_length: int
) -> dict[str, list[Batch]]:
    """What is timed, by its key in speed.json: a fixed sample of the rows, and as many tokens as may be.

    Token types are left out, since not every model takes them, and tokens that BERT-base doesn't know are others: the
    time is the same. Texts of full length are the sample's, repeated.
    """
    sample = rows.sample(max(BATCH, TEXTS), replace=len(rows) < max(BATCH, TEXTS), random_state=SEED)
    examples, collate = head.examples(tokenizer, sample, max_length)
    places = np.random.default_rng(SEED).permutation(len(examples))[: max(BATCH, TEXTS)].tolist()
    ids = torch.Generator().manual_seed(SEED)
    tokens = torch.randint(1, min(100, len(tokenizer)), (BATCH, max_length), generator=ids)
    full = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
    texts = list(sample[[name for name in COLUMNS if name in sample]].itertuples(index=False, name=None))
    if len(examples) != len(sample) or not texts:  # a row is not an example
        texts = []

    def batch(places: list[int]) -> Batch:
        made = {name: tensor for name, tensor in collate([examples[place] for place in places]).items() if name in full}
        made["input_ids"] = made["input_ids"].clamp(max=VOCABULARY - 1)
        return Batch([texts[place] for place in places] if texts else [], made)

    def long(place: int) -> tuple[str, ...]:
        own = len(examples[place]["input_ids"]) - tokenizer.num_special_tokens_to_add()
        times = ceil(max_length / max(1, own))
        return tuple(" ".join([text] * times) for text in texts[place])

    whole = Batch([long(place) for place in places[:BATCH]] if texts else [], full)
    return {
        "batch1": [batch([place]) for place in places[:TEXTS]],
        "batch32": [batch(places[:BATCH])],
        "batch1_full": [whole.first()] * FULL_TEXTS,
        "batch32_full": [whole],
    }
