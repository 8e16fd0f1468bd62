"""A project in which nothing has run, and its mistakes after an edit."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.smoke import ROOT, make_inputs
from tests.tiny import tiny_bert
from tinybert.__main__ import app
from tinybert.check.estimate import Pace
from tinybert.check.mistakes import find_all_mistakes
from tinybert.params.experiment import load_experiment

PARAMS = Path("params.yaml")
PACE = Pace(0.2, 0.2, 0.2, 0.15, 0.002, 2**31)


@pytest.fixture(scope="package")
def inputs(tmp_path_factory):
    """What the smoke preset names. Not to be changed."""
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder / "smoke")
    shutil.copy(ROOT / "presets/smoke.yaml", folder / PARAMS)
    return folder


@pytest.fixture
def mistakes(inputs, tmp_path, monkeypatch):
    """In a folder with the smoke preset and its inputs: the lines after texts of params.yaml are replaced by others."""
    shutil.copytree(inputs, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")

    def mistakes(*edits):
        text = PARAMS.read_text()
        for old, new in edits:
            assert old in text
            text = text.replace(old, new, 1)
        PARAMS.write_text(text)
        return [line.removeprefix(f"{PARAMS}: ") for line in find_all_mistakes(PARAMS)]

    return mistakes


@pytest.fixture(scope="package")
def general_teacher(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("model") / "minilm", layers=6, positions=512)


@pytest.fixture
def init(tmp_path, monkeypatch, general_teacher):
    """What `init` of a file with this content ends with, in an empty folder in which the default's models are."""
    monkeypatch.chdir(tmp_path)
    sources = Path("data/sources")
    sources.mkdir(parents=True)
    (sources / "minilm").symlink_to(general_teacher)
    monkeypatch.setattr("tinybert.check.budget.measure", lambda *_: PACE)

    def init(name, content, *options):
        if isinstance(content, pd.DataFrame):
            content.to_parquet(name)
        elif content is not None:
            Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return CliRunner().invoke(app, ["init", name, *options])

    return init


def only_task():
    (task,) = load_experiment(PARAMS).tasks.values()
    return task
