"""Texts that stand in several rows."""

import unicodedata

import numpy as np
import pytest

from tinybert.errors import UserError
from tinybert.tables.repeated import count_conflicts, count_mirrored, same_text, separate


@pytest.mark.parametrize(
    ("texts", "splits", "apart", "removed"),
    [
        (
            [("Fine  Film",), ("bad",), ("fine film",), ("so so",), ("So so ",), ("BAD",), ("new",), ("bad",)],
            {"train": [0, 1, 3, 6], "validation": [2, 4], "test": [5, 7]},
            {"train": [6], "validation": [2, 4], "test": [5, 7]},
            {"train": {"validation": 2, "test": 1}, "validation": {"test": 0}},
        ),
        (  # a pair repeats only as a pair
            [("a", "b"), ("a", "c"), ("b", "a"), ("A", "b")],
            {"train": [0, 1], "validation": [2], "test": [3]},
            {"train": [1], "validation": [2], "test": [3]},
            {"train": {"validation": 0, "test": 1}, "validation": {"test": 0}},
        ),
        (  # further test sets stay whole
            [("a",), ("b",), ("c",), ("a",), ("b",), ("b",)],
            {"train": [0, 1, 2], "validation": [3], "test": [4], "more": [5]},
            {"train": [2], "validation": [3], "test": [4], "more": [5]},
            {"train": {"validation": 1, "test": 1, "more": 0}, "validation": {"test": 0, "more": 0}},
        ),
    ],
)
def test_a_text_of_a_test_split_is_nowhere_else(texts, splits, apart, removed):
    found = separate({name: np.array(rows) for name, rows in splits.items()}, texts)
    assert {name: rows.tolist() for name, rows in found[0].items()} == apart
    assert list(found[0]) == list(splits)
    assert found[1] == removed


def test_nothing_left():
    splits = {"train": np.array([0]), "validation": np.array([1]), "test": np.array([2])}
    with pytest.raises(UserError, match="nothing is left of the validation split"):
        separate(splits, [("a",), ("b",), ("b",)])


def test_conflicts_are_texts_with_several_labels():
    texts = [("a",), ("A ",), ("b",), ("b",), ("c",)]
    assert count_conflicts(texts, np.array([0, 1, 1, 1, 0])) == 1


@pytest.mark.parametrize("text", ["Élan, 한국어, Ǻ", "ǰ ΐ ﬁ", "Straße"])
def test_the_same_text_however_it_is_written(text):
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        for other in (text, text.upper(), text.lower(), f" {text}\u00a0"):
            assert same_text((unicodedata.normalize(form, other),)) == same_text((text,))
    assert same_text(("ＧＯＯＤ　ｆｉｌｍ",)) == same_text(("good film",))
    assert same_text(("elan",)) != same_text(("élan",))


def test_pairs_the_other_way_round_are_counted():
    texts = [("a", "b"), ("B ", "a"), ("c", "d"), ("d", "c"), ("e", "e"), ("c", "d")]
    splits = {"train": np.array([0, 2, 4]), "validation": np.array([3]), "test": np.array([1]), "more": np.array([5])}
    assert count_mirrored(splits, texts) == 3  # 0 in test, 2 in validation, 3 in the further test set
