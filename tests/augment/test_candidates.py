from __future__ import annotations

from transformers import BertTokenizer

from tests.augment.conftest import WORDS, random_masked_lm
from tinybert.augment.candidates import MaskedWords, Place, whole_words


def test_whole_words_are_no_pieces_signs_numbers_or_special_tokens(tokenizer: BertTokenizer) -> None:
    assert set(whole_words(tokenizer).values()) == {*WORDS, "un"}


def test_a_word_beyond_max_length_has_no_candidates(tokenizer: BertTokenizer) -> None:
    masked = MaskedWords(random_masked_lm(tokenizer), tokenizer, 5, 6, 8)
    seen, cut = masked.find([Place(("the film was good and dull",), 0, start) for start in (13, 18)])
    assert (len(seen), len(cut)) == (5, 0)


def test_equal_questions_are_asked_once(tokenizer: BertTokenizer) -> None:
    model = random_masked_lm(tokenizer)
    sizes = []
    model.get_input_embeddings().register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    places = [Place(("the film was good",), 0, start) for start in (4, 13, 4)]
    MaskedWords(model, tokenizer, 5, 64, 100).find(places)
    assert sizes == [2]
