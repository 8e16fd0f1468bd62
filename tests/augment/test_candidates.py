from __future__ import annotations

import torch
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


def test_words_far_enough_apart_share_a_pass(tokenizer: BertTokenizer) -> None:
    """Tokens 2, 4, 8 and 10 of one text, two to a pass: 2 with 8 and 4 with 10, six apart; one of another text."""
    text, words = "the film was good and dull but the ending felt slow", (1, 3, 7, 9)
    starts = [sum(len(word) + 1 for word in text.split()[:number]) for number in words]
    places = [Place((text,), 0, start) for start in starts] + [Place(("dull film",), 0, 5)]
    model, whole, passes = random_masked_lm(tokenizer), random_masked_lm(tokenizer), []
    model.get_input_embeddings().register_forward_pre_hook(lambda _, inputs: passes.extend(inputs[0].tolist()))
    found = MaskedWords(model, tokenizer, 5, 64, 100, masks=2).find(places)
    assert len(passes) == 3
    entries = list(whole_words(tokenizer))
    for together in ((2, 8), (4, 10)):
        ids = torch.tensor(tokenizer(text).input_ids)
        ids[list(together)] = tokenizer.mask_token_id
        assert ids.tolist() in passes
        with torch.no_grad():
            logits = whole(ids[None]).logits[0][list(together)][:, entries]
        for place, best in zip(together, logits.topk(5).indices.sort().values.tolist(), strict=True):
            expected = tokenizer.convert_ids_to_tokens([entries[index] for index in best])
            assert list(found[words.index(place - 1)]) == expected
    (alone,) = MaskedWords(random_masked_lm(tokenizer), tokenizer, 5, 64, 100).find(places[-1:])
    assert list(found[-1]) == list(alone)
