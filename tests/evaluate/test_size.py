"""Parameters and bytes of models, and the paper's FLOPs from the shapes alone."""

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from tests.families import FAMILIES
from tinybert.evaluate.size import TOKENS, count_flops, sizes, weight_bytes
from tinybert.params.architectures import ARCHITECTURES


def bert(name):
    shape = ARCHITECTURES[name]
    return BertConfig(
        num_hidden_layers=shape.layers,
        hidden_size=shape.hidden,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
    )


def test_as_many_as_in_the_papers_table():
    configs = [BertConfig(), *map(bert, ("tinybert4", "tinybert6", "bert-small"))]
    billions = [count_flops(config) / 1e9 for config in configs]
    assert billions == pytest.approx([22.5, 1.2, 11.3, 3.4], rel=0.05)


def test_every_product_is_counted():
    shape = ARCHITECTURES["tinybert4"]
    width = shape.hidden
    products = TOKENS * (4 * width**2 + 2 * width * shape.intermediate) + 2 * TOKENS**2 * width
    assert count_flops(bert("tinybert4")) == 2 * (shape.layers * products + width**2)  # the pooler looks at one token


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(family):
    """Also one whose positions end before the 128th token."""
    kind, shape = FAMILIES[family]
    assert count_flops(kind(**shape, vocab_size=80, pad_token_id=1)) > 2 * 3 * TOKENS * (4 * 24**2 + 2 * 24 * 48)


def test_tinybert4_has_the_size_that_the_project_states():
    with torch.device("meta"):
        found = sizes(BertForSequenceClassification(bert("tinybert4")), 1)
    assert found["parameters"] == 14_350_874
    assert found["parameters"] - found["encoder_parameters"] == (30522 + 512 + 2) * 312 + 2 * 312


def test_projections_are_not_part_of_the_student(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"12345")
    (tmp_path / "projections.safetensors").write_bytes(b"123")
    assert weight_bytes(tmp_path) == 5
