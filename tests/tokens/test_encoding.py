import pandas as pd
import pytest
import torch

from tests.tiny import tiny_tokenizer
from tinybert.tokens.encoding import Padding, encode, model_inputs, unknown_share

TOKENIZER = tiny_tokenizer()


def test_rows_become_ids_lengths_and_labels():
    rows = pd.DataFrame({"text": ["sunny today", "very very wet weather"], "label": [1, 0]})
    dataset = encode(TOKENIZER, rows, max_length=5)
    assert TOKENIZER.convert_ids_to_tokens(dataset[0]["input_ids"]) == ["[CLS]", "sunny", "today", "[SEP]"]
    assert TOKENIZER.convert_ids_to_tokens(dataset[1]["input_ids"]) == ["[CLS]", "very", "very", "wet", "[SEP]"]
    assert list(dataset["length"]) == [4, 5]
    assert list(dataset["labels"]) == [1, 0]


def test_tokens_that_stand_for_what_is_unknown():
    assert unknown_share(TOKENIZER, ["sunny", "☔ weather ☔", ""]) == 0.5


def test_pairs_have_token_types():
    rows = pd.DataFrame({"text": ["sunny"], "text_pair": ["wet today"]})
    example = encode(TOKENIZER, rows, max_length=16)[0]
    assert TOKENIZER.convert_ids_to_tokens(example["input_ids"]) == ["[CLS]", "sunny", "[SEP]", "wet", "today", "[SEP]"]
    assert example["token_type_ids"] == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [({"label": [2.5, 1.0]}, [2.5, 1.0]), ({"label": [0, 1], "probability": [0.25, 1.0]}, [[0.75, 0.25], [0.0, 1.0]])],
)
def test_numbers_and_probabilities_are_learnt_as_they_are(columns, expected):
    rows = pd.DataFrame({"text": ["wet", "sunny"]} | columns)
    labels = Padding(0)(list(encode(TOKENIZER, rows, max_length=8)))["labels"]
    assert labels.tolist() == expected
    assert labels.dtype == torch.float32


def test_a_batch_is_padded_to_its_own_longest():
    rows = pd.DataFrame({"text": ["sunny", "very wet today"], "label": [1, 0]})
    batch = Padding(0)(list(encode(TOKENIZER, rows, max_length=16)))
    assert batch["input_ids"].shape == (2, 5)
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert batch["labels"].tolist() == [1, 0]
    assert set(model_inputs(batch)) == {"input_ids", "attention_mask"}
