"""README.md, CONTRIBUTING.md and docs/: generated sections, and what they say of files, commands and keys."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.evaluate.made_up import make_result, make_speed
from tests.report.test_variants import results
from tests.smoke import ROOT, run
from tinybert.errors import UserError
from tinybert.evaluate.schema import Result, Speed, Speeds
from tinybert.params.experiment import find_mistakes, load_experiment
from tinybert.report import readme
from tinybert.report.pipeline import graph
from tinybert.report.readme import deployed_section, read_results, read_speeds, refresh, results_table

FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "data/README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {file: file.read_text(encoding="utf-8") for file in FILES}


def test_results_are_those_of_metrics_and_speed():
    made = make_result(0.85, 14_350_874, ["negative", "positive"]) | {"retention_ci95": [0.971, 1.0012]}
    unknown = {"retention": None, "retention_ci95": None}
    results = {name: Result.model_validate(made | change) for name, change in (("a", {}), ("b", unknown))}
    gains = {"student/int8": {"teacher/onnx": {"score": 0.011, "interval": [-0.002, 0.024]}}}
    results["a"] = results["a"].model_copy(update={"paired": Result.model_validate(made | {"paired": gains}).paired})
    speed = make_speed(2.04)
    speed["models"]["bert-base/torch"]["batch1"]["times_faster"] = 2.0
    advice, table, beside = deployed_section(results, {"a": Speed.model_validate(speed)}).split("\n\n")
    assert advice == (
        "Take a in int8: accuracy 84.9, 1.1 points (-0.2 – 2.4) below the teacher in ONNX, 4.1 times as fast."
    )
    assert table.splitlines()[2:] == [
        "| teacher of `movies` in PyTorch | 86.0 (84.5 – 87.5) | 25 | 20.0 (40.0) | 90.9 | 11.1 |",
        "| teacher of `movies` in ONNX | 86.0 (84.5 – 87.5) | 38 | 13.3 (26.7) | 90.9 | 7.4 |",
        "| `a` in PyTorch | 85.0 (83.5 – 86.5) | 51 | 9.8 (19.6) | 57.4 | 5.4 |",
        "| `a` in ONNX | 85.0 (83.5 – 86.5) | 76 | 6.5 (13.1) | 57.5 | 3.6 |",
        "| `a` in int8 | 84.9 (83.4 – 86.4) | 153 | 3.3 (6.5) | 14.4 | 1.8 |",
        "| `b` in int8 | 84.9 (83.4 – 86.4) | – | – | 14.4 | – |",
        "| TF-IDF | 77.0 (75.0 – 79.0) | 2,250 | 0.22 (0.44) | 0.6 | 0.12 |",
        "| a static model | 77.0 (75.0 – 79.0) | 2,000 | 0.25 (0.50) | 15.6 | 0.14 |",
        "| BERT-base's shape in PyTorch | – | 5 | 100.0 (200.0) | – | 55.6 |",
    ]
    assert len({line.count("|") for line in table.splitlines()}) == 1
    assert beside.startswith("`a` in int8 is 6.3 times smaller than its teacher in PyTorch and 6.1 times as ")
    assert "and 3 times (31 in texts a core) as fast as a model of BERT-base's shape" in beside
    assert results_table(results).splitlines()[3:5] == [
        "| `a` | 85.0 | 83.5 – 86.5 | 98.8 % (97.1 – 100.1) | 14.35 M | 1.6× |",
        "| `a`, ONNX int8 | 84.9 | 83.4 – 86.4 | 98.7 % | 14.35 M | 6.3× |",
    ]


def test_what_readme_says_first_is_what_was_measured():
    """Smaller and faster, of the student as it is served and as it is in PyTorch, against its teacher in PyTorch."""
    first = " ".join(TEXTS[ROOT / "README.md"].split("\n\n")[1].split())
    ((name, result), *_) = read_results(ROOT / "metrics.json").items()
    models = read_speeds(ROOT / "speed.json")[name].models
    smaller, faster = (re.search(rf"(\d+(?:\.\d+)?) times {word}", first) for word in ("smaller", "as fast"))
    assert smaller is not None
    assert faster is not None
    assert float(smaller[1]) == pytest.approx(result.compression_int8, rel=0.1)
    assert float(faster[1]) == pytest.approx(models["student/int8"].batch1.times_faster, rel=0.2)


def test_the_graph_leaves_out_what_follows():
    stages = {
        "first": {"deps": ["a.py"], "outs": ["data/${key}"]},
        "second": {"deps": ["data/${key}"], "outs": ["models/${key}"]},
        "third": {"deps": ["data/${item.x}", "models"], "metrics": [{"metrics.json": {}}]},
    }
    assert graph(stages).splitlines()[2:-1] == ["  first --> second", "  second --> third"]


def test_sections_are_up_to_date(monkeypatch):
    """Times are others after each run: then README has those in git."""

    def outdated():
        return {file.name for file, text in refresh(ROOT).items() if text != TEXTS[file]}

    if outdated():
        committed = Speeds.model_validate_json(run(ROOT, "git", "show", "HEAD:speed.json").stdout).root
        monkeypatch.setattr(readme, "read_speeds", lambda file: committed)
        assert outdated() == set()


def test_a_number_of_words():
    words = [word for word in TEXTS[ROOT / "README.md"].split() if re.search(r"\w", word)]  # not a table's lines
    assert len(words) <= 1200


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_links_files_and_functions_are_there(file):
    text = TEXTS[file]
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (file.parent / link).exists()] == []
    code = re.findall(r"`((?:tinybert|stages|tests|presets|docs|benchmarks)/[\w/.-]*)`", text)
    assert [path for path in code if not (ROOT / path).exists()] == []
    for name, path in re.findall(r"`(\w+)`\s+in\s+`(tinybert/[\w/]+\.py)`", text):
        assert re.search(rf"^(def|class) {name}\b|^{name}\b", (ROOT / path).read_text("utf-8"), re.MULTILINE), name


def test_commands_are_there():
    text = "\n".join(TEXTS.values())
    targets = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {name for name in targets if f"\n{name}:" not in makefile} == set()
    modules = set(re.findall(r"python -m ([a-z_.]+)", text))
    paths = [ROOT / name.replace(".", "/") for name in modules]
    assert {path.name for path in paths if not (path.with_suffix(".py").exists() or path.is_dir())} == set()
    main = (ROOT / "tinybert/__main__.py").read_text(encoding="utf-8")
    assert {name for name in re.findall(r"python -m tinybert (\w+)", text) if f"def {name}(" not in main} == set()


def test_your_own_data_are_the_default_in_five_lines(tmp_path, monkeypatch):
    """Those that the preset marks are another's; it is the default in everything else."""
    preset = (ROOT / "presets/own-csv.yaml").read_text(encoding="utf-8")
    assert preset.count("  # <") == 5
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(preset, encoding="utf-8")
    Path("reviews.csv").write_text("text,label\n", encoding="utf-8")
    assert list(find_mistakes(Path("params.yaml"))) == []
    own, default = load_experiment(Path("params.yaml")), load_experiment(ROOT / "params.yaml")
    assert own.general == default.general
    students = {
        name.replace("movies", "reviews"): student.model_copy(update={"task": "reviews"})
        for name, student in default.students.items()
    }
    assert own.students == students
    assert own.tasks["reviews"].teacher == default.tasks["movies"].teacher


def test_sections_of_other_experiments_come_with_their_results(tmp_path):
    sections = [f"<!-- {name} -->\n<!-- /{name} -->" for name in ("results", "graph", "stages", "reruns")]
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    readme, docs = tmp_path / "README.md", tmp_path / "docs/results.md"
    readme.write_text("\n".join(sections))
    assert "flowchart" in refresh(tmp_path)[readme]
    (tmp_path / "results").mkdir()
    found = results(("full", "movies", 0.80), ("full", "movies", 0.84))
    numbers = {name: result.model_dump() for name, result in found.items()}
    (tmp_path / "results/ablations.json").write_text(json.dumps(numbers))
    with pytest.raises(UserError, match="<!-- ablations -->"):
        refresh(tmp_path)
    docs.parent.mkdir()
    docs.write_text("<!-- ablations -->\n<!-- /ablations -->")
    written = refresh(tmp_path)[docs]
    assert "| full | 82.0 ± 2.8 | (75.6) |" in written
    assert "Mean ± standard deviation over 2 seeds; in brackets the paper's numbers. The paper's average is" in written
