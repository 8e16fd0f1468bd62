"""Attention written out computes what torch's fused one does; what it gives to a recorder is in test_families."""

import pytest
import torch
from transformers import BertConfig, BertModel

from tests.tiny import tiny_bert
from tinybert.models import attention
from tinybert.models.attention import PLAIN, ScoreRecorder, plain_attention, use_plain_attention
from tinybert.models.loading import head_config, load_classifier, load_encoder


@pytest.fixture
def fused(tmp_path):
    return load_classifier(tiny_bert(tmp_path / "bert"), new_head=head_config(["bad", "good"]))


@pytest.fixture
def plain(tmp_path, fused):
    fused.save_pretrained(tmp_path / "classifier")
    model = load_classifier(tmp_path / "classifier")
    use_plain_attention(model)
    assert model.config._attn_implementation == PLAIN
    return model


def batch(padding):
    ids = torch.tensor([[2, 5, 6, 7, 8, 3], [2, 9, 3, 0, 0, 0] if padding else [2, 9, 7, 8, 6, 3]])
    return {"input_ids": ids, "attention_mask": (ids != 0).long()}


@pytest.mark.parametrize("padding", [False, True])
def test_outputs_and_gradients_are_those_of_fused_attention(fused, plain, padding):
    for model in (fused, plain):
        model(**batch(padding), labels=torch.tensor([0, 1])).loss.backward()
    torch.testing.assert_close(plain(**batch(padding)).logits, fused(**batch(padding)).logits)
    for (name, one), two in zip(fused.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(two.grad, one.grad, msg=name)


def test_dropout_of_attention_is_as_probable_as_that_of_fused_attention():
    query = torch.zeros(4, 2, 32, 8)
    torch.manual_seed(0)
    kept = plain_attention(query, query, torch.ones_like(query), None, None, dropout=0.3)[0]
    assert len(kept.unique()) > 2
    assert abs(kept.mean() - 1) < 0.05  # what is kept is scaled up
    assert plain_attention(query, query, torch.ones_like(query), None, None, 0.0)[0].unique() == 1


def test_long_texts_are_left_to_fused_attention(fused, plain, monkeypatch):
    monkeypatch.setattr(attention, "SHORT", 5)
    monkeypatch.setattr(attention, "plain_attention", None)
    torch.testing.assert_close(plain(**batch(True)).logits, fused(**batch(True)).logits)


def test_a_saved_model_knows_nothing_of_the_recorder(tmp_path):
    model = load_encoder(tiny_bert(tmp_path / "bert"))
    ScoreRecorder(model)
    model.save_pretrained(tmp_path / "saved")
    assert "tinybert" not in (tmp_path / "saved" / "config.json").read_text()
    assert isinstance(BertModel.from_pretrained(tmp_path / "saved").config, BertConfig)
