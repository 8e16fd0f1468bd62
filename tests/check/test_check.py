"""`python -m tinybert check` and the stages: a mistake is one line, exit code 1, no traceback, nothing half-written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.smoke import ROOT, make_inputs, run
from tests.tiny import VOCABULARY, tiny_bert, tiny_tokenizer
from tinybert.__main__ import app
from tinybert.check.mistakes import find_all_mistakes

LOSSES = "losses: {embedding: 1.0, hidden: 1.0, attention: 1.0}"
"""Of the smoke preset's general student and of its student's first phase."""


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """A folder with the smoke preset and its inputs, the model imported already."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "presets" / "smoke.yaml", "params.yaml")
    make_inputs(Path("smoke"))
    shutil.copytree("smoke/bert", "data/sources/bert")
    imported("bert", "smoke/bert", "model")
    return tmp_path


def imported(key: str, path: str, kind: str) -> None:
    """What DVC's lock says of a file of one's own after its import."""
    entry = f"{{path: {path}, kind: {kind}}}"
    with Path("dvc.lock").open("a") as lock:
        if not lock.tell():
            lock.write("stages:\n")
        lock.write(f"  import-file@{key}: {{params: {{params.yaml: {{files.{key}: {entry}}}}}}}\n")


def test_what_another_entry_left_on_disk_is_not_looked_at(prepared):
    """The same key, another model: what lies there will be replaced."""
    tiny_bert(Path("smoke/other"), heads=4)
    text = (
        Path("params.yaml").read_text().replace("path: smoke/bert", "path: smoke/other").replace("heads: 2", "heads: 4")
    )
    Path("params.yaml").write_text(text)
    assert list(find_all_mistakes(Path("params.yaml"))) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("txt,label\nx,good\n", "smoke/weather.csv: there is no column 'text'"),
        ("text,label\n", "smoke/weather.csv: expected rows, found none"),
        ("text,label\n" + "sunny,good\n" * 50, "smoke/weather.csv: "),
        ("text,label\nsunny,gud\n", "smoke/weather.csv: line 2: "),
        (b"text,label\ncaf\xe9,good\n", "smoke/weather.csv: line 2: not UTF-8"),
    ],
)
def test_a_table_of_ones_own_is_read_before_a_run(prepared, content, expected):
    Path("smoke/weather.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    (line,) = find_all_mistakes(Path("params.yaml"))
    assert line.startswith(f"params.yaml: tasks.weather: {expected}")


def test_what_is_odd_about_the_rows_is_no_mistake(prepared):
    table = Path("smoke/weather.csv")
    table.write_text(table.read_text().replace(",good\n", ",ok\n").replace(",bad\n", ",fraud\n"))
    params = Path("params.yaml")
    params.write_text(params.read_text().replace(", names: [bad, good]", "").replace("accuracy", "f1"))
    done = CliRunner().invoke(app, ["check"])
    assert done.exit_code == 0
    note = "note: params.yaml: tasks.weather: metric is f1 of ok, the second class of the data; for the other, label.n"
    assert note in done.stdout


@pytest.mark.parametrize(
    ("command", "refuse", "reason"),
    [
        ("check", "read_text", "params.yaml: Permission denied; put a file there that you may read"),
        ("times", "glob", "data/x: Permission denied; check rights"),
        ("readme", "read_text", "dvc.yaml: Permission denied; put a file there that you may read"),
    ],
)
def test_what_may_not_be_read_is_one_line(prepared, monkeypatch, command, refuse, reason):
    """The tests may run as root, who may read everything."""

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied", "data/x")

    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    monkeypatch.setattr(Path, refuse, refused)
    result = CliRunner().invoke(app, [command])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {reason}")
    assert result.stderr.count("\n") == 1


def mistakes_after(old: str, new: str) -> list[str]:
    params = Path("params.yaml")
    text = params.read_text()
    assert old in text
    params.write_text(text.replace(old, new, 1))
    return list(find_all_mistakes(params))


def test_the_smoke_preset_has_no_mistake(prepared):
    assert list(find_all_mistakes(Path("params.yaml"))) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("smoke/weather.csv", "smoke/wether.csv", "files.weather.path: there is no 'smoke/wether.csv'"),
        (
            "heads: 2",
            "heads: 4",
            "general.small: the attention loss needs a student with the teacher's 2 heads, found 4",
        ),
        (
            "hidden: 16",
            "hidden: 32",
            "general.small: initialise: teacher-svd needs a student no wider than its teacher",
        ),
        ("layers: 2", "layers: 4", "general.small: layer_map: uniform needs a teacher with at least the student's 4"),
        ("layer_map: uniform", "layer_map: [1, 4]", "general.small: layer_map: expected increasing layers from 1 to 3"),
        (
            f"{LOSSES}\n    train",
            "losses: {mlm: 1.0}\n    train",
            "general.small: losses: mlm and vocabulary need a teacher with a masked-language head",
        ),
        (
            f"{LOSSES}\n    train",
            "losses: {relations: 1.0}\n    relation_heads: 16\n    train",
            "general.small: relation_heads: 16 relation heads do not divide a width of 24",
        ),
        (
            f"{LOSSES}\n    prediction",
            "losses: {relations: 1.0}\n      relation_heads: 16\n    prediction",
            "students.weather-small.intermediate: relation_heads: 16 relation heads do not divide a width of 24",
        ),
        ("initialise: teacher-svd", "initialise: teacher-lower", "general.small: initialise: teacher-lower needs the"),
        ("initialise: teacher-svd", "initialise: start", "general.small: initialise: start: "),
        ("max_length: 16}", "max_length: 33}", "general.small: max_length 33 is above the 32 positions"),
        ("    max_length: 16\n", "    max_length: 64\n", "tasks.weather.max_length: max_length 64 is above the 32"),
    ],
)
def test_what_does_not_fit_is_known_before_a_run(prepared, old, new, expected):
    line, *others = mistakes_after(old, new)
    assert line.startswith(f"params.yaml: {expected}")
    assert all(other.startswith("params.yaml: students.") for other in others)  # the same of what is made of it


