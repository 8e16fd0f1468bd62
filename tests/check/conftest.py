"""A project in which nothing has run, and its mistakes after an edit."""

import shutil
from pathlib import Path

import pytest

from tests.smoke import ROOT, make_inputs
from tinybert.check.mistakes import find_all_mistakes

PARAMS = Path("params.yaml")


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
