import numpy as np
import pandas as pd
import pytest
import torch
from transformers import TrainingArguments

from tinybert.errors import UserError
from tinybert.models.attention import PLAIN
from tinybert.models.heads import SequenceHead


def test_it_learns_what_weather_is_good(run, rows):
    model = run(epochs=6)
    predicted = SequenceHead().logits(model, run.tokenizer, rows, 16).argmax(-1)
    assert (predicted == rows["label"]).mean() > 0.9
    assert model.config._attn_implementation == PLAIN  # a third faster here than torch's own


def test_same_seed_same_bytes(run):
    first, second, other = run().state_dict(), run().state_dict(), run(seed=2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(("epochs", "steps"), [(1, 12), (0.4, 5), (1.25, 15)])
def test_the_curve_has_a_row_each_step_of_a_short_run(run, job, epochs, steps):
    """An epoch is 90 examples in batches of 8, the last one partial; of a part of it steps are rounded up."""
    run(epochs)
    curve = pd.read_csv(job.curves / "losses.csv")
    assert list(curve.columns) == ["step", "epoch", "loss", "labels"]
    assert list(curve["step"]) == list(range(1, steps + 1))


def test_a_second_gpu_does_not_make_the_batches_larger(run, job, monkeypatch):
    def of_two_gpus(**arguments):
        return TrainingArguments(**arguments | {"use_cpu": False})  # with no GPU at all this is still the processor

    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("tinybert.train.loop.trainer.TrainingArguments", of_two_gpus)
    run()
    assert len(pd.read_csv(job.curves / "losses.csv")) == 12


def test_the_learning_rate_rises_over_the_warm_up_and_falls_to_nothing(run, at_each_step):
    rates = []
    at_each_step(lambda optimiser: rates.append(optimiser.param_groups[0]["lr"]))
    run(epochs=2, warmup=0.25, learning_rate=5e-3)
    rising = [5e-3 * step / 6 for step in range(6)]
    falling = [5e-3 * (24 - step) / 18 for step in range(6, 24)]
    np.testing.assert_allclose(rates, rising + falling)


def test_the_best_epochs_weights_are_kept(run, tmp_path):
    scores, snapshots = iter([0.4, 0.9, 0.9, 0.2]), []

    def score(model):
        snapshots.append(model.classifier.weight.detach().clone())
        return next(scores)

    model = run(epochs=4, score=score)
    assert torch.equal(model.classifier.weight, snapshots[1])
    assert list(pd.read_csv(tmp_path / "validation.csv")["epoch"]) == [1, 2, 3, 4]


def test_a_loss_that_is_no_longer_finite_is_an_error(run):
    with pytest.raises(UserError, match=r"loss became nan at step 1, on rows [\d, ]+ of .*set a smaller learning_rate"):
        run(before=lambda model: torch.nn.init.constant_(model.classifier.weight, float("nan")))