def test_a_lock_with_conflicts_is_a_line(prepared):
    Path("dvc.lock").write_text("stages:\n<<<<<<< HEAD\n")
    (line,) = find_all_mistakes(Path("params.yaml"))
    assert line.startswith("dvc.lock: line 3")
    assert line.endswith("resolve the conflict, or `git checkout dvc.lock`")
    Path("dvc.lock").write_text("schema: '2.0'\n")
    assert list(find_all_mistakes(Path("params.yaml"))) == []


def test_files_of_a_split_are_looked_for_before_a_run(prepared):
    folder = Path("smoke/reviews")
    folder.mkdir()
    shutil.copy("smoke/weather.csv", folder / "train.csv")
    params = Path("params.yaml")
    params.write_text(
        params.read_text()
        .replace("path: smoke/weather.csv", "path: smoke/reviews")
        .replace("split: {test: 0.2,", "split: {train: train.csv, test: dev.csv, unlabelled: {mine: t-*.csv},")
    )
    test, unlabelled = find_all_mistakes(params)
    assert test.startswith("params.yaml: tasks.weather.split.test: there is no 'dev.csv' in smoke/reviews (did you")
    assert unlabelled.startswith("params.yaml: tasks.weather.split.unlabelled: there is no 't-*.csv' in smoke/reviews")
    header, *rows = (folder / "train.csv").read_text().splitlines(keepends=True)
    for name, some in (("train.csv", rows[:150]), ("dev.csv", rows[150:200]), ("t-0.csv", rows[200:])):
        (folder / name).write_text(header + "".join(some))
    assert list(find_all_mistakes(params)) == []


def test_another_tokenizer_is_known_before_a_run(prepared):
    """Of what is distilled; the masked language model hands on text, and may have its own."""
    tiny_bert(Path("smoke/other"))
    tiny_tokenizer([*VOCABULARY[:-2], "snow", "hail"]).save_pretrained("smoke/other")
    shutil.copytree("smoke/other", "data/sources/other")
    imported("other", "smoke/other", "model")
    with_other = ("  corpus: {path", "  other: {path: smoke/other, kind: model}\n  corpus: {path")
    text = (ROOT / "presets" / "smoke.yaml").read_text().replace(*with_other)
    Path("params.yaml").write_text(text.replace("mlm: {from: bert", "mlm: {from: other"))
    assert list(find_all_mistakes(Path("params.yaml"))) == []
    Path("params.yaml").write_text(text.replace("teacher: {from: bert", "teacher: {from: other"))
    (line,) = find_all_mistakes(Path("params.yaml"))
    assert line.startswith("params.yaml: students.weather-small: ")
    assert "different vocabularies" in line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "command", "expected"),
    [
        (
            "batch_size: 8",
            "batch_sise: 8",
            ["tinybert", "check"],
            "batch_sise: unknown key (did you mean 'batch_size'?",
        ),
        ("epochs: 4,", "epochs: 0,", ["stages.finetune_teacher", "weather"], "no classification head"),
        ("text: [text]", "text: [txt]", ["stages.prepare_task", "weather"], "txt"),
        ("name: smoke", "name: smoke", ["stages.general_distill", "smal"], "did you mean 'small'?"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_lost(project, old, new, command, expected):
    params = project / "params.yaml"
    params.write_text(params.read_text().replace(old, new, 1))
    before = sorted(path for part in ("data", "models", "curves") for path in (project / part).rglob("*"))
    done = run(project, "python", "-m", *command, check=False)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert expected in errors[0]
    assert "Traceback" not in done.stderr
    after = sorted(path for part in ("data", "models", "curves") for path in (project / part).rglob("*"))
    assert after == before
