"""A tiny world to augment in: a vocabulary of a few dozen entries, random models over it, random word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from numpy.typing import ArrayLike
from transformers import BertConfig, BertForMaskedLM, BertTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = """a the this film movie plot story acting actor scene ending was is felt seemed good bad great awful dull funny
boring bright dark slow quick and but with of i we you it s t cafe""".split()  # noqa: SIM905
PIECES = ["un", "##watch", "##able", "##s", "##ed", "##ing", "##ly", "1", "##0", "##th", ",", ".", "!", "'", '"', "-"]
VECTOR_WORDS = "unwatchable films boringly terrible good dreadful slowly , x1 horrid acted".split()  # noqa: SIM905

# Words of one piece and of several, capitals, an unknown word ("zzz"), numbers, punctuation, odd spacing, an accent.
TEXTS = [
    "The film was good , but the ending felt unwatchable.",
    "A BORING movie;  with great actors!",
    "this plot is zzz 10 times",
    "Boringly slow",
    'we felt "funny" films with the café scene - dark and bright and slow and quick and dull',
]


@pytest.fixture(scope="session")
def tokenizer() -> BertTokenizer:
    entries = SPECIAL + WORDS + PIECES
    return BertTokenizer(vocab={entry: index for index, entry in enumerate(entries)}, model_max_length=64)


def random_masked_lm(tokenizer: BertTokenizer) -> BertForMaskedLM:
    """With large weights, so that candidates depend on the context."""
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(**shape, vocab_size=len(tokenizer), max_position_embeddings=64, initializer_range=0.5)
    return BertForMaskedLM(config).eval()


@pytest.fixture(scope="session")
def masked_lm(tmp_path_factory: pytest.TempPathFactory, tokenizer: BertTokenizer) -> Path:
    """The folder of a masked language model and its tokenizer."""
    folder = tmp_path_factory.mktemp("mlm")
    random_masked_lm(tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of word vectors."""
    array = np.random.default_rng(0).normal(size=(len(VECTOR_WORDS), 8))
    return write_vectors(tmp_path_factory.mktemp("vectors"), VECTOR_WORDS, array)


def write_vectors(folder: Path, words: Sequence[str], array: ArrayLike) -> Path:
    np.save(folder / "vectors.npy", np.asarray(array, np.float32))
    pq.write_table(pa.table({"word": words}), folder / "words.parquet")
    return folder
