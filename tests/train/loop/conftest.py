"""A classifier of weather to train, and a look at each step of its optimiser."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.tiny import tiny_bert, tiny_job, weather_rows
from tinybert.models.loading import head_config, load_classifier, load_tokenizer
from tinybert.params.table import Optimisation, Run
from tinybert.tokens.encoding import Padding, encode
from tinybert.train.loop.curve import Curve
from tinybert.train.loop.label_loss import LabelObjective
from tinybert.train.loop.trainer import Validation, train

SETTINGS = Optimisation(batch_size=8, learning_rate=5e-3)


@pytest.fixture
def job(tmp_path):
    return tiny_job(tmp_path / "model", tmp_path / "curves")


@pytest.fixture
def rows():
    return weather_rows(90)


@pytest.fixture
def run(tmp_path, job, rows):
    """A function that trains one anew; `before` sees the model before that, `score` after each epoch."""
    folder = tiny_bert(tmp_path / "bert")
    tokenizer = load_tokenizer(folder)

    def train_once(epochs=1, seed=1, precision="fp32", before=None, score=None, **settings):
        torch.manual_seed(0)
        model = load_classifier(folder, new_head=head_config(["bad", "good"]))
        if before is not None:
            before(model)
        curve = Curve(tmp_path / "validation.csv", ["epoch", "score"])
        validation = None if score is None else Validation(lambda: score(model), curve)
        of_run = replace(job, run=Run(seed=seed, precision=precision))
        entry, examples = SETTINGS.model_copy(update=settings), encode(tokenizer, rows, 16)
        train(model, LabelObjective(), examples, Padding(0), entry, of_run, epochs=epochs, validation=validation)
        return model

    train_once.tokenizer = tokenizer
    return train_once


@pytest.fixture
def at_each_step(monkeypatch):
    """A function that has something look at the optimiser before each of its steps."""
    step = torch.optim.AdamW.step

    def watch(look):
        def watched(optimiser, *arguments, **named):
            look(optimiser)
            return step(optimiser, *arguments, **named)

        monkeypatch.setattr("torch.optim.AdamW.step", watched)

    return watch
