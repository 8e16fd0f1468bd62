"""A project on tiny models after its first `dvc repro`, for all tests that need one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from transformers import BertConfig, BertForSequenceClassification

from tests.smoke import make_project, run

settings.register_profile(
    "ours",
    max_examples=int(os.environ.get("TINYBERT_EXAMPLES", "200")),
    derandomize="TINYBERT_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,  # tests.fuzz.files has a limit of its own, for what is read alone
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
settings.load_profile("ours")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes don't name a test: gzip writes the time into them, and two workers would collect different tests."""
    return "bytes" if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A project after its first `dvc repro`, committed; one for all workers. Not to be changed."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    project, done = shared / "smoke" / "project", shared / "smoke.done"
    with FileLock(shared / "smoke.lock"):
        if not done.exists():
            shutil.rmtree(project, ignore_errors=True)
            make_project(project)
            run(project, "dvc", "repro")
            for name, value in (("user.name", "test"), ("user.email", "test@example.org")):
                run(project, "git", "config", name, value)
            run(project, "git", "add", "--all")
            run(project, "git", "commit", "--quiet", "--message", "reproduced")
            done.touch()
    return project


@pytest.fixture
def project(reproduced: Path, tmp_path: Path) -> Path:
    """A copy of the reproduced project, cache and all, to change things in."""
    shutil.copytree(reproduced, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


@pytest.fixture
def quick_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    """BERT-base's shape takes seconds: a small one takes its place, and nothing is timed or resampled often."""
    config = BertConfig(vocab_size=120, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    made = BertForSequenceClassification(config).eval()
    for module in ("student", "contenders"):
        monkeypatch.setattr(f"tinybert.evaluate.{module}.bert_base", lambda classes, max_length: made)
    monkeypatch.setattr("tinybert.evaluate.contenders.VOCABULARY", config.vocab_size)
    monkeypatch.setattr("tinybert.evaluate.speed.MOST", 1)
    monkeypatch.setattr("tinybert.evaluate.throughput.SECONDS", 0.0)
    monkeypatch.setattr("tinybert.evaluate.speed.SECONDS", 0.0)
    monkeypatch.setattr("tinybert.evaluate.speed.BASE_SECONDS", 0.0)
