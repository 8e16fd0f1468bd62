import json
import os
import signal
from itertools import count

import pytest
import torch

from tests.traps import pickles
from tinybert.errors import UserError
from tinybert.running.digests import digest
from tinybert.running.progress import SEAL, keep_progress_in

EPOCH = 12  # steps: 90 rows in batches of 8
NEVER = 1e6  # minutes


@pytest.fixture
def place(tmp_path):
    """Where progress is kept, once `keep_progress_in` has been told."""
    yield tmp_path / "progress"
    keep_progress_in(None, 0)


@pytest.fixture
def at_step(monkeypatch):
    """A function that has something happen once, before the optimiser's step of a number."""
    step = torch.optim.AdamW.step

    def happen(number, act):
        steps = count(1)

        def counted(optimiser, *arguments, **named):
            if next(steps) == number:
                act()
            return step(optimiser, *arguments, **named)

        monkeypatch.setattr("torch.optim.AdamW.step", counted)

    return happen


@pytest.fixture
def outcome(run, tmp_path):
    """A function that trains for two epochs and gives weights and curves."""

    def trained(**settings):
        model = run(epochs=2, score=lambda model: float(model.classifier.weight.sum()), **settings)
        files = [tmp_path / "validation.csv", tmp_path / "curves" / "losses.csv"]
        return {name: weight.clone() for name, weight in model.state_dict().items()}, [f.read_text() for f in files]

    return trained


def _differences(first, second):
    weights = [name for name, weight in first[0].items() if not torch.equal(weight, second[0][name])]
    return weights + [(one, other) for one, other in zip(first[1], second[1], strict=True) if one != other]


@pytest.mark.parametrize("step", [1, 5, EPOCH - 1, EPOCH, EPOCH + 1, 2 * EPOCH - 1, 2 * EPOCH])
@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_training_that_a_signal_stops_goes_on_to_the_same_bytes(outcome, at_step, place, step, asked, capsys):
    expected = outcome()
    keep_progress_in(place, NEVER)
    at_step(step, lambda: os.kill(os.getpid(), asked))
    with pytest.raises(KeyboardInterrupt) as stopped:
        outcome()
    assert stopped.value.args == ((128 + signal.SIGTERM,) if asked == signal.SIGTERM else ())
    assert not _differences(expected, outcome())
    assert f"goes on at step {step} of {2 * EPOCH}" in capsys.readouterr().out


@pytest.mark.parametrize("step", [2, EPOCH, EPOCH + 1, EPOCH + 5])
def test_a_training_that_is_killed_goes_on_from_the_last_checkpoint(outcome, at_step, place, step):
    def kill():
        raise MemoryError

    expected = outcome()
    keep_progress_in(place, 1e-9)  # after each step
    at_step(step, kill)
    with pytest.raises(MemoryError):
        outcome()
    steps = []
    at_step(10**9, None)
    at_step(1, lambda: steps.append(len(list((place / "training").iterdir()))))
    assert not _differences(expected, outcome())
    assert steps == [min(2, step - 1)]  # checkpoints that were there: the last two


def test_what_was_trained_to_the_end_is_not_trained_again(outcome, at_step, place):
    keep_progress_in(place, NEVER)
    expected = outcome()
    at_step(1, lambda: pytest.fail("it trains"))
    assert not _differences(expected, outcome())


@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "add"])
@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "rng_state.pth", "trainer_state.json"])
def test_of_a_damaged_checkpoint_the_one_before_is_taken(outcome, at_step, place, damage, name, capsys):
    expected = outcome()
    keep_progress_in(place, 1e-9)
    at_step(6, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt):
        outcome()
    file = place / "training" / "000000006" / name
    content = bytearray(file.read_bytes())
    match damage:
        case "flip":
            content[len(content) // 2] ^= 1
            file.write_bytes(content)
        case "cut":
            file.write_bytes(content[: len(content) // 2])
        case "remove":
            file.unlink()
        case "add":
            (file.parent / "training_args.bin").write_bytes(b"cposix\nsystem\n")
    assert not _differences(expected, outcome())
    printed = capsys.readouterr().out
    assert "000000006: damaged or cut off" in printed
    assert "goes on at step 5 of" in printed


def test_a_checkpoint_holds_no_pickled_object(outcome, at_step, place):
    keep_progress_in(place, NEVER)
    at_step(3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt):
        outcome()
    names = {file.name for file in (place / "training" / "000000003").iterdir()}
    assert {"model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"} <= names
    assert "training_args.bin" not in names
    for file in (place / "training" / "000000003").glob("*.pt*"):
        if file.name != "rng_state.pth":  # numpy's state, which Trainer reads with its types allowed
            torch.load(file, weights_only=True)


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "rng_state.pth"])
@pytest.mark.parametrize("kind", ["pickle", "torch"])
def test_what_somebody_else_put_there_is_not_unpickled(outcome, at_step, place, name, kind, tmp_path):
    keep_progress_in(place, NEVER)
    at_step(3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt):
        outcome()
    folder, mark = place / "training" / "000000003", tmp_path / "mark"
    (folder / name).write_bytes(pickles(mark)[kind])
    seal = json.loads((folder / SEAL).read_text())
    seal["sha256"][name] = digest(folder / name)  # as the owner of a checkpoint could
    (folder / SEAL).write_text(json.dumps(seal))
    with pytest.raises(UserError, match=f"{folder.name}: holds more than tensors and numbers"):
        outcome()
    assert not mark.exists()


def test_a_loss_that_is_no_number_leaves_the_last_good_checkpoint(outcome, at_step, place, run):
    keep_progress_in(place, 1e-9)
    models = []

    def spoil():
        torch.nn.init.constant_(models[0].classifier.weight, float("nan"))

    at_step(4, spoil)
    with pytest.raises(UserError, match=r"became nan .*at step 4, on rows \d+, [\d, ]+ of what it learns from"):
        outcome(before=models.append)
    assert [folder.name for folder in sorted((place / "training").iterdir())] == ["000000002", "000000003"]


def test_a_checkpoint_that_cant_be_written_doesnt_end_the_training(outcome, place, monkeypatch, capsys):
    expected = outcome()
    keep_progress_in(place, 1e-9)

    def full(*_):
        raise OSError(28, "No space left on device", "models")

    monkeypatch.setattr("tinybert.train.loop.checkpoints.save_model", full)
    assert not _differences(expected, outcome())
    assert "progress is not kept: models: No space left on device" in capsys.readouterr().out
