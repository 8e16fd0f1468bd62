import json
import re
from pathlib import Path

import pytest

from tests.report.test_variants import results
from tests.smoke import ROOT
from tinybert.errors import UserError
from tinybert.params.experiment import find_mistakes, load_experiment
from tinybert.report.readme import graph, refresh, results_table

MODEL = {"score": 0.861, "ci95": [0.846, 0.875], "parameters": 22_713_986}
STUDENT = {"score": 0.85, "ci95": [0.835, 0.866], "parameters": 14_350_874}
RESULT = {
    "task": "movies",
    "teacher": MODEL,
    "student": STUDENT,
    "retention": 0.98722,
    "retention_ci95": [0.971, 1.0012],
    "compression": 1.5828,
}


def test_results_are_those_of_metrics():
    table = results_table(
        {"movies-tinybert4": RESULT, "movies-other": RESULT | {"retention": None, "retention_ci95": None}}
    )
    assert "| teacher of `movies` | 86.1 | 84.6 – 87.5 |  | 22.71 M |  |" in table
    assert "| `movies-tinybert4` | 85.0 | 83.5 – 86.6 | 98.7 % (97.1 – 100.1) | 14.35 M | 1.6× |" in table
    assert "| `movies-other` | 85.0 | 83.5 – 86.6 | – |" in table
    assert table.count("teacher of") == 1


def test_the_graph_leaves_out_what_follows():
    stages = {
        "first": {"foreach": "${tasks}", "deps": ["a.py"], "outs": ["data/${key}"]},
        "second": {"foreach": "${tasks}", "deps": ["data/${key}"], "outs": ["models/${key}"]},
        "third": {"foreach": None, "deps": ["data/${item.x}", "models"], "metrics": [{"metrics.json": {}}]},
    }
    assert graph(stages).splitlines()[2:-1] == ["  first --> second", "  second --> third"]


def test_missing_markers_are_named(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("# nothing\n")
    with pytest.raises(UserError, match="<!-- results -->"):
        refresh(readme, ROOT / "dvc.yaml", ROOT / "metrics.json")


def test_the_readme_is_up_to_date():
    current = (ROOT / "README.md").read_text(encoding="utf-8")
    assert refresh(Path(ROOT / "README.md"), ROOT / "dvc.yaml", ROOT / "metrics.json") == current


def test_your_own_data_in_five_lines(tmp_path, monkeypatch):
    """The README's lines are those that the preset marks, which is the default in everything else."""
    (block,) = re.findall(r"```yaml\n(files:\n.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    preset = (ROOT / "presets/own-csv.yaml").read_text(encoding="utf-8")
    marked = [line.split("  # <")[0] for line in preset.splitlines() if "  # <" in line]
    assert [line for line in block.splitlines() if not line.endswith(":")] == marked
    assert len(marked) == 5
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(preset, encoding="utf-8")
    Path("reviews.csv").write_text("text,label\n", encoding="utf-8")
    assert list(find_mistakes(Path("params.yaml"))) == []
    own, default = load_experiment(Path("params.yaml")), load_experiment(ROOT / "params.yaml")
    assert own.general == default.general
    ours, theirs = own.students["reviews-tinybert4"], default.students["movies-tinybert4"]
    assert ours == theirs.model_copy(update={"task": "reviews"})
    assert own.tasks["reviews"].teacher == default.tasks["movies"].teacher


def test_the_readme_gets_the_ablations_once_there_are_any(tmp_path):
    sections = [f"<!-- {name} -->\n<!-- /{name} -->" for name in ("results", "graph", "stages")]
    readme, metrics = tmp_path / "README.md", tmp_path / "metrics.json"
    readme.write_text("\n".join([*sections, "<!-- ablations -->\n<!-- /ablations -->"]))
    metrics.write_text("{}")
    assert "<!-- ablations -->\n<!-- /ablations -->" in refresh(readme, ROOT / "dvc.yaml", metrics)
    (tmp_path / "results").mkdir()
    found = results(("full", "movies", 0.80), ("full", "movies", 0.84))
    numbers = {name: result.model_dump() for name, result in found.items()}
    (tmp_path / "results/ablations.json").write_text(json.dumps(numbers))
    written = refresh(readme, ROOT / "dvc.yaml", metrics)
    assert "| full | 82.0 ± 2.8 | (75.6) |" in written
    assert (
        "Mean ± standard deviation over 2 seeds of the students' two phases (general students, teacher and augmented "
        "copies have one seed); in brackets the paper's average."
    ) in written
    readme.write_text("\n".join(sections))
    with pytest.raises(UserError, match="<!-- ablations -->"):
        refresh(readme, ROOT / "dvc.yaml", metrics)
