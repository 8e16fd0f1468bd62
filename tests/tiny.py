"""Tiny models and texts made on the spot: a language of a few dozen words, and weather that is good or bad."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import BertConfig, BertForMaskedLM, BertModel, BertTokenizer, PreTrainedTokenizerBase

from tinybert.models.heads import SequenceHead
from tinybert.models.loading import load_classifier, load_tokenizer
from tinybert.params.experiment import Experiment
from tinybert.params.table import Run
from tinybert.params.tasks import Task
from tinybert.train.loop.job import Job

GOOD = ["sunny", "warm", "bright", "lovely", "mild"]
BAD = ["stormy", "freezing", "grey", "awful", "wet"]
PLAIN = [
    "the",
    "weather",
    "was",
    "is",
    "today",
    "very",
    "and",
    "in",
    "london",
    "paris",
    "morning",
    "evening",
    "we",
    "had",
]
PIECES = ["driz", "##zly", "##ish", "blus", "##tery", ".", ",", "!"]
"""`drizzly` and `blustery` are words of several pieces."""
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *GOOD, *BAD, *PLAIN, *PIECES]


def tiny_tokenizer(vocabulary: Sequence[str] = VOCABULARY, uncased: bool = True) -> PreTrainedTokenizerBase:
    """A WordPiece tokenizer with a vocabulary of a few dozen pieces."""
    return BertTokenizer(vocab={piece: index for index, piece in enumerate(vocabulary)}, do_lower_case=uncased)


def tiny_bert(
    folder: Path,
    *,
    layers: int = 3,
    hidden: int = 24,
    heads: int = 2,
    positions: int = 32,
    head: bool = False,
    seed: int = 0,
) -> Path:
    """A folder with a random BERT and its tokenizer; `head` adds the masked-language head."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=2 * hidden,
        max_position_embeddings=positions,
    )
    (BertForMaskedLM if head else BertModel)(config).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def tiny_job(folder: Path, curves: Path, seed: int = 1) -> Job:
    """A job that is small enough for a test, with results that don't depend on the processor."""
    return Job("some-stage@weather", Run(seed=seed, precision="fp32"), 16, folder, curves)


def logits_of(folder: Path, rows: pd.DataFrame) -> np.ndarray:
    """Logits of the classifier in a folder, (rows, classes)."""
    return SequenceHead().logits(load_classifier(folder), load_tokenizer(folder), rows, 16)


def weather_report(random: np.random.Generator, good: bool) -> str:
    """A sentence such as `the weather was very sunny and mild in paris .`"""
    kinds = GOOD if good else [*BAD, "drizzly", "blustery"]
    first, second = random.choice(kinds, 2, replace=False)
    place, time = random.choice(["london", "paris"]), random.choice(["today", "in the morning", "in the evening"])
    shape = random.integers(3)
    if shape == 0:
        return f"the weather was very {first} and {second} in {place} ."
    if shape == 1:
        return f"{time} we had {first} , {second} weather ."
    return f"{place} is {first} {time} !"


def weather_rows(count: int) -> pd.DataFrame:
    """Sentences about the weather, and whether it is good."""
    random = np.random.default_rng(0)
    labels = random.integers(2, size=count)
    return pd.DataFrame({"text": [weather_report(random, bool(label)) for label in labels], "label": labels})


def one_student(task: Task, general: dict[str, Any], student: dict[str, Any]) -> Experiment:
    """An experiment of the one `task`, with a student `s` of the general student `small`."""
    kinds = {"c": "corpus", "bert": "model", "reviews": "table", "v": "vectors", "m": "model"}
    return Experiment.model_validate(
        {
            "name": "made",
            "seed": 1,
            "precision": "fp32",
            "downloads": {},
            "files": {key: {"path": key, "kind": kind} for key, kind in kinds.items()},
            "general": {"small": general},
            "tasks": {"task": task.model_dump(by_alias=True)},
            "students": {"s": student},
        }
    )
