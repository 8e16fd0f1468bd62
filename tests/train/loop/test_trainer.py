import numpy as np
import pandas as pd
import pytest
import torch
from transformers import TrainingArguments

from tests.tiny import tiny_bert, tiny_job, weather_report
from tinybert.errors import UserError
from tinybert.models.attention import PLAIN
from tinybert.models.heads import SequenceHead
from tinybert.models.loading import head_config, load_classifier, load_tokenizer
from tinybert.params.table import Optimisation
from tinybert.tokens.encoding import Padding, encode
from tinybert.train.loop.curve import Curve
from tinybert.train.loop.label_loss import LabelObjective
from tinybert.train.loop.trainer import Validation, train

SETTINGS = Optimisation(batch_size=8, learning_rate=5e-3)


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    labels = random.integers(2, size=90)
    return pd.DataFrame({"text": [weather_report(random, bool(label)) for label in labels], "label": labels})


@pytest.fixture
def run(tmp_path, rows):
    folder = tiny_bert(tmp_path / "bert")
    tokenizer = load_tokenizer(folder)

    def train_once(curves="curves", settings=SETTINGS, epochs=3, seed=1, validation=None):
        torch.manual_seed(0)
        model = load_classifier(folder, new_head=head_config(["bad", "good"]))
        train(
            model,
            LabelObjective(),
            encode(tokenizer, rows, 16),
            Padding(0),
            settings,
            tiny_job(tmp_path / "model", tmp_path / curves, seed),
            epochs=epochs,
            validation=validation(model) if validation else None,
        )
        return model

    train_once.tokenizer = tokenizer
    return train_once


def test_it_learns_what_weather_is_good(run, rows):
    model = run(epochs=6)
    predicted = SequenceHead().logits(model, run.tokenizer, rows, 16).argmax(-1)
    assert (predicted == rows["label"]).mean() > 0.9
    assert model.config._attn_implementation == PLAIN  # a third faster here than torch's own


def test_same_seed_same_bytes(run):
    first, second, other = run().state_dict(), run().state_dict(), run(seed=2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_the_curve_has_a_row_each_step_of_a_short_run(run, tmp_path):
    run(epochs=1)
    curve = pd.read_csv(tmp_path / "curves" / "losses.csv")
    assert list(curve.columns) == ["step", "epoch", "loss", "labels"]
    assert list(curve["step"]) == list(range(1, 13))  # 90 examples in batches of 8, the last one partial


def test_a_part_of_an_epoch_is_a_part_of_its_steps(run, tmp_path):
    run(epochs=0.4)
    curve = pd.read_csv(tmp_path / "curves" / "losses.csv")
    assert list(curve["step"]) == list(range(1, 6))  # of 12, rounded up
    run("more", epochs=1.25)
    assert len(pd.read_csv(tmp_path / "more" / "losses.csv")) == 15


def test_a_second_gpu_does_not_make_the_batches_larger(run, tmp_path, monkeypatch):
    def of_two_gpus(**arguments):
        return TrainingArguments(**arguments | {"use_cpu": False})  # with no GPU at all this is still the processor

    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("tinybert.train.loop.trainer.TrainingArguments", of_two_gpus)
    run(epochs=1)
    assert len(pd.read_csv(tmp_path / "curves" / "losses.csv")) == 12


def test_the_learning_rate_rises_over_the_warm_up_and_falls_to_nothing(run, monkeypatch):
    rates = []
    step = torch.optim.AdamW.step

    def recorded(optimiser, *arguments, **named):
        rates.append(optimiser.param_groups[0]["lr"])
        return step(optimiser, *arguments, **named)

    monkeypatch.setattr("torch.optim.AdamW.step", recorded)
    run(settings=SETTINGS.model_copy(update={"warmup": 0.25}), epochs=2)
    warmup, total, peak = 6, 24, SETTINGS.learning_rate
    rising = [peak * step / warmup for step in range(warmup)]
    falling = [peak * (total - step) / (total - warmup) for step in range(warmup, total)]
    np.testing.assert_allclose(rates, rising + falling)


def test_epochs_differ_in_their_batches_and_runs_do_not(run, monkeypatch):
    def batches(seed=1):
        seen = []

        def note(model, _, inputs):
            seen.append([tuple(filter(None, text)) for text in inputs["input_ids"].tolist()])  # without padding

        def watched(model):
            model.register_forward_pre_hook(note, with_kwargs=True)

        run(epochs=2, seed=seed, validation=watched)
        return seen[:12], seen[12:]

    first, second = batches()
    assert len(first) == len(second) == 12
    assert first != second
    assert sorted(text for batch in first for text in batch) == sorted(text for batch in second for text in batch)
    assert (first, second) == batches()
    assert (first, second) != batches(seed=2)


def test_the_best_epochs_weights_are_kept(run, tmp_path):
    scores, snapshots = iter([0.4, 0.9, 0.9, 0.2]), []

    def validation(model):
        def score():
            snapshots.append(model.classifier.weight.detach().clone())
            return next(scores)

        return Validation(score, Curve(tmp_path / "validation.csv", ["epoch", "score"]))

    model = run(epochs=4, validation=validation)
    assert torch.equal(model.classifier.weight, snapshots[1])
    assert list(pd.read_csv(tmp_path / "validation.csv")["epoch"]) == [1, 2, 3, 4]


def test_a_loss_that_is_no_longer_finite_is_an_error(run):
    def broken(model):
        torch.nn.init.constant_(model.classifier.weight, float("nan"))

    with pytest.raises(UserError, match="loss became nan by step 1; set a smaller learning_rate"):
        run(validation=broken)
