"""`python -m tinybert init`: a file of labelled text becomes a params.yaml without a mistake, or one line."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.families import FAMILIES, save_family
from tests.import_closure import ROOT
from tests.tiny import tiny_bert, weather_rows
from tinybert.__main__ import app
from tinybert.check.estimate import Pace, Size, estimate, measure
from tinybert.check.mistakes import find_all_mistakes
from tinybert.check.recipe import Recipe, recipe
from tinybert.models.loading import head_config, load_classifier
from tinybert.params.experiment import load_experiment
from tinybert.params.general import General
from tinybert.params.table import Run

PARAMS = Path("params.yaml")
PACE = Pace(0.2, 0.2, 0.2, 0.15, 0.002, 2**31)
ROWS = weather_rows(120).drop_duplicates("text")
TEXTS = ROWS["text"].str.replace(" ,", "").tolist()
GOOD = ROWS["label"].tolist()
NAMES = ["good" if good else "bad" for good in GOOD]
NUMBERS = [f"{value:.2f}" for value in np.linspace(0, 5, len(TEXTS))]
CYRILLIC = [f"погода была {text.split()[-2]} номер {number}" for number, text in enumerate(TEXTS)]
TOPICS = [["rain|wind", "rain", "wind", "sun|rain", "sun"][number % 5] for number in range(len(TEXTS))]
FIVE = [str(number % 5 + 1) for number in range(len(TEXTS))]
RARE = ["yes" if number % 10 == 0 else "no" for number in range(len(TEXTS))]


def lines(*columns, header="", separator=",", end="\n"):
    rows = [separator.join(map(str, cells)) for cells in zip(*columns, strict=True)]
    return end.join([*filter(None, [header]), *rows, ""])


def quoted(texts):
    return [f'"{text}, they said ""twice"""' for text in texts]


@pytest.fixture(scope="module")
def general_teacher(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("model") / "minilm", layers=6, positions=512)


@pytest.fixture
def init(tmp_path, monkeypatch, general_teacher):
    """What `init` of a file with this content ends with, in an empty folder in which the default's models are."""
    monkeypatch.chdir(tmp_path)
    sources = Path("data/sources")
    sources.mkdir(parents=True)
    (sources / "minilm").symlink_to(general_teacher)
    monkeypatch.setattr("tinybert.check.budget.measure", lambda *_: PACE)

    def init(name, content, *options):
        if isinstance(content, pd.DataFrame):
            content.to_parquet(name)
        elif content is not None:
            Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return CliRunner().invoke(app, ["init", name, *options])

    return init


def only_task():
    (task,) = load_experiment(PARAMS).tasks.values()
    return task


WHOLE = {"type": "classification", "columns": None, "text": ["text"], "metric": "accuracy"}
CLASSES = WHOLE | {"label": {"column": "label"}}
MADE_UP = CLASSES | {"columns": ["column1", "column2"], "text": ["column1"], "label": {"column": "column2"}}
PAIR = CLASSES | {"text": ["sentence1", "sentence2"]}

