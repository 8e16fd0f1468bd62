"""What an entry's settings come to while a model is trained, seen from inside of the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset
from torch import nn
from transformers import TrainingArguments

from tests.tiny import tiny_bert, tiny_job, weather_report
from tinybert.models.loading import head_config, load_classifier, load_config, load_masked_lm, load_tokenizer
from tinybert.params.table import Optimisation, Run
from tinybert.tokens.encoding import Padding, encode
from tinybert.tokens.masking import MASKED_LABELS, Masking
from tinybert.train.loop.curve import Curve
from tinybert.train.loop.label_loss import LabelObjective
from tinybert.train.loop.trainer import Validation, train
from tinybert.train.masked_lm import MaskedPositions, MaskedTokenObjective

SETTINGS = Optimisation(batch_size=8, learning_rate=5e-3, warmup=0.0)


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
def job(tmp_path):
    return tiny_job(tmp_path / "model", tmp_path / "curves")


@pytest.fixture
def gradients(monkeypatch):
    """The gradients that each step of the optimiser finds, by number of the weight."""
    seen = []
    step = torch.optim.AdamW.step

    def recorded(optimiser, *arguments, **named):
        weights = [weight for group in optimiser.param_groups for weight in group["params"]]
        seen.append([weight.grad.item() for weight in weights])
        return step(optimiser, *arguments, **named)

    monkeypatch.setattr("torch.optim.AdamW.step", recorded)
    return seen


def numbers(count=16):
    return Dataset.from_dict({"input_ids": [[5]] * count, "length": [1] * count, "labels": [0] * count})


def test_each_term_counts_by_its_weight(job, gradients):
    train(TwoWeights(), Weighted(), numbers(), Padding(0), SETTINGS, job, steps=1)
    a, b = gradients[0]  # their size is clipped
    assert a / b == pytest.approx(4)
    loss = pd.read_csv(job.curves / "losses.csv")["loss"][0]
    assert loss == pytest.approx(2 * 1.0 + 0.5 * 3.0)


def test_batches_that_make_up_a_step_are_averaged(job, gradients, monkeypatch):
    def of_two_batches(**arguments):
        return TrainingArguments(**arguments | {"gradient_accumulation_steps": 2, "max_grad_norm": 0.0})

    monkeypatch.setattr("tinybert.train.loop.trainer.TrainingArguments", of_two_batches)
    train(TwoWeights(), Weighted(), numbers(), Padding(0), SETTINGS, job, steps=1)
    assert gradients == [[2.0, 0.5]]


@pytest.fixture
def classifier(tmp_path):
    """A function that trains one on weather: model, examples, what of them is seen at the end of an epoch."""
    folder = tiny_bert(tmp_path / "bert")
    random = np.random.default_rng(0)
    labels = random.integers(2, size=40)
    rows = pd.DataFrame({"text": [weather_report(random, bool(label)) for label in labels], "label": labels})

    def run(job, settings=SETTINGS, at_epoch_end=None, before=None):
        torch.manual_seed(0)
        model = load_classifier(folder, new_head=head_config(["bad", "good"]))
        if before is not None:
            before(model)
        curve = Curve(tmp_path / "validation.csv", ["epoch", "score"])
        validation = Validation(lambda: at_epoch_end(model), curve) if at_epoch_end else None
        examples = encode(load_tokenizer(folder), rows, 16)
        train(model, LabelObjective(), examples, Padding(0), settings, job, epochs=1, validation=validation)
        return model

    return run


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_matrix_products_are_computed_in_the_precision_asked_for(classifier, job, precision, dtype):
    seen = set()

    def watch(model):
        for module in model.modules():
            if isinstance(module, nn.Linear):
                module.register_forward_hook(lambda _, inputs, output: seen.add(output.dtype))

    classifier(replace(job, run=Run(seed=1, precision=precision)), before=watch)
    assert seen == {dtype}


def test_weight_decay_is_on_all_weights_but_biases_and_norms(classifier, job, monkeypatch):
    decays = {}
    step = torch.optim.AdamW.step

    def recorded(optimiser, *arguments, **named):
        for group in optimiser.param_groups:
            decays.update(dict.fromkeys(map(id, group["params"]), group["weight_decay"]))
        return step(optimiser, *arguments, **named)

    monkeypatch.setattr("torch.optim.AdamW.step", recorded)
    model = classifier(job, SETTINGS.model_copy(update={"weight_decay": 0.25}))
    for name, weight in model.named_parameters():
        assert decays[id(weight)] == (0.0 if "bias" in name or "LayerNorm" in name else 0.25), name


@pytest.mark.parametrize("dropout", [0.0, 0.5, None])
def test_dropout_is_as_asked_while_it_trains_and_the_models_own_afterwards(classifier, job, tmp_path, dropout):
    ids = torch.tensor([[2, 5, 6, 7, 8, 3]])
    spread = []

    def at_epoch_end(model):
        model.train()
        outputs = torch.stack([model(ids).logits.detach() for _ in range(20)])
        spread.append(outputs.std(0).max().item())
        rates.extend(module.p for module in model.modules() if isinstance(module, nn.Dropout))
        return 0.0

    rates = []
    model = classifier(job, SETTINGS.model_copy(update={"dropout": dropout}), at_epoch_end)
    assert set(rates) == {0.1 if dropout is None else dropout}
    assert (spread[0] < 1e-6) == (dropout == 0)
    model.save_pretrained(tmp_path / "saved")
    config = load_config(tmp_path / "saved")
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0.1, 0.1)


def test_each_epoch_masks_other_tokens(job, tmp_path):
    folder = tiny_bert(tmp_path / "bert", head=True)
    tokenizer, random = load_tokenizer(folder), np.random.default_rng(0)
    rows = pd.DataFrame({"text": sorted({weather_report(random, bool(n % 2)) for n in range(60)})[:32]})
    seen = []

    class Watched(MaskedTokenObjective):
        def __call__(self, model, batch):
            labels = batch[MASKED_LABELS]
            original = torch.where(labels == -100, batch["input_ids"], labels)
            for text, label in zip(original.tolist(), labels.tolist(), strict=True):
                places = [place for place, token in enumerate(label) if token != -100]
                seen.append((tuple(filter(None, text)), tuple(places)))
            return super().__call__(model, batch)

    model = MaskedPositions(load_masked_lm(folder))
    train(model, Watched(), encode(tokenizer, rows, 16), Masking(tokenizer, 1, len(tokenizer)), SETTINGS, job, epochs=2)
    first, second = dict(seen[:32]), dict(seen[32:])
    assert first.keys() == second.keys()
    assert len(first) == 32
    assert sum(first[text] != second[text] for text in first) > 16


def test_an_entrys_own_seed_comes_before_the_runs(job):
    assert job.seed(SETTINGS) == 1
    assert job.seed(SETTINGS.model_copy(update={"seed": 7})) == 7
    assert job.seed(SETTINGS.model_copy(update={"seed": 0})) == 0
