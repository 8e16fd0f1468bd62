"""`python -m benchmarks`: a list of what there is, and a way to each."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

import benchmarks
from benchmarks.__main__ import app

NAMES = [file.stem for file in Path(benchmarks.__file__).parent.glob("[!_]*.py")]


def test_each_has_a_line_and_its_own_help():
    listed = CliRunner().invoke(app, []).output
    assert [name for name in NAMES if f" {name} " not in listed] == []
    for name in NAMES:
        assert "--" in CliRunner().invoke(app, [name, "--help"], prog_name="benchmarks").output
    assert CliRunner().invoke(app, ["attention", "--layers", "0"]).exit_code == 2
