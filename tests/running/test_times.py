"""The table of times."""

import json
from pathlib import Path

import pytest

from tinybert.running.times import ORDER, print_times


@pytest.fixture
def params(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text("tasks: {movies: {}}\nstudents: {a: {}, b: {}}\n")
    return file


def write(folder, **costs):
    for name, (seconds, size) in costs.items():
        file = folder / f"{name.replace('__', '@').replace('_', '-')}.json"
        file.write_text(json.dumps({"seconds": seconds, "bytes": size * 2**30}))


def test_stages_stand_in_the_pipelines_order_with_their_total(params, capsys):
    folder = params.parent
    write(folder, report=(1, 0), evaluate__b=(2, 1), evaluate__a=(3, 2), prepare_task__movies=(0.5, 1))
    write(folder, evaluate__gone=(100, 100))
    print_times(params, folder)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["prepare-task@movies", "evaluate@a", "evaluate@b", "report", "all"]
    assert lines[-1] == ["all", "stages", "6.5", "s", "2.0", "GiB"]


def test_nothing_has_run(params, capsys):
    print_times(params, params.parent / "none")
    assert "no stage has run yet" in capsys.readouterr().out


def test_every_stage_has_its_place():
    scripts = {file.stem.replace("_", "-") for file in (Path(__file__).parents[2] / "stages").glob("*.py")} - {
        "--init--",
        "command",
    }
    assert scripts == set(ORDER)
