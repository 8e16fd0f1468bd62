"""Settings of a general student and of a phase, to be changed in what a test is about."""

from __future__ import annotations

from tinybert.params.general import General
from tinybert.params.students import Phase

SMALLER = {"layers": 2, "hidden": 16, "heads": 2, "intermediate": 32}


def general(**changes):
    """Not trained where there are no losses."""
    epochs = int(bool(changes.get("losses")))
    entry = {"corpus": "c", "teacher": "t", "start": "t", "architecture": SMALLER, "initialise": "random", "losses": {}}
    train = {"epochs": epochs, "batch_size": 16, "learning_rate": 1e-3, "max_length": 16}
    return General.model_validate(entry | {"train": train} | changes)


def phase(**changes):
    epochs = int(bool(changes.get("losses")))
    return Phase.model_validate({"data": "original", "epochs": epochs, "learning_rate": 3e-3, "losses": {}} | changes)