FILES = {
    "plain": ("a.csv", lines(TEXTS, NAMES, header="text,label"), CLASSES),
    "quotes": ("a.csv", lines(quoted(TEXTS), NAMES, header="text,label"), CLASSES),
    "semicolons": ("a.csv", lines(TEXTS, NAMES, header="text;label", separator=";"), CLASSES | {"separator": ";"}),
    "Excel says": ("a.csv", "sep=;\n" + lines(TEXTS, NAMES, header="text;label", separator=";"), CLASSES),
    "bars": ("a.txt", lines(NAMES, TEXTS, header="label|text", separator="|"), CLASSES | {"separator": "|"}),
    "tabs": ("a.tsv", lines(NAMES, TEXTS, header="label\ttext", separator="\t"), CLASSES),
    "tabs in .csv": ("a.csv", lines(NAMES, TEXTS, header="label\ttext", separator="\t"), CLASSES | {"separator": "\t"}),
    "tabs and quotes": (
        "a.tsv",
        lines(quoted(TEXTS), NAMES, header="text\tlabel", separator="\t"),
        CLASSES | {"quotes": True},
    ),
    "quotes that are text": (
        "a.csv",
        lines([f'"{text}' for text in TEXTS], NAMES, header="text;label", separator=";"),
        CLASSES | {"separator": ";", "quotes": False},
    ),
    "no header": ("a.csv", lines(TEXTS, NAMES), MADE_UP),
    "no header, numbers": ("a.csv", lines(TEXTS, GOOD), MADE_UP),
    "header of numbers": ("a.csv", lines(TEXTS, GOOD, header="0,1"), WHOLE | {"text": ["0"], "label": {"column": "1"}}),
    "BOM, CRLF": ("a.csv", "\ufeff" + lines(TEXTS, NAMES, header="text,label", end="\r\n"), CLASSES),
    "gz": ("a.csv.gz", gzip.compress(lines(TEXTS, NAMES, header="text,label").encode()), CLASSES),
    "index": ("a.csv", lines(range(len(TEXTS)), TEXTS, NAMES, header=",text,label"), CLASSES),
    "columns of rows": (
        "a.csv",
        lines(range(len(TEXTS)), ["2024-01-05"] * len(TEXTS), TEXTS, GOOD, header="review_id,date,review,sentiment"),
        WHOLE | {"text": ["review"], "label": {"column": "sentiment"}},
    ),
    "pairs": ("a.csv", lines(TEXTS, TEXTS[::-1], NAMES, header="sentence1,sentence2,label"), PAIR),
    "pairs, MRPC's names": (
        "a.tsv",
        lines(GOOD, range(len(TEXTS)), TEXTS, TEXTS[::-1], header="Quality\t#1 ID\t#1 String\t#2 String", separator="\t"),
        WHOLE | {"text": ["#1 String", "#2 String"], "label": {"column": "Quality"}},
    ),
    "CoLA": (
        "a.tsv",
        lines([f"gj0{each}" for each in FIVE], GOOD, ["*" if each == "yes" else "" for each in RARE], TEXTS, separator="\t"),
        MADE_UP | {"columns": [f"column{number}" for number in range(1, 5)], "text": ["column4"]},
    ),
    "several in a cell": (
        "a.csv",
        lines(TEXTS, TOPICS, header="text,topics"),
        WHOLE | {"type": "multilabel", "metric": "f1_micro", "label": {"column": "topics", "separator": "|"}},
    ),
    "a column each": (
        "a.csv",
        lines(TEXTS, GOOD, GOOD[::-1], [each % 2 for each in range(len(TEXTS))], header="text,wet,cold,windy"),
        WHOLE | {"type": "multilabel", "metric": "f1_micro", "label": {"columns": ["wet", "cold", "windy"]}},
    ),
    "stars": ("a.csv", lines(TEXTS, FIVE, header="text,stars"), WHOLE | {"label": {"column": "stars"}}),
    "numbers": (
        "a.csv",
        lines(TEXTS, NUMBERS, header="text,score"),
        WHOLE | {"type": "regression", "metric": "pearson", "label": {"column": "score"}},
    ),
    "rare": (
        "a.csv",
        lines(TEXTS, RARE, header="text,label"),
        CLASSES | {"metric": "f1", "label": {"column": "label", "names": ["no", "yes"]}},
    ),
    "rows without a label": (
        "a.csv",
        lines(TEXTS, ["", *NAMES[1:]], header="text,label"),
        CLASSES | {"label": {"column": "label", "drop": [""]}},
    ),
    "Cyrillic": ("отзывы.csv", lines(CYRILLIC, NAMES, header="текст,класс"), WHOLE | {"text": ["текст"], "label": {"column": "класс"}}),
    "JSON lines": ("a.jsonl", "\n".join(json.dumps({"meta": {"a": 1}, "text": text, "label": name}) for text, name in zip(TEXTS, NAMES, strict=True)), CLASSES),
    "JSON lists": (
        "a.json",
        json.dumps([{"text": text, "tags": topics.split("|")} for text, topics in zip(TEXTS, TOPICS, strict=True)]),
        WHOLE | {"type": "multilabel", "metric": "f1_micro", "label": {"column": "tags"}},
    ),
    "Parquet": ("a.parquet", pd.DataFrame({"id": range(len(TEXTS)), "vector": [[{"a": 1}]] * len(TEXTS), "text": TEXTS, "label": GOOD}), CLASSES),
    "broken lines": ("a.csv", lines(TEXTS * 2, NAMES * 2, header="text,label") + "one,two,three\n", CLASSES | {"broken": "skip"}),
}  # fmt: skip


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
        ("a.csv", lines(TEXTS, ["good"] * len(TEXTS), header="text,label"), (), "a.csv: column 'label': expected labels"),
        (
            "a.csv",
            lines(TEXTS, range(len(TEXTS)), ["2024-01-05"] * len(TEXTS), header="text,review_id,date"),
            (),
            "a.csv: no column looks like a label beside the text in 'text': found review_id, date; name it by --label",
        ),
        ("a.csv", lines(NUMBERS, FIVE, header="size,label"), (), "a.csv: no column looks like text among size, label"),
        ("a.csv", lines(TEXTS, NAMES, header="text,label"), ("--text", "txt"), "a.csv: there is no column 'txt' (did you"),
        ("a.csv", lines(TEXTS, NAMES, header="text,label"), ("--label", "text"), "a.csv: no column looks like text among text, "),
        (
            "a.csv",
            lines(TEXTS, [number.replace(".", ",") for number in NUMBERS], header="text;score", separator=";"),
            (),
            "a.csv: column 'score': expected numbers as in 3.5, found '0,00'; write a point for the comma",
        ),
        ("a.csv", lines(TEXTS, [f"['{name}']" for name in NAMES], header="text,tags"), (), "a.csv: column 'tags': expected"),
        ("a.csv", lines(TEXTS[:4], NAMES[:4], header="text,label"), (), "a.csv: "),
        ("a.csv", lines(TEXTS, NAMES, header="text,label"), ("--minutes", "0"), "--minutes: expected more than 0, found"),
        ("a.csv", lines(TEXTS, NAMES, header="text,label"), ("--teacher", "none"), "none: expected the folder of a model, found no such fol"),
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
    content = lines(TEXTS, NAMES, header="text,label")
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


