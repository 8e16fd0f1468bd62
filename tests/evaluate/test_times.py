"""The table of times."""

import json
from pathlib import Path

from tinybert.evaluate.times import ORDER, print_times


def write(folder, **seconds):
    for name, value in seconds.items():
        (folder / f"{name.replace('__', '@').replace('_', '-')}.json").write_text(json.dumps({"seconds": value}))


def test_stages_stand_in_the_pipelines_order_with_their_total(tmp_path, capsys):
    write(tmp_path, report=1.0, evaluate__b=2.0, evaluate__a=3.0, prepare_task__movies=0.5)
    print_times(tmp_path)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["prepare-task@movies", "evaluate@a", "evaluate@b", "report", "total"]
    assert lines[-1][1:] == ["6.5", "s"]


def test_nothing_has_run(tmp_path, capsys):
    print_times(tmp_path / "none")
    assert "no stage has run yet" in capsys.readouterr().out


def test_every_stage_has_its_place():
    scripts = {file.stem.replace("_", "-") for file in (Path(__file__).parents[2] / "stages").glob("*.py")} - {
        "--init--",
        "command",
    }
    assert scripts == set(ORDER)
