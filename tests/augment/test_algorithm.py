from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from gensim.models import KeyedVectors
from transformers import BertTokenizer

from tests.augment.conftest import TEXTS, VECTOR_WORDS, WORDS, random_masked_lm
from tinybert.augment.algorithm import Copy, Tally, vary
from tinybert.augment.candidates import MaskedWords, Place
from tinybert.augment.neighbours import Neighbours, share_vectors
from tinybert.augment.words import split
from tinybert.params.tasks import Augment

K = 4
SINGLES = [(text,) for text in TEXTS]
PAIRS = list(zip(TEXTS, [*TEXTS[2:], *TEXTS[:2]], strict=True))
ALL = " ".join(TEXTS)
LONG = [(ALL,), ("unwatchable " * 30 + ALL,), ("Boringly slow", ALL), (ALL, "A BORING movie"), ("dull",)]


@pytest.fixture
def run(tokenizer: BertTokenizer, vectors: Path):
    def run(examples, copies=3, probability=0.4, seed=7, first_row=0, batch_size=16, max_length=64, **settings):
        settings = Augment(copies=copies, probability=probability, vectors="vectors", **settings)
        masked = MaskedWords(random_masked_lm(tokenizer), tokenizer, K, max_length, batch_size, settings.masks_per_pass)
        (shared := vectors / "shared").mkdir(exist_ok=True)
        share_vectors(vectors, 100, shared)
        neighbours = Neighbours(shared, K)
        tally = Tally()
        sentences = split(tokenizer, examples)
        return vary(sentences, first_row, settings, seed, masked, neighbours, tally), tally

    return run


def texts(copies: list[Copy]) -> list[tuple[str, ...]]:
    return [copy.texts for copy in copies]


def algorithm_1(example, row, copy, p, seed, model, tokenizer, vectors, max_length, original=False):
    """One copy as the paper writes it down: word by word, candidates first, then u; the whole output of the model."""
    sides = [re.split(r"([^\W\d]+)", text) for text in example]
    places = [(side, slot) for side, parts in enumerate(sides) for slot in range(1, len(parts), 2)]
    numbers = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, row, copy)))).random((2, len(places)))
    known = KeyedVectors(8)
    known.add_vectors(VECTOR_WORDS, np.load(vectors / "vectors.npy"))
    for (side, slot), u, draw in zip(places, *numbers, strict=True):
        word = sides[side][slot]
        if tokenizer.tokenize(word) == [word.lower().replace("é", "e")]:
            seen = [re.split(r"([^\W\d]+)", text) for text in example] if original else sides
            seen[side][slot] = "[MASK]"
            whole = ["".join(parts) for parts in seen]
            encoded = tokenizer(*whole, truncation=True, max_length=max_length, return_tensors="pt")
            hits = (encoded.input_ids[0] == tokenizer.mask_token_id).nonzero()
            with torch.no_grad():
                ranked = model(**encoded).logits[0, hits[0, 0]].argsort(descending=True).tolist() if len(hits) else []
            best = [index for index in ranked if tokenizer.convert_ids_to_tokens(index) in {*WORDS, "un"}][:K]
            candidates = tokenizer.convert_ids_to_tokens(sorted(best))
        elif word.lower() in known:
            near = [other for other, _ in known.most_similar(word.lower(), topn=len(known)) if other.isalpha()][:K]
            candidates = sorted(near, key=known.get_index)
        else:
            candidates = []
        sides[side][slot] = word
        if candidates and u <= p:
            new = candidates[int(draw * len(candidates))]
            new = new.upper() if word.isupper() and len(word) > 1 else new.capitalize() if word[0].isupper() else new
            sides[side][slot] = new
    return tuple("".join(parts) for parts in sides)


@pytest.mark.parametrize(
    ("examples", "max_length"), [(SINGLES, 64), (PAIRS, 64), (LONG, 12)], ids=["singles", "pairs", "beyond max_length"]
)
@pytest.mark.parametrize("probability", [0.4, 1.0])
def test_lockstep_is_the_algorithm_done_word_by_word(
    run, examples: list[tuple[str, ...]], max_length: int, probability: float, tokenizer: BertTokenizer, vectors: Path
) -> None:
    model = random_masked_lm(tokenizer)
    expected = [
        algorithm_1(example, row, copy, probability, 7, model, tokenizer, vectors, max_length)
        for row, example in enumerate(examples)
        for copy in range(3)
    ]
    for batch_size in (1, 4, 100):
        copies, _ = run(examples, probability=probability, batch_size=batch_size, max_length=max_length)
        assert texts(copies) == expected
    assert len(set(expected)) > len(examples)


@pytest.mark.parametrize("examples", [SINGLES, PAIRS], ids=["singles", "pairs"])
def test_words_of_the_original_are_asked_for_once_for_all_copies(
    run, examples: list[tuple[str, ...]], tokenizer: BertTokenizer, vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, asked = random_masked_lm(tokenizer), []
    find = MaskedWords.find
    monkeypatch.setattr(MaskedWords, "find", lambda self, places: asked.append(places) or find(self, places))
    copies, _ = run(examples, context="original")
    assert texts(copies) == [
        algorithm_1(example, row, copy, 0.4, 7, model, tokenizer, vectors, 64, original=True)
        for row, example in enumerate(examples)
        for copy in range(3)
    ]
    (places,) = asked
    assert len(places) == len(set(places))
    assert {place.texts for place in places} <= set(examples)


def test_every_word_is_drawn_at_probability_1_from_its_source(run) -> None:
    _, tally = run([("The unwatchable zzz film, 10 films",)], copies=5, probability=1.0)
    # the, film: one piece; unwatchable, films: several; zzz: unknown to the tokenizer and to the vectors.
    # A draw from the masked language model may give the word back, one from the vectors never does.
    assert tally["by_masked_language_model"] + tally["kept"] == 10
    assert (tally["words"], tally["by_vectors"], tally["without_candidates"]) == (25, 10, 5)


def test_a_copy_depends_on_seed_row_and_copy_alone(run) -> None:
    whole, _ = run(SINGLES)
    assert texts(run(SINGLES[3:], first_row=3)[0]) == texts(whole)[9:]
    assert texts(run(SINGLES, copies=2)[0]) == [text for index, text in enumerate(texts(whole)) if index % 3 < 2]
    assert texts(run(SINGLES, seed=8)[0]) != texts(whole)
    assert texts(run(SINGLES, first_row=1)[0]) != texts(whole)


@pytest.mark.parametrize("pair", [False, True], ids=["single", "pair"])
def test_what_lies_beyond_max_length_is_never_encoded(run, pair: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of 10,000 words, which took a round and an encoding of all of it for each word that is drawn."""
    text = "the film was good and unwatchable " * (10_000 // 6 + 1)
    encoded: list[int] = []
    find = MaskedWords.find

    def counted(masked: MaskedWords, places: Sequence[Place]) -> list[Sequence[str]]:
        encoded.extend(sum(map(len, place.texts)) for place in places)
        return find(masked, places)

    monkeypatch.setattr(MaskedWords, "find", counted)
    copies, tally = run([(text, text) if pair else (text,)], copies=2, probability=0.5, max_length=16)
    sides = 1 + pair
    assert len(encoded) <= 2 * sides * 16
    assert max(encoded) <= sides * 16 * len("unwatchable ")
    assert tally["words"] == 2 * sides * len(text.split()) >= 20_000
    assert tally["by_vectors"] == pytest.approx(tally["words"] / 12, rel=0.1)  # half of each sixth, to the text's end
    assert all(copy.texts[-1].split()[-6:-1] == text.split()[-6:-1] for copy in copies)