@pytest.mark.parametrize(("minutes", "copies", "layers"), [(None, 15, 4), (600, 20, 4), (10, 7, 4), (1, 0, 2)])
def test_minutes_decide_epochs_copies_and_layers(init, minutes, copies, layers):
    options = () if minutes is None else ("--minutes", str(minutes))
    numbered = [f"{text} {number}" for number, text in enumerate(TEXTS * 15)]
    done = init("a.csv", lines(numbered, NAMES * 15, header="text,label"), *options)
    assert done.exit_code == 0
    (general,) = load_experiment(PARAMS).general.values()
    assert (only_task().augment.copies, general.architecture.layers) == (copies, layers)
    assert ("1 minutes are too few" in done.stdout) == (minutes == 1)


def test_the_default_is_what_its_own_rows_would_get():
    """So that an experiment on as many rows is trained as the default is."""
    assert recipe(7396) == Recipe(copies=1, batch_size=32, teacher=2, intermediate=2, prediction=1)


def test_the_general_student_is_the_defaults(init):
    """It isn't distilled anew."""
    assert init("a.csv", lines(TEXTS, NAMES, header="text,label")).exit_code == 0
    default, made = load_experiment(ROOT / "params.yaml"), load_experiment(PARAMS)
    assert made.general == default.general
    assert made.downloads.items() <= default.downloads.items()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_teacher_of_ones_own(init, family):
    """One that is fine-tuned is taken as it is, another is fine-tuned; the general student starts from it."""
    folder = save_family(Path("own"), family)
    content = lines(TEXTS, NAMES, header="text,label")
    assert init("a.csv", content, "--teacher", "own").exit_code == 0
    assert only_task().teacher.epochs > 0
    load_classifier(folder, new_head=head_config(["LABEL_0", "LABEL_1"])).save_pretrained(folder)
    done = init("a.csv", content, "--teacher", "own", "--force")
    assert (done.exit_code, done.stderr) == (0, "")
    (general,) = load_experiment(PARAMS).general.values()
    assert (only_task().teacher.epochs, only_task().teacher.labels) == (0, ["bad", "good"])
    assert general.teacher == only_task().teacher.source == "teacher"
    assert list(find_all_mistakes(PARAMS)) == []


def test_a_teacher_like_the_defaults_shares_its_general_student(init):
    tiny_bert(Path("own"), layers=4, seed=1)
    load_classifier(Path("own"), new_head=head_config(["Bad", "good"])).save_pretrained("own")
    assert init("a.csv", lines(TEXTS, NAMES, header="text,label"), "--teacher", "own").exit_code == 0
    assert load_experiment(PARAMS).general == load_experiment(ROOT / "params.yaml").general
    assert (only_task().teacher.source, only_task().teacher.labels) == ("teacher", None)


def test_a_teacher_for_other_classes_is_known(init):
    tiny_bert(Path("own"))
    load_classifier(Path("own"), new_head=head_config(["dry", "wet"])).save_pretrained("own")
    done = init("a.csv", lines(TEXTS, NAMES, header="text,label"), "--teacher", "own")
    assert done.stderr.startswith("error: tasks.a.teacher: own: its outputs are dry, wet, the data's classes bad, good")
    assert not PARAMS.exists()


def test_steps_are_measured(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tiny_bert(Path("bert"))
    general = General.model_validate(
        {
            **dict.fromkeys(("teacher", "start"), "bert"),
            "corpus": "corpus",
            "architecture": {"layers": 2, "hidden": 16, "heads": 2, "intermediate": 32},
            "initialise": "random",
            "losses": {"embedding": 1.0, "hidden": 1.0, "attention": 1.0},
            "train": {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3, "max_length": 16},
        }
    )
    size = Size(train=1000, held_out=300, words=8.0, length=10, max_length=16)
    pace = measure(general, folder, folder, size, Run(seed=1, precision="fp32"))
    assert all(0 < seconds < 5 for seconds in pace[:5])
    once, twice = (estimate(pace, size, recipe(1000, effort), 1, 100) for effort in (1.0, 2.0))
    assert all(once[stage] <= twice[stage] for stage in once)
    assert sum(once.values()) < sum(twice.values())
