from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertTokenizer,
    DistilBertConfig,
    DistilBertForMaskedLM,
    ElectraConfig,
    ElectraForMaskedLM,
    PreTrainedModel,
)

from tests.augment.conftest import WORDS
from tinybert.augment.candidates import MaskedWords, Place, whole_words

# Texts, the side and the word to mask.
MASKED = [
    (("the film was good",), 0, "film"),
    (("the film was good",), 0, "good"),
    (("unwatchable, boringly bad!",), 0, "bad"),
    (("a good plot", "dull , unwatchable but quick"), 0, "good"),
    (("a good plot", "dull , unwatchable but quick"), 1, "but"),
    (("the film was good",), 0, "film"),
]
PLACES = [Place(texts, side, texts[side].index(word)) for texts, side, word in MASKED]

MODELS = {
    "bert": (BertForMaskedLM, BertConfig, {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}),
    "electra": (
        ElectraForMaskedLM,
        ElectraConfig,
        {"hidden_size": 16, "embedding_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2},
    ),
    # Not laid out as BERT is, so the masked position is picked before the output layer.
    "distilbert": (DistilBertForMaskedLM, DistilBertConfig, {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}),
}


def make(name: str, vocabulary: int) -> PreTrainedModel:
    model, config, shape = MODELS[name]
    common: dict[str, Any] = {"vocab_size": vocabulary, "max_position_embeddings": 64, "initializer_range": 0.5}
    torch.manual_seed(0)
    return model(config(**shape, **common, **({} if name == "distilbert" else {"intermediate_size": 32}))).eval()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_candidates_are_the_most_probable_whole_words_of_the_full_output(
    name: str, batch_size: int, tokenizer: BertTokenizer
) -> None:
    full = make(name, len(tokenizer))
    found = MaskedWords(make(name, len(tokenizer)), tokenizer, 5, 64, batch_size).find(PLACES)
    for (texts, side, word), candidates in zip(MASKED, found, strict=True):
        masked = [text.replace(word, "[MASK]") if index == side else text for index, text in enumerate(texts)]
        encoded = tokenizer(*masked, return_tensors="pt", return_token_type_ids=name != "distilbert")
        position = encoded.input_ids[0].tolist().index(tokenizer.mask_token_id)
        with torch.no_grad():
            ranked = full(**encoded).logits[0, position].argsort(descending=True)
        words = [entry for entry in tokenizer.convert_ids_to_tokens(ranked.tolist()) if entry in {*WORDS, "un"}]
        assert sorted(candidates) == sorted(words[:5])


def test_whole_words_are_no_pieces_signs_numbers_or_special_tokens(tokenizer: BertTokenizer) -> None:
    assert set(whole_words(tokenizer).values()) == {*WORDS, "un"}


def test_a_word_beyond_max_length_has_no_candidates(tokenizer: BertTokenizer) -> None:
    masked = MaskedWords(make("bert", len(tokenizer)), tokenizer, 5, 6, 8)
    seen, cut = masked.find(
        [Place(("the film was good and dull",), 0, 13), Place(("the film was good and dull",), 0, 18)]
    )
    assert seen is not None
    assert cut is None


def test_equal_questions_are_asked_once(tokenizer: BertTokenizer) -> None:
    model = make("bert", len(tokenizer))
    sizes = []
    model.get_input_embeddings().register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    MaskedWords(model, tokenizer, 5, 64, 100).find(PLACES)
    assert sizes == [len(set(PLACES))]
