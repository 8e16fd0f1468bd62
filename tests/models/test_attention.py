import pytest
import torch
from transformers import BertConfig, BertModel

from tests.tiny import tiny_bert
from tinybert.models import attention
from tinybert.models.attention import PLAIN, ScoreRecorder, plain_attention, use_plain_attention
from tinybert.models.loading import head_config, load_classifier, load_encoder
from tinybert.models.signals import SignalModel


@pytest.fixture
def folder(tmp_path):
    return tiny_bert(tmp_path / "bert")


@pytest.fixture
def batch():
    ids = torch.tensor([[2, 5, 6, 7, 8, 3], [2, 9, 3, 0, 0, 0]])
    return {"input_ids": ids, "attention_mask": (ids != 0).long()}


def scores_by_hand(model, batch, layer):
    """Q·Kᵀ/√d_k from the weights of a layer, numbered from 1."""
    hidden = model(**batch, output_hidden_states=True).hidden_states[layer - 1]
    attention = model.encoder.layer[layer - 1].attention.self
    heads, width = attention.num_attention_heads, attention.attention_head_size

    def split(linear):
        return (hidden @ linear.weight.T + linear.bias).view(*hidden.shape[:2], heads, width).transpose(1, 2)

    return split(attention.query) @ split(attention.key).transpose(-1, -2) / width**0.5


def test_scores_are_those_before_mask_and_softmax(folder, batch):
    model = SignalModel(load_encoder(folder), records_scores=True)
    with torch.no_grad():
        scores = model(batch, hidden=(), scores=(1, 3), logits=False)["scores"]
        plain = load_encoder(folder)
        assert set(scores) == {1, 3}
        for layer, found in scores.items():
            torch.testing.assert_close(found, scores_by_hand(plain, batch, layer))


def test_recording_changes_nothing_of_what_the_model_computes(folder, batch):
    plain, recorded = load_encoder(folder), SignalModel(load_encoder(folder), records_scores=True)
    with torch.no_grad():
        expected = plain(**batch, output_hidden_states=True).hidden_states
        hidden = recorded(batch, hidden=(0, 1, 2, 3), scores=(1, 2, 3), logits=False)["hidden"]
    real = batch["attention_mask"].bool()
    for layer, state in hidden.items():
        torch.testing.assert_close(state[real], expected[layer][real])


def test_a_saved_model_knows_nothing_of_the_recorder(tmp_path, folder):
    model = load_encoder(folder)
    ScoreRecorder(model)
    model.save_pretrained(tmp_path / "saved")
    config = (tmp_path / "saved" / "config.json").read_text()
    assert "tinybert" not in config
    assert isinstance(BertModel.from_pretrained(tmp_path / "saved").config, BertConfig)


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


def padded_batch(padding):
    ids = torch.tensor([[2, 5, 6, 7, 8, 3], [2, 9, 7, 8, 6, 3]])
    if padding:
        ids[1, 3:] = 0
    return {"input_ids": ids, "attention_mask": (ids != 0).long()}


@pytest.mark.parametrize("padding", [False, True])
def test_outputs_and_gradients_are_those_of_fused_attention(fused, plain, padding):
    for model in (fused, plain):
        model(**padded_batch(padding), labels=torch.tensor([0, 1])).loss.backward()
    torch.testing.assert_close(plain(**padded_batch(padding)).logits, fused(**padded_batch(padding)).logits)
    for (name, one), two in zip(fused.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(two.grad, one.grad, msg=name)


def test_dropout_of_attention_is_as_probable_as_that_of_fused_attention(plain):
    query = torch.zeros(4, 2, 32, 8)
    torch.manual_seed(0)
    kept = plain_attention(query, query, torch.ones_like(query), None, None, dropout=0.3)[0]
    assert len(kept.unique()) > 2
    assert abs(kept.mean() - 1) < 0.05  # what is kept is scaled up
    assert plain_attention(query, query, torch.ones_like(query), None, None, 0.0)[0].unique() == 1


def test_long_texts_are_left_to_fused_attention(fused, plain, monkeypatch):
    monkeypatch.setattr(attention, "SHORT", 5)
    monkeypatch.setattr(attention, "plain_attention", None)
    torch.testing.assert_close(plain(**padded_batch(True)).logits, fused(**padded_batch(True)).logits)
