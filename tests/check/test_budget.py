"""How long to train, and the estimate of what that takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check.conftest import PARAMS, only_task
from tests.check.labelled_files import NAMES, TEXTS, lines
from tests.tiny import tiny_bert
from tinybert.check.estimate import Size, estimate, measure
from tinybert.check.recipe import Recipe, recipe
from tinybert.params.experiment import load_experiment
from tinybert.params.general import General
from tinybert.params.table import Run


@pytest.mark.parametrize(("minutes", "copies", "layers"), [(None, 14, 4), (600, 20, 4), (8, 7, 4), (1, 0, 2)])
def test_minutes_decide_epochs_copies_and_layers(init, minutes, copies, layers):
    options = () if minutes is None else ("--minutes", str(minutes))
    numbered = [f"{text} {number}" for number, text in enumerate(TEXTS * 15)]
    done = init("a.csv", lines(numbered, NAMES * 15, header="text,label"), *options)
    assert done.exit_code == 0
    (general,) = load_experiment(PARAMS).general.values()
    assert (only_task().augment.copies, general.architecture.layers) == (copies, layers)
    assert ("1 minutes are too few" in done.stdout) == (minutes == 1)


def test_the_default_is_what_its_own_rows_would_get():
    """So that an experiment on as many rows is trained as the default is."""
    assert recipe(7396) == Recipe(copies=1, batch_size=32, teacher=2, intermediate=1, prediction=1)


def test_steps_are_measured(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tiny_bert(Path("bert"))
    general = General.model_validate(
        {
            **dict.fromkeys(("teacher", "start"), "bert"),
            "corpus": "corpus",
            "architecture": {"layers": 2, "hidden": 16, "heads": 2, "intermediate": 32},
            "initialise": "random",
            "losses": {"embedding": 1.0, "hidden": 1.0, "attention": 1.0},
            "train": {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3, "max_length": 16},
        }
    )
    size = Size(train=1000, held_out=300, words=8.0, length=10, max_length=16)
    pace = measure(general, folder, folder, size, Run(seed=1, precision="fp32"))
    assert all(0 < seconds < 5 for seconds in pace[:5])
    once, twice = (estimate(pace, size, recipe(1000, effort), 1, 100) for effort in (1.0, 2.0))
    assert all(once[stage] <= twice[stage] for stage in once)
    assert sum(once.values()) < sum(twice.values())
