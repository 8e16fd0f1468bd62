"""From a file of one's own to a model: `init` and the graph, on tiny models, with nothing edited in between."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.smoke import make_project, run


@pytest.mark.slow
def test_a_file_becomes_a_model(tmp_path):
    project = tmp_path / "project"
    make_project(project)
    shutil.copy(project / "presets/smoke.yaml", project / "presets/own-csv.yaml")  # the tiny models, as the default's
    rows = (project / "smoke/weather.csv").read_text().splitlines()[1:]
    cells = [row.rpartition(",")[::2] for row in rows]
    lines = [f'{number};"{label}";{text}' for number, (text, label) in enumerate(cells)]
    (project / "mine.csv").write_text("\n".join(["id;wetter;sentence", *lines]) + "\n")
    said = run(project, "python", "-m", "tinybert", "init", "mine.csv", "--minutes", "1", "--force").stdout
    assert "text in 'sentence'; classification by 'wetter': 2 classes" in said
    run(project, "python", "-m", "tinybert", "check")
    run(project, "dvc", "repro")
    (student,) = json.loads((project / "metrics.json").read_text()).values()
    assert student["task"] == "mine"
    assert student["teacher"]["score"] > 0.8
