from __future__ import annotations

import pytest
from transformers import BertTokenizer

from tests.augment.conftest import TEXTS
from tests.tiny import tiny_tokenizer
from tinybert.augment.candidates import whole_words
from tinybert.augment.words import in_style_of, split


def test_joined_parts_are_the_text(tokenizer: BertTokenizer) -> None:
    texts = [*TEXTS, "", "   ", "!?", "北京 good", "\tgood\u00a0 film \n", "😀good", "cafe\u0301.", "go\u200bod x\x00y"]
    for text, sentence in zip(texts, split(tokenizer, [(text,) for text in texts]), strict=True):
        assert "".join(sentence.sides[0]) == text
        for word in sentence.words:
            assert sentence.sides[0][word.slot] == word.text


def test_words_have_letters_and_know_whether_they_are_one_piece(tokenizer: BertTokenizer) -> None:
    (sentence,) = split(tokenizer, [('The films, 10 "zzz" 10th UNWATCHABLE [MASK] it\'s',)])
    several = ["films", "zzz", "10th", "UNWATCHABLE", "[MASK]"]  # [UNK], for zzz, is one piece, but not the word's
    words = [("The", True), *((word, False) for word in several), ("it", True)]  # `'s` is nothing without its word
    assert [(word.text, word.single) for word in sentence.words] == words


def test_an_accent_apart_from_its_letter_goes_with_its_word(tokenizer: BertTokenizer) -> None:
    (sentence,) = split(tokenizer, [("a cafe\u0301 film",)])
    assert sentence.words[1].text == "cafe\u0301"


SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.mark.parametrize(
    ("pieces", "text", "single", "several", "whole"),
    [
        ("天 气 好 ##好 。 good", "天气很good好。", "天 气 good 好", "很", "天 气 好 good"),  # 很 is not known
        ("good Good Paris ##s", "Good goods Paris paris", "Good Paris", "goods paris", "good Good Paris"),
    ],
    ids=["each Chinese character is a word", "a cased vocabulary keeps its capitals"],
)
def test_words_of_other_vocabularies(pieces: str, text: str, single: str, several: str, whole: str) -> None:
    tokenizer = tiny_tokenizer([*SPECIAL, *pieces.split()], uncased=False)
    (sentence,) = split(tokenizer, [(text,)])
    found = {is_single: [w.text for w in sentence.words if w.single == is_single] for is_single in (True, False)}
    assert found == {True: single.split(), False: several.split()}
    assert set(whole_words(tokenizer).values()) == set(whole.split())


def test_words_of_a_pair_know_their_side(tokenizer: BertTokenizer) -> None:
    (sentence,) = split(tokenizer, [("good film", "bad")])
    assert [(word.side, word.text) for word in sentence.words] == [(0, "good"), (0, "film"), (1, "bad")]


@pytest.mark.parametrize(
    "case", ["Good fine Fine", "GOOD fine FINE", "good fine fine", "I they They", "good Paris Paris"]
)
def test_capitals_are_kept(case: str) -> None:
    original, replacement, styled = case.split()
    assert in_style_of(original, replacement) == styled
