"""`python -m tinybert init`: a file of labelled text becomes a params.yaml without a mistake, or one line."""

from __future__ import annotations

import subprocess

import pytest

from tests.check.conftest import PARAMS, only_task
from tests.check.labelled_files import COUNTED, CYRILLIC, FILES, FIVE, NAMES, NUMBERS, TEXTS, lines
from tests.import_closure import ROOT
from tinybert.check.mistakes import find_all_mistakes
from tinybert.params.experiment import load_experiment

PLAIN = lines(TEXTS, NAMES, header="text,label")
ONE_CLASS = lines(TEXTS, ["good"] * len(TEXTS), header="text,label")


@pytest.mark.parametrize("kind", FILES)
def test_what_a_file_is(init, kind):
    name, content, expected = FILES[kind]
    done = init(name, content)
    assert (done.exit_code, done.stderr) == (0, "")
    task = only_task()
    found = {key: getattr(task, key) for key in ("type", "columns", "text", "metric")}
    found["label"] = task.label.model_dump(exclude_defaults=True)
    split = task.split.model_dump(exclude_defaults=True)
    found |= {key: split[key] for key in ("separator", "quotes", "broken") if key in split}
    assert found == expected
    assert list(find_all_mistakes(PARAMS)) == []


@pytest.mark.parametrize(
    ("name", "content", "options", "expected"),
    [
        ("a.csv", None, (), "a.csv: expected a file that ends in .csv"),
        ("data", None, (), "data: expected a file that ends in .csv, .tsv, .txt, .jsonl, .ndjson, .json, .parquet, fo"),
        ("a.xlsx", "PK", (), "a.xlsx: expected a file that ends in"),
        ("a.csv", "", (), "a.csv: the file is empty"),
        ("a.csv", b"text,label\ncaf\xe9,good\n", (), "a.csv: line 2: not UTF-8"),
        ("a.csv", lines(TEXTS, header="text"), (), "a.csv: expected cells between one of ',', ';', '\\t', '|', found"),
        ("a.jsonl", '{"text": "a"}\n', (), "a.jsonl: expected a column of texts and one of labels, found text"),
        ("a.jsonl", "text,label\n", (), "a.jsonl: line 1: not JSON"),
        ("a.csv", ONE_CLASS, (), "a.csv: column 'label': expected labels that differ, found 'good'"),
        (
            "a.csv",
            lines(TEXTS, COUNTED, ["2024-01-05"] * len(TEXTS), header="text,review_id,date"),
            (),
            "a.csv: no column looks like a label beside the text in 'text': found review_id, date; name it by --label",
        ),
        ("a.csv", lines(NUMBERS, FIVE, header="size,label"), (), "a.csv: no column looks like text among size, label"),
        ("a.csv", PLAIN, ("--text", "txt"), "a.csv: there is no column 'txt' (did you"),
        ("a.csv", PLAIN, ("--label", "text"), "a.csv: no column looks like text among text, "),
        (
            "a.csv",
            lines(TEXTS, [number.replace(".", ",") for number in NUMBERS], header="text;score", separator=";"),
            (),
            "a.csv: column 'score': expected numbers as in 3.5, found '0,00'; write a point for the comma",
        ),
        (
            "a.csv",
            lines(TEXTS, [f"['{name}']" for name in NAMES], header="text,tags"),
            (),
            """a.csv: column 'tags': expected lists as in ["a", "b"], found "['""",
        ),
        ("a.csv", lines(TEXTS[:4], NAMES[:4], header="text,label"), (), "a.csv: "),
        ("a.csv", PLAIN, ("--minutes", "0"), "--minutes: expected more than 0, found"),
        ("a.csv", PLAIN, ("--teacher", "none"), "none: expected the folder of a model, found no such fol"),
    ],
)  # fmt: skip
def test_what_can_not_be_settled_is_one_line(init, name, content, options, expected):
    done = init(name, content, *options)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"error: {expected}")
    assert not PARAMS.exists()


def test_columns_can_be_named(init):
    content = lines(TEXTS, TEXTS[::-1], NAMES, FIVE, header="title,body,label,stars")
    assert init("a.csv", content).exit_code == 0
    assert (only_task().text, only_task().label.column) == (["body"], "label")
    assert "# or title, or both as a pair" in PARAMS.read_text()
    assert "# or stars" in PARAMS.read_text()
    options = ("--text", "title", "--text", "body", "--label", "stars", "--force")
    assert init("a.csv", content, *options).exit_code == 0
    assert (only_task().text, only_task().label.column) == (["title", "body"], "stars")


def test_edits_that_git_has_not_are_not_lost(init):
    """A file as git has it can be had back."""
    content = PLAIN
    assert init("a.csv", content).exit_code == 0
    mine = PARAMS.read_text()
    for name, written in (("b.csv", False), ("b.csv", True), ("c.csv", False)):
        done = init(name, content)
        assert (done.exit_code, PARAMS.read_text() == mine) == ((0, False) if written else (1, True))
        if not written:
            assert done.stderr.startswith("error: params.yaml: it has edits that git doesn't have; ")
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        for command in (["init", "--quiet"], ["add", "params.yaml"], [*identity, "commit", "--quiet", "-m", "mine"]):
            if not written:
                subprocess.run(["git", *command], check=name != "c.csv")
        mine = PARAMS.read_text()
    assert init("d.csv", content, "--params", "other.yaml").exit_code == 0
    assert init("d.csv", content, "--force").exit_code == 0
    assert list(load_experiment(PARAMS).tasks) == ["d"]


def test_what_is_odd_is_said(init):
    content = lines([*TEXTS, *TEXTS[:30], " "], [*NAMES, *NAMES[::-1][:30], "good"], header="text,label")
    done = init("a.csv", content)
    assert "1 without text" in done.stdout
    assert "texts that have several labels" in done.stdout
    assert "warning" not in done.stdout
    done = init("b.csv", lines(CYRILLIC, NAMES, header="text,label"), "--force")
    assert "letters are Cyrillic, and the default's teacher is English" in done.stdout
    assert only_task().augment.copies == 0


def test_the_general_student_is_the_defaults(init):
    """It isn't distilled anew."""
    assert init("a.csv", PLAIN).exit_code == 0
    default, made = load_experiment(ROOT / "params.yaml"), load_experiment(PARAMS)
    assert made.general == default.general
    assert made.downloads.items() <= default.downloads.items()
