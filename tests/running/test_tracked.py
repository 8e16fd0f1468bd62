"""What was edited while a stage ran: of what dvc.yaml lists, nothing else, and by content."""

import os
import shutil
from pathlib import Path

import pytest

from tests.import_closure import ROOT
from tinybert.running.tracked import instances, track

PIPELINE = """
stages:
  train:
    foreach: ${tasks}
    do:
      cmd: train ${key}
      deps: ["${item.path}", code, missing]
      params: [seed, "tasks.${key}.teacher"]
      outs: ["models/${key}"]
      metrics: ["results/${name}.json": {cache: false}]
  report: {cmd: report, params: [tasks], outs: [report.md]}
"""
PARAMS = (
    "name: x\nseed: 1\ntasks:\n  a: {path: a.csv, teacher: {epochs: 2, rate: 0.1}}\n  b: {path: b.csv, teacher: {}}\n"
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in {"dvc.yaml": PIPELINE, "params.yaml": PARAMS, "a.csv": "1", "b.csv": "1"}.items():
        Path(name).write_text(content)
    Path("code/deep").mkdir(parents=True)
    Path("code/deep/a.py").write_text("a = 1")


def edit(old, new):
    file = Path("params.yaml")
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_lists_are_those_of_the_instance(project):
    assert list(instances()) == ["train@a", "train@b", "report"]
    tracked = track("train@a")
    assert tracked.values == {"seed": 1, "tasks.a.teacher": {"epochs": 2, "rate": 0.1}}
    assert list(tracked.inputs) == [Path("a.csv"), Path("code")]
    assert tracked.outs == [Path("models/a"), Path("results/x.json")]
    assert track("report").values["tasks"]["b"] == {"path": "b.csv", "teacher": {}}


def test_an_edited_value_is_named_with_both(project):
    tracked = track("train@a")
    edit("b: {path: b.csv, teacher: {}}", "b: {path: c.csv, teacher: {epochs: 9}}")
    assert list(tracked.edited_values()) == []
    edit("{epochs: 2, rate: 0.1}", "{epochs: 3, rate: 0.1, warmup: 0}")
    assert list(tracked.edited_values()) == [
        "params.yaml: tasks.a.teacher.epochs was 2 when it began and is 3 now",
        "params.yaml: tasks.a.teacher.warmup was null when it began and is 0 now",
    ]
    assert track("train@a").fingerprint != tracked.fingerprint
    Path("params.yaml").write_text("seed: [")
    assert len(list(tracked.edited_values())) == 2


def test_an_input_is_edited_where_its_content_is_another(project):
    tracked = track("train@a")
    Path("b.csv").write_text("2")
    os.utime("a.csv", (0, 0))
    Path("code/deep/__pycache__").mkdir()
    Path("code/deep/__pycache__/a.pyc").touch()
    Path("code/.a.py.swp").touch()
    assert list(tracked.edited_inputs()) == []
    assert track("train@a").fingerprint == tracked.fingerprint
    Path("a.csv").write_text("2")
    Path("code/deep/b.py").touch()
    assert list(tracked.edited_inputs()) == [Path("a.csv"), Path("code")]
    Path("a.csv").unlink()
    shutil.rmtree("code")
    assert list(tracked.edited_inputs()) == [Path("a.csv"), Path("code")]


def test_what_a_stage_tidies_itself_is_no_edit(project):
    tracked = track("train@a")
    Path("code/deep/a.py").unlink()
    assert list(tracked.edited_inputs(tidied=Path("code"))) == []
    assert list(tracked.edited_inputs()) == [Path("code")]


@pytest.mark.parametrize("name", ["general-distill@tinybert4", "report"])
def test_the_projects_own_pipeline_is_understood(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    tracked = track(name)
    assert None not in tracked.values.values()
    assert not any("$" in str(path) for path in (*tracked.outs, *tracked.inputs))
    assert any(path.parts[0] == "tinybert" for path in tracked.inputs)
