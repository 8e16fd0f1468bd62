"""The words that an answer hangs on."""

from tests.serve.fake_model import FakeModel
from tinybert.serve.occlusion import MOST, weigh_words, without_each_word

MODEL = FakeModel()


def explain(*row):
    parts = weigh_words(row[-1], MODEL.answer(without_each_word(row)))
    assert "".join(part.text for part in parts) == row[-1]
    return parts


def test_the_word_that_decides_is_found():
    parts = explain("It's <i>sunny</i>, don't ask.")
    assert [(part.text, part.weight) for part in parts if part.flips] == [("sunny", 0.7)]
    assert {part.text for part in parts if part.weight is not None} >= {"It's", "don't"}


def test_of_a_pair_the_second_text_is_tried():
    assert [part.text for part in explain("wet", "indeed sunny") if part.flips] == ["sunny"]


def test_of_a_long_text_the_first_words():
    parts = explain("wet " * (MOST + 5))
    assert sum(part.weight is not None for part in parts) == MOST
