from __future__ import annotations

import pytest
from transformers import BertTokenizer

from tests.augment.conftest import TEXTS
from tinybert.augment.words import in_style_of, split


def test_joined_parts_are_the_text(tokenizer: BertTokenizer) -> None:
    texts = [*TEXTS, "", "   ", "!?", "北京 good", "\tgood\u00a0 film \n", "😀good", "cafe\u0301.", "go\u200bod x\x00y"]
    for text, sentence in zip(texts, split(tokenizer, [(text,) for text in texts]), strict=True):
        assert "".join(sentence.sides[0]) == text
        for word in sentence.words:
            assert sentence.sides[0][word.slot] == word.text


def test_words_have_letters_and_know_whether_they_are_one_piece(tokenizer: BertTokenizer) -> None:
    (sentence,) = split(tokenizer, [('The films, 10 "zzz" 10th UNWATCHABLE [MASK] it\'s',)])
    assert [(word.text, word.single) for word in sentence.words] == [
        ("The", True),
        ("films", False),
        ("zzz", False),  # [UNK] is one piece, but not the word's
        ("10th", False),
        ("UNWATCHABLE", False),
        ("[MASK]", False),
        ("it", True),
        ("s", True),
    ]


def test_an_accent_apart_from_its_letter_goes_with_its_word(tokenizer: BertTokenizer) -> None:
    (sentence,) = split(tokenizer, [("a cafe\u0301 film",)])
    assert sentence.words[1].text == "cafe\u0301"


def test_words_of_a_pair_know_their_side(tokenizer: BertTokenizer) -> None:
    (sentence,) = split(tokenizer, [("good film", "bad")])
    assert [(word.side, word.text) for word in sentence.words] == [(0, "good"), (0, "film"), (1, "bad")]


@pytest.mark.parametrize(
    ("original", "replacement", "styled"),
    [
        ("Good", "fine", "Fine"),
        ("GOOD", "fine", "FINE"),
        ("good", "fine", "fine"),
        ("I", "they", "They"),
        ("good", "Paris", "Paris"),
    ],
)
def test_capitals_are_kept(original: str, replacement: str, styled: str) -> None:
    assert in_style_of(original, replacement) == styled
