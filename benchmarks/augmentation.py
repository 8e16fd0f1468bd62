"""How fast the augmentation is, against asking the model for one word at a time."""

from __future__ import annotations

import time
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import pyarrow.parquet as pq
import torch
import typer
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tinybert.augment.algorithm import Tally, vary
from tinybert.augment.candidates import MaskedWords, Place
from tinybert.augment.neighbours import Neighbours, share_vectors
from tinybert.augment.words import Sentence, split
from tinybert.models.loading import load_masked_lm, load_tokenizer
from tinybert.models.precision import choose, name
from tinybert.params.tasks import Augment

K, PROBABILITY = 15, 0.4
WAYS: list[dict[str, Any]] = [
    {},
    {"context": "original"},
    *({"context": "original", "masks_per_pass": masks} for masks in (2, 3, 4)),
]
BATCH_SIZE, MAX_LENGTH = 256, 64


def main(
    model: Annotated[Path, typer.Option(help="folder")] = Path("data/sources/minilm"),
    rows: Annotated[Path, typer.Option(help="a column text")] = Path("data/original/movies/train.parquet"),
    vectors: Annotated[Path, typer.Option(help="folder")] = Path("data/sources/glove"),
    sentences: Annotated[int, typer.Option(help="how many of the rows", min=1)] = 300,
    naive: Annotated[int, typer.Option(help="how many of them for the naive ways, which take long", min=1)] = 20,
    copies: Annotated[int, typer.Option(help="N_a", min=1)] = 3,
) -> None:
    """Copies per second of the augmentation, of Algorithm 1 done word by word, and of the authors' scheme.

    The authors ask for candidates once per word of the original, all copies sharing them, as `context: original` does:
    fewer passes, but the model never sees what has been replaced already.
    """
    network, tokenizer = load_masked_lm(model, new_head=True).to(choose("auto")), load_tokenizer(model)
    texts = pq.read_table(rows, columns=["text"])["text"].slice(0, sentences).to_pylist()
    cut = split(tokenizer, [(text,) for text in texts])
    words = [word for sentence in cut for word in sentence.words]
    pieces = sum(not word.single for word in words) / len(words)
    print(
        f"{len(cut)} sentences of {len(words) / len(cut):.1f} words, {pieces:.1%} of them of several pieces; "
        f"{name(network.dtype)}, {torch.get_num_threads()} threads"
    )

    some = cut[:naive]
    literal = len(some) / _passes(network, tokenizer, some, False)
    authors = len(some) * copies / _passes(network, tokenizer, some, True)
    print(f"word by word             {literal:8.1f} copies/s")
    print(f"the authors' scheme      {authors:8.1f} copies/s at {copies} copies")
    places = [
        Place(("".join(parts),), 0, sum(map(len, parts[: word.slot])))
        for sentence in cut
        for parts in sentence.sides
        for word in sentence.words
        if word.single
    ]
    exact: list[set[str]] = []
    with TemporaryDirectory() as shared:
        share_vectors(vectors, 100_000, Path(shared))
        neighbours = Neighbours(Path(shared), K)
        for way in WAYS:
            settings = Augment(copies=copies, probability=PROBABILITY, vectors="glove", **way)
            watched = deepcopy(network)
            masked = MaskedWords(watched, tokenizer, K, MAX_LENGTH, BATCH_SIZE, settings.masks_per_pass)
            passes = _watch(watched)
            started = time.perf_counter()
            vary(cut, 0, settings, 0, masked, neighbours, Tally())
            seconds = time.perf_counter() - started
            ours, of_model = len(cut) * copies / seconds, sum(passes) / seconds
            found = [set(candidates) for candidates in masked.find(places)]
            exact = exact or found
            shared_words = sum(len(one & other) for one, other in zip(exact, found, strict=True))
            print(
                f"context: {settings.context:8}, masks_per_pass: {settings.masks_per_pass}  {ours:8.1f} copies/s, "
                f"{ours / literal:.1f} times word by word, {ours / authors:.1f} times the authors' scheme; "
                f"{of_model:.0%} of the time in the model; "
                f"{shared_words / sum(map(len, exact)):.1%} of the candidates as with a mask a pass"
            )


def _watch(network: PreTrainedModel) -> list[float]:
    """A list that gets the seconds of each pass from now on."""
    forward, seconds = network.forward, list[float]()

    def timed(**inputs: Any) -> Any:
        started = time.perf_counter()
        output = forward(**inputs)
        seconds.append(time.perf_counter() - started)
        return output

    network.forward = timed
    return seconds


def _passes(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, cut: list[Sentence], twice: bool) -> float:
    """Seconds for one pass, one sentence at a time, for each word of one piece; `twice`: the original as second text.

    What is put in a word's place costs nothing here, so the words of the original serve.
    """
    started = time.perf_counter()
    with torch.inference_mode():
        for sentence in cut:
            (parts,) = sentence.sides
            for word in sentence.words:
                if word.single:
                    masked = "".join([*parts[: word.slot], tokenizer.mask_token, *parts[word.slot + 1 :]])
                    texts = [masked, "".join(parts)] if twice else [masked]
                    longest = MAX_LENGTH * len(texts)
                    encoded = tokenizer(*texts, truncation=True, max_length=longest, return_tensors="pt")
                    hits = (encoded.input_ids[0] == tokenizer.mask_token_id).nonzero()
                    if len(hits):
                        network(**encoded).logits[0, hits[0, 0]].topk(K)
    return time.perf_counter() - started
