"""What an entry's settings come to while a model is trained, seen from inside of the steps."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pytest
import torch
from datasets import Dataset
from torch import nn
from transformers import TrainingArguments

from tests.train.loop.conftest import SETTINGS
from tinybert.models.loading import load_config
from tinybert.tokens.encoding import Padding
from tinybert.train.loop.trainer import train

NUMBERS = Dataset.from_dict({"input_ids": [[5]] * 16, "length": [1] * 16, "labels": range(16)})


class TwoWeights(nn.Module):
    """Two numbers, which are their own losses: of each the gradient is its term's weight."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(3.0))

    def forward(self, **inputs):
        return {"a": self.a, "b": self.b}


class Weighted:
    weights: Mapping[str, float] = {"a": 2.0, "b": 0.5}

    def __call__(self, model, batch):
        return model(**batch)


@pytest.fixture
def gradients(at_each_step):
    """The gradients that each step of the optimiser finds, by number of the weight."""
    seen = []
    at_each_step(lambda optimiser: seen.append([weight.grad.item() for weight in optimiser.param_groups[0]["params"]]))
    return seen


def test_each_term_counts_by_its_weight(job, gradients):
    train(TwoWeights(), Weighted(), NUMBERS, Padding(0), SETTINGS, job, steps=1)
    a, b = gradients[0]  # their size is clipped
    assert a / b == pytest.approx(4)
    loss = pd.read_csv(job.curves / "losses.csv")["loss"][0]
    assert loss == pytest.approx(2 * 1.0 + 0.5 * 3.0)


def test_batches_that_make_up_a_step_are_averaged(job, gradients, monkeypatch):
    def of_two_batches(**arguments):
        return TrainingArguments(**arguments | {"gradient_accumulation_steps": 2, "max_grad_norm": 0.0})

    monkeypatch.setattr("tinybert.train.loop.trainer.TrainingArguments", of_two_batches)
    train(TwoWeights(), Weighted(), NUMBERS, Padding(0), SETTINGS, job, steps=1)
    assert gradients == [[2.0, 0.5]]


def test_weight_decay_is_on_all_weights_but_biases_and_norms(run, at_each_step):
    decays = {}

    def look(optimiser):
        for group in optimiser.param_groups:
            decays.update(dict.fromkeys(map(id, group["params"]), group["weight_decay"]))

    at_each_step(look)
    for name, weight in run(weight_decay=0.25).named_parameters():
        assert decays[id(weight)] == (0.0 if "bias" in name or "LayerNorm" in name else 0.25), name


@pytest.mark.parametrize("dropout", [0.0, 0.5, None])
def test_dropout_is_as_asked_while_it_trains_and_the_models_own_afterwards(run, tmp_path, dropout):
    rates, spread = set(), []

    def score(model):
        model.train()
        outputs = torch.stack([model(torch.tensor([[2, 5, 6, 7, 8, 3]])).logits.detach() for _ in range(20)])
        spread.append(outputs.std(0).max().item())
        rates.update(module.p for module in model.modules() if isinstance(module, nn.Dropout))
        return 0.0

    run(dropout=dropout, score=score).save_pretrained(tmp_path / "saved")
    assert rates == {0.1 if dropout is None else dropout}
    assert (spread[0] < 1e-6) == (dropout == 0)
    config = load_config(tmp_path / "saved")
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0.1, 0.1)


def test_each_epoch_has_other_batches_and_the_collator_knows_which_it_is(job):
    epochs, batches = [], []

    class Numbered(Padding):
        def set_epoch(self, epoch):
            epochs.append(epoch)

    class Watched(Weighted):
        def __call__(self, model, batch):
            batches.append(batch["labels"].tolist())
            return super().__call__(model, batch)

    train(TwoWeights(), Watched(), NUMBERS, Numbered(0), SETTINGS, job, epochs=2)
    assert epochs == [0, 1]
    assert batches[:2] != batches[2:]
    assert sorted(batches[0] + batches[1]) == sorted(batches[2] + batches[3]) == list(range(16))


def test_an_entrys_own_seed_comes_before_the_runs(job):
    assert [job.seed(SETTINGS.model_copy(update={"seed": seed})) for seed in (None, 7, 0)] == [1, 7, 0]
