"""What one would ship without distilling, run with numpy and tokenizers alone: no torch, no scikit-learn.

Two are made by `tinybert.evaluate.undistilled`: `tfidf`, words and pairs of neighbouring words, weighted; and `static`,
the mean of one vector a token. Both end in a linear layer. Of a pair of texts with features u and v the layer reads
[u, v, |u − v|, u·v].
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from tinybert.errors import UserError

CONFIG, LAYER = "config.json", "layer.safetensors"
VOCABULARY, IDF = "vocabulary.json", "idf.safetensors"
TOKENIZER, VECTORS = "tokenizer.json", "model.safetensors"

ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Characters of scripts that put no space between words: each counts as a word."""
WORD = rf"[{ALONE}]|[^\W{ALONE}]+"

Row = tuple[str, ...]
"""A text, or the two of a pair."""


class TfIdf:
    """Of a text the terms that the training texts have too: weights (1 + ln count) · idf, of length 1 together."""

    def __init__(self, vocabulary: Sequence[str], idf: np.ndarray) -> None:
        """
        Args:
            vocabulary: terms, see `terms`, by their place.
            idf: of each, float (terms,).
        """
        self.places, self.idf = {term: place for place, term in enumerate(vocabulary)}, idf

    def weigh(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Places of its known terms, int64, and their weights, float32."""
        counts = Counter(place for place in map(self.places.get, terms(text)) if place is not None)
        places = np.fromiter(counts, np.int64, len(counts))
        weights = (1 + np.log(np.fromiter(counts.values(), np.float64, len(counts)))) * self.idf[places]
        return places, (weights / max(float(np.sqrt(weights @ weights)), 1e-12)).astype(np.float32)

    def features(self, row: Row) -> tuple[np.ndarray, np.ndarray]:
        """Places and values of its features: as many as terms, for a pair four times as many."""
        if len(row) == 1:
            return self.weigh(row[0])
        (of_first, first), (of_second, second) = map(self.weigh, row)
        places, back = np.unique(np.concatenate([of_first, of_second]), return_inverse=True)
        both = np.zeros((2, len(places)), np.float32)
        both[0, back[: len(first)]], both[1, back[len(first) :]] = first, second
        blocks = np.arange(4)[:, None] * len(self.places)
        return (blocks + places).ravel(), compare(*both).ravel()

    def apply(self, rows: Sequence[Row], weight: np.ndarray) -> np.ndarray:
        """Features times `weight`, (features, classes)."""
        found = map(self.features, rows)
        return np.stack([values @ weight[places] for places, values in found])


class Static:
    """Of a text the mean of its tokens' vectors, of length 1."""

    def __init__(self, tokenizer: Tokenizer, vectors: np.ndarray, unknown: int | None) -> None:
        """
        Args:
            vectors: of each token, float32 (tokens, size).
            unknown: the token that stands for what the tokenizer doesn't know, and counts for nothing.
        """
        self.tokenizer, self.vectors, self.unknown = tokenizer, vectors, unknown

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (texts, size); 0 where no token is known."""
        means = np.zeros((len(texts), self.vectors.shape[1]), np.float32)
        for place, encoding in enumerate(self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)):
            known = [token for token in encoding.ids if token != self.unknown]
            if known:
                means[place] = self.vectors[known].mean(axis=0)
        return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)

    def features(self, rows: Sequence[Row]) -> np.ndarray:
        """float32 (rows, size), for pairs four times as wide."""
        parts = [self.embed(texts) for texts in zip(*rows, strict=True)]
        return parts[0] if len(parts) == 1 else np.concatenate(compare(*parts), axis=1)

    def apply(self, rows: Sequence[Row], weight: np.ndarray) -> np.ndarray:
        """Features times `weight`, (features, classes)."""
        return self.features(rows) @ weight


class Alternative:
    """One of the two with its linear layer.

    Attributes:
        config: of its config.json: `id2label` and `problem_type` as Hugging Face has them, `alternative`, its name,
            and `label_temperature`, where its answers have probabilities.
    """

    def __init__(self, config: Mapping[str, Any], reader: TfIdf | Static, weight: np.ndarray, bias: np.ndarray) -> None:
        """
        Args:
            weight: float32 (features, classes).
            bias: float32 (classes,).
        """
        self.config, self._reader, self._weight, self._bias = config, reader, weight, bias

    def logits(self, rows: Sequence[Row]) -> np.ndarray:
        """float32 (texts, classes); (texts, 1) for regression."""
        if not rows:
            return np.zeros((0, len(self._bias)), np.float32)
        return self._reader.apply(rows, self._weight) + self._bias


def open_alternative(folder: Path) -> Alternative:
    """What `tinybert.evaluate.undistilled` wrote to a folder.

    Raises:
        UserError: a file is missing, or isn't what it should be.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        layer = load_file(folder / LAYER)
        reader = READERS[config["alternative"]](folder)
        return Alternative(config, reader, layer["weight"], layer["bias"])
    except (OSError, ValueError, LookupError, TypeError, SafetensorError) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(
            f"{folder}: expected what the stage alternatives writes: {reason}; let `dvc repro` write it again"
        ) from None


def open_tfidf(folder: Path) -> TfIdf:
    """The terms and their weights in a folder."""
    return TfIdf(json.loads((folder / VOCABULARY).read_text(encoding="utf-8")), load_file(folder / IDF)["idf"])


def open_static(folder: Path) -> Static:
    """The tokenizer and the vectors in a folder, which is one that model2vec reads too."""
    path = folder / TOKENIZER
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # it raises nothing narrower
        raise ValueError(f"{path.name}: {error}") from None
    tokenizer.no_padding()
    model = json.loads(path.read_text(encoding="utf-8"))["model"]
    unknown = model["unk_id"] if "unk_id" in model else tokenizer.token_to_id(model.get("unk_token") or "")
    # In fp32 a mean takes half the time that it takes in fp16.
    return Static(tokenizer, load_file(folder / VECTORS)["embeddings"].astype(np.float32), unknown)


READERS: dict[str, Callable[[Path], TfIdf | Static]] = {"tfidf": open_tfidf, "static": open_static}


def terms(text: str) -> list[str]:
    """The words of a text in lower case, and each with the next."""
    words = re.findall(WORD, text.lower())
    return words + [f"{one} {two}" for one, two in pairwise(words)]


def compare(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Features of two texts as those of a pair: [u, v, |u − v|, u·v], the four along the first axis."""
    return np.stack([first, second, np.abs(first - second), first * second])
