"""A stage in several processes: the same model, and one line where a process dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
import torch
from safetensors.torch import load_file

from tests.import_closure import ROOT
from tests.tiny import tiny_bert, weather_rows
from tinybert.errors import UserError
from tinybert.running.launch import FSDP, LAUNCHED
from tinybert.tokens.masking import MASKED_LABELS, UNMASKED
from tinybert.train.loop.batches import LengthBatches
from tinybert.train.loop.processes import Shares, draw_noise, join
from tinybert.train.masked_lm import MaskedTokenObjective

TWO = "torchrun --nproc_per_node 2 -m"
SHARED = f"env {FSDP}=true {TWO}"
"""What `accelerate launch --use_fsdp` would do here, which on a CPU starts one process."""
NAME = "general-distill@small"
PIPELINE = """
stages:
  general-distill:
    foreach: ${general}
    do: {deps: [], params: ['general.${key}'], outs: ['models/general/${key}', 'curves/general/${key}']}
"""
WEIGHTS, LOSSES = Path("models/general/small"), Path("curves/general/small/losses.csv")
CLOSE = 1e-6
"""Sums of fp32 in another order, over 96 steps of AdamW; seen: 1.2e-7."""


def make_project(folder, launch):
    """What general-distill reads, of the smoke preset; 77 blocks or so in batches of 6, the last one partial."""
    text = (ROOT / "presets/smoke.yaml").read_text()
    for old, new in (
        ("seed: 1\n", f"seed: 1\ncheckpoint_minutes: 0.002\nlaunch: {launch}\n"),
        (
            "{epochs: 1, batch_size: 8, learning_rate: 1.0e-3",
            "{epochs: 8, batch_size: 6, learning_rate: 1.0e-3, dropout: 0.0",
        ),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    folder.mkdir()
    (folder / "params.yaml").write_text(text)
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "data/sources/corpus").mkdir(parents=True)
    weather_rows(120)[["text"]].to_parquet(folder / "data/sources/corpus/texts.parquet")
    tiny_bert(folder / "data/sources/bert")
    return folder


def start(folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        [sys.executable, "-m", "stages.general_distill", "small"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT), "PATH": path}, stdout=-1, stderr=-1, text=True,
    )  # fmt: skip


def end(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def look_at(folder):
    """Bytes of the weights, and the curve."""
    files = [folder / WEIGHTS / f"{name}.safetensors" for name in ("model", "projections")]
    return [file.read_bytes() for file in files], (folder / LOSSES).read_text()


def left(folder):
    """What a process that died may leave: what is partial, and links."""
    return [path for path in folder.rglob("*") if path.suffix == ".partial" or path.is_symlink()]


def processes_of(stage, folder, points):
    """The two processes, by number, once so many points stand on the curve."""
    while len((folder / LOSSES).read_text().splitlines()) <= points if (folder / LOSSES).exists() else True:
        assert stage.poll() is None, end(stage)
        time.sleep(0.02)
    children = psutil.Process(stage.pid).children(recursive=True)
    return {child.environ()["RANK"]: child for child in children if "RANK" in child.environ()}


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """A project after general-distill in one process, in two, in two that share the teacher; and what they print."""
    folder, found = tmp_path_factory.mktemp("launch"), {}
    for name, launch in (("one", "python -m"), ("two", TWO), ("shared", SHARED)):
        project = make_project(folder / name, launch)
        code, out, err = end(start(project))
        assert (code, err) == (0, "")
        found[project] = [line for line in out.splitlines() if "done in" not in line]
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("way", "sharing"), [(1, ""), (2, ", of a frozen teacher a part in each")])
def test_two_processes_make_the_same_model_as_one_and_say_the_same(ends, way, sharing):
    alone, *_ = ends
    launched = list(ends)[way]
    assert ends[launched] == [*ends[alone][:3], f"  processes: 2{sharing}", *ends[alone][3:]]
    curves = [pd.read_csv(folder / LOSSES) for folder in (alone, launched)]
    pd.testing.assert_frame_equal(*curves, rtol=1e-4)
    for name in ("model", "projections"):
        one, two = (load_file(folder / WEIGHTS / f"{name}.safetensors") for folder in (alone, launched))
        torch.testing.assert_close(one, two, rtol=0, atol=CLOSE)
    assert len({(folder / WEIGHTS / "lineage.json").read_text() for folder in ends}) == 1


@pytest.mark.slow
def test_a_shared_teacher_changes_no_byte(ends):
    _, whole, shared = ends
    assert look_at(whole) == look_at(shared)


@pytest.mark.slow
def test_stopped_and_killed_it_goes_on_to_the_same_bytes(ends, tmp_path):
    attacked = make_project(tmp_path / "attacked", TWO)
    stage = start(attacked)
    processes_of(stage, attacked, 5)
    stage.send_signal(signal.SIGTERM)
    code, _, err = end(stage)
    assert code == 143
    assert err.startswith(f"error: {NAME}: stopped at step ")
    assert err.count("\n") == 1
    assert not left(attacked)
    stage = start(attacked)
    processes_of(stage, attacked, 40)["1"].kill()
    began = time.monotonic()
    code, out, err = end(stage)
    assert "  goes on at step " in out
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f"error: {NAME}: one of its processes was killed (Signal 9 (SIGKILL) received by PID ")
    assert time.monotonic() - began < 25
    assert not left(attacked)
    code, out, err = end(start(attacked))
    assert (code, "  goes on at step " in out, err) == (0, True, "")
    assert look_at(attacked) == look_at(list(ends)[1])


@pytest.mark.parametrize(
    ("launch", "line"),
    [
        ("nowhere --all -m", "launch: there is no program 'nowhere' here; install it, or correct launch"),
        (
            "python -c \"exit('no such option')\" -m",
            "`python -c \"exit('no such option')\" -m` ended with exit code 1: no such option; correct launch, or run",
        ),
        (
            'python -c "import os, signal; os.kill(os.getpid(), signal.SIGKILL)" -m',
            "ended with exit code -9; correct launch",
        ),
    ],
)
def test_a_launcher_that_fails_is_a_line(tmp_path, launch, line):
    code, _, err = end(start(make_project(tmp_path / "project", f"'{launch.replace(chr(39), chr(39) * 2)}'")))
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f"error: {NAME}: ")
    assert line in err
    assert not left(tmp_path)


@pytest.fixture
def of(monkeypatch):
    """Be one of so many processes."""

    def be(rank, count):
        monkeypatch.setenv(LAUNCHED, "")
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", str(count))

    return be


def test_a_batch_that_cannot_be_divided_is_refused(of):
    of(0, 3)
    with pytest.raises(UserError, match=r"^batch_size: expected a multiple of launch's 3 processes, found 32$"):
        join(32)


def test_shares_make_up_each_batch_and_weights_its_mean(of):
    """18 examples in batches of 4, so that of the last, of 2, the third and fourth of four processes have none."""
    batches = LengthBatches(range(5, 23), batch_size=4, seed=1)
    values = torch.arange(18.0)
    for step, whole in enumerate(batches.batches(0)):
        dealt, mean = [], 0.0
        for rank in range(4):
            of(rank, 4)
            share, weight = list(Shares(batches))[step], Shares(batches).weight(step)
            dealt += share if weight else []
            mean += float(weight) * values[share].mean().item() / 4
        assert sorted(dealt) == sorted(whole.tolist())
        assert mean == pytest.approx(values[whole.tolist()].mean().item())


def test_a_mean_of_masked_tokens_is_weighted_by_their_numbers(of, monkeypatch):
    """This process has 3 of the batch's 4 masked tokens."""
    labels = torch.full((2, 6), UNMASKED)
    labels[0, :3] = 7
    monkeypatch.setattr("torch.distributed.all_reduce", lambda values, how: values.add_(1))
    of(0, 2)
    counted = MaskedTokenObjective().counted({MASKED_LABELS: labels})
    assert Shares(LengthBatches([6] * 4, 4, seed=1)).weight(0, counted).item() == pytest.approx(2 * 3 / 4)


def test_noise_is_a_function_of_step_and_process(of):
    def drawn(rank, step):
        of(rank, 2)
        draw_noise(1, step)
        return torch.rand(1).item()

    torch.manual_seed(0)
    first = [drawn(rank, step) for step in (0, 1) for rank in (0, 1)]
    assert first == [drawn(rank, step) for step in (0, 1) for rank in (0, 1)]
    assert len(set(first)) == 4
