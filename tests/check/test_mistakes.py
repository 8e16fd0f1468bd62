"""`python -m tinybert check`: a mistake in params, tables or models is one line, before any stage has run."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import BertConfig, BertModel
from typer.testing import CliRunner

from tests.check.conftest import PARAMS
from tests.tiny import VOCABULARY, tiny_bert, tiny_tokenizer
from tinybert.__main__ import app
from tinybert.check.mistakes import find_notes
from tinybert.models.loading import head_config, load_classifier
from tinybert.running.digests import library_versions
from tinybert.running.lineage import write_lineage

LOSSES = "losses: {embedding: 1.0, hidden: 1.0, attention: 1.0}"
"""Of the smoke preset's general student and of its student's first phase."""


def test_each_mistake_is_a_line_and_the_exit_code_is_1(mistakes):
    assert mistakes() == []
    mistakes(("epochs: 4, batch_size", "epochs: -4, batch_sise"))
    done = CliRunner().invoke(app, ["check"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert [line.split(": ")[:3] for line in done.stderr.splitlines()] == [
        ["error", "params.yaml", f"tasks.weather.teacher.{key}"] for key in ("epochs", "batch_sise")
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("smoke/weather.csv", "smoke/wether.csv", "files.weather.path: there is no 'smoke/wether.csv'"),
        ("precision: fp32", "precision: fp32\nlaunch: nowhere --all -m", "launch: there is no program 'nowhere' here;"),
        ("heads: 2", "heads: 4", "general.small: the attention loss needs a student with the teacher's 2 heads, found"),
        (
            f"{LOSSES}\n    train",
            "losses: {mlm: 1.0}\n    train",
            "general.small: losses: mlm and vocabulary need a teacher with a masked-language head",
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
        ("steps: 10", "steps: 0", "tasks.weather.mlm: smoke/bert: this checkpoint has no masked-language head"),
        ("epochs: 4,", "epochs: 0,", "tasks.weather.teacher: smoke/bert: this checkpoint has no classification head"),
    ],
)
def test_what_does_not_fit_is_known_before_a_run(mistakes, old, new, expected):
    line, *others = mistakes((old, new))
    assert line.startswith(expected)
    assert all(other.startswith("students.") for other in others)  # the same of what is made of it


def test_what_is_odd_about_the_rows_is_no_mistake(mistakes):
    table = Path("smoke/weather.csv")
    table.write_text(table.read_text().replace(",good\n", ",ok\n").replace(",bad\n", ",fraud\n"))
    assert mistakes((", names: [bad, good]", ""), ("accuracy", "f1")) == []
    done = CliRunner().invoke(app, ["check"])
    note = "note: params.yaml: tasks.weather: metric is f1 of ok, the second class of the data; for the other, label.n"
    assert (done.exit_code, note in done.stdout) == (0, True)


def test_libraries_that_are_others_than_a_models_are_noted(mistakes, monkeypatch):
    for folder in (Path("models/exported/students/m"), Path("models/teachers/m")):
        folder.mkdir(parents=True)
        write_lineage(folder, "finetune-teacher@m", {}, {}, {})
    assert list(find_notes(PARAMS)) == []
    monkeypatch.setattr("tinybert.check.mistakes.library_versions", lambda: library_versions() | {"torch": "9.1"})
    (line,) = find_notes(PARAMS)
    assert line.startswith("models/exported/students/m and 1 more: made with torch ")
    assert "and 9.1 is installed, which may give other numbers; `pip install torch==" in line


@pytest.mark.parametrize(("command", "refuse"), [("check", "read_text"), ("times", "glob"), ("readme", "read_text")])
def test_what_may_not_be_read_is_one_line(mistakes, monkeypatch, command, refuse):
    """The tests may run as root, who may read everything."""

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied", "data/x")

    monkeypatch.setattr(Path, refuse, refused)
    result = CliRunner().invoke(app, [command])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("error: data/x: Permission denied; check rights")


def test_a_downloaded_model_is_looked_at_while_the_lock_is_of_the_same_entry(mistakes):
    """What another entry left on disk will be replaced."""
    folder, entry = Path("data/sources/other"), "{kind: model, hub: owner/other, revision: " + "0e1f" * 10 + "}"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "bart!"}')
    download = ("downloads: {}", f"downloads: {{other: {entry}}}")
    assert mistakes(download, ("mlm: {from: bert", "mlm: {from: other")) == []
    for locked, found in (("{kind: model}", []), (entry, ["downloads.other"])):
        stage = f"{{cmd: x, params: {{params.yaml: {{downloads.other: {locked}}}}}}}"
        Path("dvc.lock").write_text(f"{{schema: '2.0', stages: {{download-corpus@other: {stage}}}}}")
        assert [line.partition(":")[0] for line in mistakes()] == found


def test_files_of_a_split_are_looked_for_before_a_run(mistakes):
    folder = Path("smoke/reviews")
    folder.mkdir()
    header, *rows = Path("smoke/weather.csv").read_text().splitlines(keepends=True)
    edits = [
        ("path: smoke/weather.csv", "path: smoke/reviews"),
        ("split: {test: 0.2,", "split: {train: train.csv, test: dev.csv, unlabelled: {mine: t-*.csv},"),
    ]
    for name, some, missing in (
        ("train.csv", rows[:150], "dev.csv"),
        ("dev.csv", rows[150:200], "t-*.csv"),
        ("t-0.csv", rows[200:], None),
    ):
        (folder / name).write_text(header + "".join(some))
        lines, edits = mistakes(*edits), []
        assert [line.partition(" (")[0] for line in lines] == (
            [f"tasks.weather: smoke/reviews: there is no file {missing!r}"] if missing else []
        )


def test_a_fine_tuned_teachers_classes_are_compared_with_the_tables(mistakes):
    def save(names):
        load_classifier(Path("smoke/bert"), new_head=head_config(names)).save_pretrained("smoke/bert")

    save(["Good", "bad"])
    assert mistakes(("epochs: 4,", "epochs: 0,")) == []
    save(["dry", "wet"])
    (line,) = mistakes((", names: [bad, good]", ""))  # named by the table alone
    assert line.startswith("tasks.weather.teacher: smoke/bert: its outputs are dry, wet, the data's class")


def test_a_student_that_starts_with_fewer_positions_is_known_before_a_run(mistakes):
    """Shorter texts than its task has, and shorter blocks than it is to be distilled on."""
    config = BertConfig.from_pretrained("smoke/bert", num_hidden_layers=2, max_position_embeddings=12)
    BertModel(config).save_pretrained("smoke/short")
    tiny_tokenizer().save_pretrained("smoke/short")
    first, second = mistakes(
        ("  corpus: {path", "  short: {path: smoke/short, kind: model}\n  corpus: {path"),
        ("start: bert", "start: short"),
        ("initialise: teacher-svd", "initialise: start"),
        ("hidden: 16, heads: 2, intermediate: 32}", "hidden: 24, heads: 2, intermediate: 48}"),
    )
    assert first.startswith("general.small: max_length 16 is above the 12 positions of smoke/short")
    assert second.startswith("students.weather-small: max_length 16 is above the 12 positions of smoke/short")


def test_another_tokenizer_is_known_before_a_run(mistakes):
    """Of what is distilled; the masked language model hands on text, and may have its own."""
    tiny_bert(Path("smoke/other"))
    tiny_tokenizer([*VOCABULARY[:-2], "snow", "hail"]).save_pretrained("smoke/other")
    other = ("  corpus: {path", "  other: {path: smoke/other, kind: model}\n  corpus: {path")
    assert mistakes(other, ("mlm: {from: bert", "mlm: {from: other")) == []
    (line,) = mistakes(("teacher: {from: bert", "teacher: {from: other"))
    assert line.startswith("students.weather-small: ")
    assert "different vocabularies" in line
