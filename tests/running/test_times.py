"""The table of times."""

import json
from pathlib import Path

import pytest

from tests.import_closure import ROOT
from tinybert.running.times import print_times


@pytest.fixture
def params(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").symlink_to(ROOT / "dvc.yaml")
    file = Path("params.yaml")
    file.write_text("tasks: {movies: {}}\nstudents: {a: {}, b: {}}\n")
    return file


def test_stages_stand_in_the_pipelines_order_with_their_total(params, capsys):
    costs = {"report": 1, "evaluate@b": 2, "evaluate@a": 3, "prepare-task@movies": 0.5, "evaluate@gone": 9}
    for name, cost in costs.items():
        Path(f"{name}.json").write_text(json.dumps({"seconds": cost, "bytes": cost * 2**30}))
    print_times(params, Path())
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["prepare-task@movies", "evaluate@a", "evaluate@b", "report", "all"]
    assert lines[-1] == ["all", "stages", "6.5", "s", "3.0", "GiB"]


def test_nothing_has_run(params, capsys):
    print_times(params, Path("none"))
    assert "no stage has run yet" in capsys.readouterr().out
