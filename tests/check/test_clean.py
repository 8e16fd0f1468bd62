"""What `python -m tinybert clean` shows and removes."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from tests.running.test_tracked import PARAMS, PIPELINE
from tinybert.__main__ import app
from tinybert.running.caches import CACHE, cache_entry, use_caches_as
from tinybert.running.finished import keep
from tinybert.running.progress import Progress
from tinybert.running.recorded import place_of
from tinybert.running.tracked import track

HUB = CACHE / "downloads/hub"
USED, COMMIT, UNUSED = "a" * 64, "c" * 40, "b" * 40


def write(*files):
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(2**20))
    return list(files)


def keep_work():
    """Of train@a, as params.yaml is; the file."""
    before = set(Path(".checkpoints").rglob("models/a"))
    write(Path("models/a"))
    keep(track("train@a"))
    return set(Path(".checkpoints").rglob("models/a")) - before


@pytest.fixture
def used(tmp_path, monkeypatch):
    """A project with something in each place that the present params use, and what that is."""
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(PIPELINE)
    Path("params.yaml").write_text(f"{PARAMS}downloads: {{x: {{sha256: {USED}}}, y: {{revision: {COMMIT}}}}}\n")
    use_caches_as("train@a")
    entry = cache_entry(CACHE / "blocks", ["corpus", 1], ".arrow")
    (HUB / "models--c--d/snapshots" / COMMIT).mkdir(parents=True)
    files = write(entry, CACHE / "downloads" / USED / "x.zip", HUB / "models--c--d/blobs" / UNUSED)
    yield [*files, *keep_work()]
    use_caches_as("")


@pytest.fixture
def unused(used):
    """Beside it what they don't."""
    use_caches_as("train@gone")
    entry = cache_entry(CACHE / "blocks", ["corpus", 2], ".arrow")
    (HUB / "models--a--b/snapshots" / UNUSED).mkdir(parents=True)
    half = [Path("models/.x.partial/weights"), CACHE / "logits/.x.npy.9.partial"]
    files = write(entry, HUB / "models--a--b/blobs" / UNUSED, *half)
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(params.replace("epochs: 2", "epochs: 3"))
    files += keep_work()
    Path("params.yaml").write_text(params)
    return files


def clean(*options, answer=""):
    return CliRunner().invoke(app, ["clean", *options], input=answer)


def test_what_is_used_is_shown_and_stays(used):
    result = clean("--yes")
    lines = result.output.splitlines()
    assert (result.exit_code, lines[-1], len(lines)) == (0, "nothing to remove", 5)
    assert lines[0].split() == [str(used[0]), "1.0", "MiB", "0.0", "days", "old", "used", "by", "train@a"]
    assert all(file.exists() for file in used)


def test_what_is_not_used_goes_once_one_has_agreed(used, unused):
    shown = clean(answer="n\n")
    assert shown.output.count("not used by params.yaml") == len(unused) == 5
    assert all(file.exists() for file in [*used, *unused])
    assert clean("--yes").output.splitlines()[-1] == "removed 5, 5.0 MiB"
    assert [file.exists() for file in (*used, *unused)] == [True] * len(used) + [False] * 5


def test_nothing_goes_while_a_stage_runs(unused):
    Path(".runs").mkdir()
    with FileLock(".runs/train@b.lock"):
        result = clean("--yes")
    assert result.exit_code == 1
    assert result.stderr == "error: train@b is running already; wait for it, or end it, and run this again\n"
    assert all(file.exists() for file in unused)


def test_what_a_stage_used_before_its_last_run_is_not_used(used):
    """It runs anew, with other values."""
    use_caches_as("train@a")
    (other,) = write(cache_entry(CACHE / "blocks", ["corpus", 3], ".arrow"))
    clean("--yes")
    assert (used[0].exists(), other.exists()) == (False, True)


def test_checkpoints_lists_what_stages_would_go_on_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(PIPELINE)
    Path("params.yaml").write_text(PARAMS)

    def checkpoints(*options):
        return CliRunner().invoke(app, ["checkpoints", *options]).output.splitlines()

    assert checkpoints() == ["0 kept, 0.0 MiB; 0 not used by params.yaml, which --prune removes"]
    for epochs, step in ((2, 40), (3, 70)):
        Path("params.yaml").write_text(PARAMS.replace("epochs: 2", f"epochs: {epochs}"))
        Progress(place_of(track("train@a")) / "training", 10).save(step, f"step {step} of 99", lambda folder: None)
    Path("params.yaml").write_text(PARAMS)
    *lines, last = checkpoints()
    used, other = sorted(lines)
    assert used.startswith("train@a  step 40 of 99, 0.0 MiB, ")
    assert used.endswith("hours old: the next run goes on from it")
    assert other.startswith("train@a  step 70 of 99, ")
    assert other.endswith("not used by params.yaml")
    assert last == "2 kept, 0.0 MiB; 1 not used by params.yaml, which --prune removes"
    assert checkpoints("--prune")[-1] == "2 kept, 0.0 MiB; 1 removed"
    assert [line.split(",")[0] for line in checkpoints()[:-1]] == ["train@a  step 40 of 99"]
