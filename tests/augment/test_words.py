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
    assert [(word.text, word.single) for word in sentence.words] == [
        ("The", True),
        ("films", False),
        ("zzz", False),  # [UNK] is one piece, but not the word's
        ("10th", False),
        ("UNWATCHABLE", False),
        ("[MASK]", False),
        ("it", True),  # the s stays: `'s` is nothing without its word
    ]


def test_an_accent_apart_from_its_letter_goes_with_its_word(tokenizer: BertTokenizer) -> None:
    (sentence,) = split(tokenizer, [("a cafe\u0301 film",)])
    assert sentence.words[1].text == "cafe\u0301"


def test_a_chinese_character_is_a_word() -> None:
    chinese = tiny_tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "天", "气", "好", "##好", "。", "good"])
    (sentence,) = split(chinese, [("天气很good好。",)])
    assert [(word.text, word.single) for word in sentence.words] == [
        ("天", True),
        ("气", True),
        ("很", False),  # not in the vocabulary
        ("good", True),
        ("好", True),
    ]
    assert set(whole_words(chinese).values()) == {"天", "气", "好", "good"}


def test_a_cased_vocabulary_keeps_its_capitals() -> None:
    cased = tiny_tokenizer(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "Good", "Paris", "##s"], uncased=False
    )
    (sentence,) = split(cased, [("Good goods Paris paris",)])
    assert [(word.text, word.single) for word in sentence.words] == [
        ("Good", True),
        ("goods", False),
        ("Paris", True),
        ("paris", False),
    ]
    assert set(whole_words(cased).values()) == {"good", "Good", "Paris"}


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
