"""A head's last layer at the scale of the numbers that it is to answer with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.families import FAMILIES, save_family
from tests.tiny import tiny_bert
from tinybert.models.heads import SequenceHead
from tinybert.models.loading import head_config, load_classifier
from tinybert.models.output_layer import output_layer, scaled_output

YEARS = np.array([1990.0, 2000.0, 2010.0, 2020.0])
MEAN, DEVIATION = 2005.0, 125.0**0.5
IDS = torch.tensor([[2, 5, 6, 3], [2, 9, 3, 0]])


def answers(model):
    with torch.no_grad():
        return model(IDS).logits


@pytest.mark.parametrize("family", FAMILIES)
def test_a_new_layer_is_trained_near_0_and_answers_in_years_all_the_time(family, tmp_path):
    model = load_classifier(save_family(tmp_path / "model", family), new_head=head_config(None))
    torch.nn.init.normal_(output_layer(model).weight)
    drawn = answers(model)
    with scaled_output(model, YEARS) as weight:
        assert weight == pytest.approx(1 / 125)
        torch.testing.assert_close(answers(model), drawn * DEVIATION + MEAN)
    assert output_layer(model).bias.item() == pytest.approx(MEAN)
    model.save_pretrained(tmp_path / "saved")
    torch.testing.assert_close(answers(load_classifier(tmp_path / "saved")), drawn * DEVIATION + MEAN)


@pytest.fixture
def model(tmp_path):
    return load_classifier(tiny_bert(tmp_path / "bert"), new_head=head_config(None))


def test_a_trained_layer_begins_with_what_it_answers(model):
    torch.nn.init.constant_(output_layer(model).bias, 2001.0)
    before = answers(model)
    with scaled_output(model, YEARS):
        assert output_layer(model).bias.item() == pytest.approx((2001 - MEAN) / DEVIATION)
        torch.testing.assert_close(answers(model), before)
    torch.testing.assert_close(answers(model), before)


@pytest.mark.parametrize("bias", [0.0, 2001.0])
def test_a_layer_that_is_not_trained_stays_as_it_is(model, bias):
    layer = output_layer(model).requires_grad_(False)
    torch.nn.init.constant_(layer.bias, bias)
    weight = layer.weight.clone()
    with scaled_output(model, YEARS):
        assert (answers(model) > 1900).all()
    assert torch.equal(layer.weight, weight)
    assert layer.bias.item() == bias


def test_equal_numbers_and_other_tasks(model):
    with scaled_output(model, np.array([7.0, 7.0])) as weight:
        assert weight == 1.0
    before = answers(model)
    with scaled_output(model, None) as weight:
        assert (weight, torch.equal(answers(model), before)) == (1.0, True)


def test_half_the_precision_has_a_number_for_each_year(model, tmp_path):
    torch.nn.init.constant_(output_layer(model).bias, 2003.0)
    model.save_pretrained(tmp_path / "saved")
    loaded = SequenceHead().load(tmp_path / "saved", torch.bfloat16)
    assert loaded.dtype == torch.bfloat16
    torch.testing.assert_close(answers(loaded).float(), answers(model), atol=0.05, rtol=0)
