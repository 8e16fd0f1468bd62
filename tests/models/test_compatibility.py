"""Losses that compare what can't be compared are refused, and every way out that the refusal names is one."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from transformers import AutoModel, BertConfig, LongformerConfig, MPNetConfig, NystromformerConfig, XLNetConfig

from tests.families import SHAPE, family_model, family_tokenizer
from tests.tiny import VOCABULARY
from tinybert.errors import UserError
from tinybert.evaluate.attention_maps import compare_attention
from tinybert.models.compatibility import require_comparable, require_length
from tinybert.models.initialise import initialise_student
from tinybert.models.signals import SignalModel
from tinybert.params.architectures import Architecture

STUDENT = Architecture(layers=2, hidden=16, heads=2, intermediate=32)
TWELVE = {"hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 12}


def compare(teacher, hidden=320, heads=16, relation_heads=16, **losses):
    architecture = Architecture(layers=4, hidden=hidden, heads=heads, intermediate=64)
    require_comparable({"attention": 0, "relations": 0} | losses, "uniform", relation_heads, architecture, teacher)


def refusal(teacher, **settings):
    with pytest.raises(UserError) as error:
        compare(teacher, **settings)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_sixteen_heads_against_twelve():
    teacher = BertConfig(**TWELVE)
    assert refusal(teacher, attention=1) == (
        "the attention loss needs a student with the teacher's 12 heads, found 16; set the architecture's heads to 12, "
        "and hidden to a multiple of them such as 312, or learn relations instead (relation_heads that divide 320 and "
        "768: 8, 16, 32, 64), or learn from hidden only, with attention: 0"
    )
    compare(teacher, attention=1, hidden=312, heads=12)
    for relation_heads in (8, 16, 32, 64):
        compare(teacher, relations=1, relation_heads=relation_heads)
    compare(teacher, hidden=320)


def test_relations_are_no_way_out_where_there_are_none():
    assert "relation" not in refusal(MPNetConfig(**TWELVE), attention=1)


def test_relation_heads_that_are_named_divide_both_widths():
    teacher = BertConfig(**TWELVE)
    found = refusal(teacher, relations=1, relation_heads=48, hidden=312, heads=12)
    assert found == (
        "relation_heads: 48 relation heads do not divide a width of 312; take one of 8, 12, 24 (for 312 and 768)"
    )
    assert "take one of 4 (" in refusal(teacher, relations=1, relation_heads=5, hidden=20, heads=4)


@pytest.mark.parametrize("family", ["mpnet", "deberta", "deberta-v2"])
def test_relations_of_a_family_that_computes_its_own_attention(family):
    model = family_model(family)
    expected = f"queries, keys and values of a {family} model cannot be captured; set relations to 0 and learn from"
    ways_out = "attention, by a student with the teacher's number of heads, or hidden only, or take a teacher"
    with pytest.raises(UserError, match=expected) as error:
        require_comparable({"attention": 0, "relations": 1}, "last", 8, STUDENT, model.config)
    assert ways_out in str(error.value)
    require_comparable({"attention": 1, "relations": 0}, "last", 8, STUDENT, model.config)
    signals = SignalModel(model, records_scores=True)
    with pytest.raises(UserError, match=expected):
        signals({"input_ids": model.dummy_inputs["input_ids"][:, :3]}, vectors=(1,))


LONGFORMER = LongformerConfig(**SHAPE, attention_window=4, vocab_size=len(VOCABULARY), pad_token_id=0)
NYSTROMFORMER = NystromformerConfig(**SHAPE, segment_means_seq_len=128, vocab_size=64)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (LONGFORMER, "neither attention scores nor queries, keys and values of a longformer"),
        (NYSTROMFORMER, "a nystromformer model does not read a text of two tokens"),
    ],
)
def test_a_family_whose_attention_is_its_own_affair(config, reason):
    family = config.model_type
    with pytest.raises(UserError, match=reason) as one:
        SignalModel(AutoModel.from_config(config), records_scores=True)
    with pytest.raises(UserError, match=f"queries, keys and values of a {family} model cannot") as two:
        require_comparable({"attention": 0, "relations": 1}, "last", 8, STUDENT, config)
    assert "attention, by" not in str(two.value)
    for error in (one, two):
        assert "hidden" in str(error.value)
        assert "another architecture, such as BERT" in str(error.value)


def test_a_family_without_scores_is_learnt_from_by_its_hidden_states():
    teacher = AutoModel.from_config(LONGFORMER).eval()
    student, _ = initialise_student(teacher, STUDENT, "random", 0)
    hidden = SignalModel(student, records_scores=False)({"input_ids": torch.tensor([[2, 5, 3]])}, hidden=(2,))["hidden"]
    assert hidden[2].shape == (1, 3, 16)
    rows = pd.DataFrame({"text": ["the weather was sunny"]})
    assert compare_attention(teacher, student.eval(), family_tokenizer("bert"), rows, "uniform")["maps"] == []


def test_a_model_without_a_limit_of_positions_takes_any_length():
    require_length(XLNetConfig(), 10_000)  # it says that it has −1
    with pytest.raises(UserError, match="10000 is above the 512 positions of this bert model"):
        require_length(BertConfig(), 10_000)
