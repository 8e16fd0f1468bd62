import pytest
from transformers import BertConfig, XLNetConfig

from tests.tiny import VOCABULARY, tiny_bert, tiny_tokenizer
from tinybert.errors import UserError
from tinybert.models.compatibility import require_length, require_same_tokenizer


def test_another_vocabulary_is_refused(tmp_path):
    one = tiny_bert(tmp_path / "one")
    two = tiny_bert(tmp_path / "two")
    require_same_tokenizer(one, two)
    tiny_tokenizer([*VOCABULARY[:-2], VOCABULARY[-1], VOCABULARY[-2]]).save_pretrained(two)
    with pytest.raises(UserError, match="different vocabularies"):
        require_same_tokenizer(one, two)


def test_another_casing_is_refused(tmp_path):
    one, two = tiny_bert(tmp_path / "one"), tiny_bert(tmp_path / "two")
    tiny_tokenizer(uncased=False).save_pretrained(two)
    with pytest.raises(UserError, match="split text differently"):
        require_same_tokenizer(one, two)


def test_a_model_without_a_limit_of_positions_takes_any_length():
    require_length(XLNetConfig(), 10_000)  # it says that it has −1
    with pytest.raises(UserError, match="10000 is above the 512 positions of this bert model"):
        require_length(BertConfig(), 10_000)
