"""Windows of tokens on questions and contexts; answers out of them are in tests/models/test_heads.py."""

import numpy as np
import pandas as pd
import pytest

from tests.families import FAMILIES, family_tokenizer
from tests.tiny import tiny_tokenizer
from tinybert.tokens.encoding import TEACHER_LOGITS
from tinybert.tokens.windows import WindowPadding, encode_windows, gold_answers

CONTEXT = "the weather was sunny today and very mild in london , we had  drizzly paris in the morning !"


def rows(*answers, question="was paris sunny", context=CONTEXT):
    label = [{"text": text, "start": context.index(text)} for text in answers]
    return pd.DataFrame({"text": [question], "text_pair": [context], "label": [label]})


def text_of(window, context=CONTEXT):
    """What a window's labels point to; None where they point to [CLS]."""
    first, last = window["labels"]
    if first == last == window["cls"]:
        return None
    return context[window["starts"][first - window["first"]] : window["ends"][last - window["first"]]].strip()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_long_context_is_read_in_windows_that_overlap(family):
    tokenizer = family_tokenizer(family)
    windows = encode_windows(tokenizer, rows("drizzly paris"), max_length=22, stride=6).to_list()
    assert len(windows) > 1
    seen = []
    for number, window in enumerate(windows):
        assert window["window"] == number
        assert window["length"] == len(window["input_ids"]) <= 22
        assert window["input_ids"][window["cls"]] == tokenizer.cls_token_id
        question = tokenizer.decode(window["input_ids"][: window["first"]], skip_special_tokens=True)
        assert question.split() == ["was", "paris", "sunny"]
        places = list(zip(window["starts"], window["ends"], strict=True))
        assert number == 0 or seen[-6:] == places[:6]
        seen += places
        assert text_of(window) in (None, "drizzly paris")
    assert "".join(CONTEXT[start:end] for start, end in sorted(set(seen))).replace(" ", "") == CONTEXT.replace(" ", "")
    assert "drizzly paris" in [text_of(window) for window in windows]


LONG = "weather was sunny today and very mild in london , we had"


@pytest.mark.parametrize(("answers", "first"), [(("sunny", "mild"), "sunny"), ((), None), ((LONG,), None)])
def test_windows_without_the_whole_answer_point_to_cls(answers, first):
    windows = encode_windows(tiny_tokenizer(), rows(*answers), max_length=17, stride=3).to_list()
    assert [text_of(window) for window in windows] == [first] + [None] * (len(windows) - 1)


@pytest.mark.parametrize("others", [["sunny", "mild"], []])
def test_the_first_answer_that_stands_in_the_context_is_learnt(others):
    table = rows(*others)
    table["label"] = [[{"text": "unsunny", "start": -1}, *table["label"][0]]]
    (window,) = encode_windows(tiny_tokenizer(), table, max_length=40, stride=0).to_list()
    assert text_of(window) == (others[0] if others else None)


def test_an_answer_within_a_word_takes_the_pieces_it_touches():
    (window,) = encode_windows(tiny_tokenizer(), rows("zly par"), max_length=40, stride=0).to_list()
    assert text_of(window) == "zly paris"


@pytest.mark.parametrize("family", ["bert", "bert-cased", "roberta"])
@pytest.mark.parametrize(
    ("context", "answer"),
    [
        ("was wet in parise\u0301 today", "parise\u0301"),
        ("was wet in parise\u0301", "parise\u0301"),
        ("\u200blondon weather", "\u200blondon"),
        ("was wet in \u200blondon\u200b today", "\u200blondon\u200b"),
        ("\u200b\u200elondon\u0332\u20dd\u200d", "\u200b\u200elondon\u0332\u20dd\u200d"),
        ("lon\u00addon weather", "lon\u00addon"),
    ],
)
def test_marks_belong_to_their_token(family, context, answer):
    """Whether the tokenizer reads over a mark, as BERT's does, or has tokens for it."""
    table = rows(answer, context=context)
    (window,) = encode_windows(family_tokenizer(family), table, max_length=40, stride=0).to_list()
    assert text_of(window, context) == answer
    assert window["starts"] == sorted(window["starts"])
    assert window["ends"] == sorted(window["ends"])


def test_a_mark_stays_with_the_token_before_it():
    context = "london\u200b, paris"
    (window,) = encode_windows(tiny_tokenizer(), rows(context=context), 40, 0).to_list()
    places = zip(window["starts"], window["ends"], strict=True)
    assert [context[start:end] for start, end in places] == ["london\u200b", ",", "paris"]
    (window,) = encode_windows(family_tokenizer("roberta"), rows("london", context=context), 40, 0).to_list()
    assert text_of(window, context) == "london"


def test_only_a_question_without_room_for_its_context_is_cut():
    question = ["was", "paris", "sunny", "today", "and", "very", "mild", "in", "the", "morning"]
    for words in range(1, 11):
        (window, *_) = encode_windows(tiny_tokenizer(), rows(question=" ".join(question[:words])), 24, 8).to_list()
        assert window["first"] == 2 + min(words, 8)
    assert len(window["starts"]) == 24 - 8 - 3


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("question", ["\u321d" * 60, "was " + "\u321d" * 60, "\ufdfa" * 60, "drizzly " * 40, "x" * 300])
def test_a_question_is_cut_at_a_character(family, question):
    """`\u321d` is six characters after NFKC, `\ufdfa` eighteen."""
    tokenizer = family_tokenizer(family)
    windows = encode_windows(tokenizer, rows("sunny", question=question), max_length=32, stride=8).to_list()
    assert "sunny" in [text_of(window) for window in windows]
    assert all(window["length"] <= 32 for window in windows)


def test_logits_go_with_their_windows_and_are_cut_to_the_batch():
    windows = encode_windows(tiny_tokenizer(), rows("sunny"), max_length=17, stride=3)
    logits = np.random.default_rng(0).normal(size=(len(windows), 2, 17)).astype(np.float32)
    last = windows[len(windows) - 1]
    batch = WindowPadding(0, logits)([last])
    assert set(batch) == {"input_ids", "attention_mask", "labels", TEACHER_LOGITS, "token_type_ids"}
    np.testing.assert_array_equal(batch[TEACHER_LOGITS][0], logits[-1, :, : last["length"]])
    assert batch["labels"].tolist() == [last["labels"]]


def test_right_answers_are_texts():
    table = pd.concat([rows("the", "sunny", "mild"), rows()])
    assert gold_answers(table, no_answer=False).tolist() == [("the", "sunny", "mild"), ()]
    assert gold_answers(table, no_answer=True).tolist() == [("sunny", "mild"), ()]
