"""The report from made-up evidence: what it says, what it leaves out, and that it stands alone."""

import json
import re
import zipfile
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup

from tests.evaluate.made_up import (
    experiment,
    make_lineage,
    make_result,
    phase,
    student,
    write_augmentation,
    write_evidence,
    write_losses,
)
from tinybert.errors import UserError
from tinybert.evaluate.predictions import answers, confusion, disagreements
from tinybert.evaluate.schema import Metrics, Speeds
from tinybert.params.general import GeneralLosses
from tinybert.params.students import PhaseLosses
from tinybert.report import figures
from tinybert.report.headline import five_lines
from tinybert.report.loss_curves import TERMS, panels, read_curve, thin
from tinybert.report.write import write_report
from tinybert.running.lineage import FILLED, KEPT_ANSWERS

NAMES = ["negative", "positive"]


class Page(HTMLParser):
    """Text of a page, its tags' attributes, and whether each tag that opens is closed."""

    VOID = frozenset({"meta", "br", "link", "img", "path", "rect", "use"})

    def __init__(self, text):
        super().__init__()
        self.attributes, self.tags, self.open, self.words = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data.replace("\xa0", " "))


def report(root, students, draw=False, **more):
    """The page, its text and its words; without what takes long unless `draw`, the figures."""
    with pytest.MonkeyPatch.context() as patch:
        if not draw:
            patch.setattr(figures, "_svg", lambda axes, title: Markup("<svg></svg>"))
        write_report(experiment(students, **more), root)
    text = (root / "reports/index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    return page, text, " ".join(page.words)


@pytest.fixture
def two(tmp_path):
    """A distilled student and the baseline, and a third that is on disk but no longer in params."""
    write_evidence(tmp_path, "movies-tinybert4", 0.853, names=NAMES)
    write_evidence(tmp_path, "movies-scratch", 0.779, names=NAMES)
    write_evidence(tmp_path, "gone", 0.99, names=NAMES)
    return tmp_path, {"movies-tinybert4": student(), "movies-scratch": student(distilled=False)}


def test_numbers_are_those_of_the_students_in_params(two):
    root, students = two
    report(root, students)
    metrics = json.loads((root / "metrics.json").read_text())
    assert list(metrics) == ["movies-tinybert4", "movies-scratch"]
    paired = metrics["movies-tinybert4"]["paired"]
    beside = {name: set(gains) for name, gains in paired.items()}
    assert beside == {"student/int8": {"teacher/onnx", "tfidf", "static"}, "teacher/onnx": {"tfidf", "static"}}
    assert metrics["movies-tinybert4"] == make_result(0.853, 14_350_874, NAMES) | {"paired": paired}
    Metrics.model_validate_json((root / "metrics.json").read_text())
    speeds = Speeds.model_validate_json((root / "speed.json").read_text()).root
    assert list(speeds) == ["movies-tinybert4", "movies-scratch"]
    assert (root / "results/made-up.json").read_bytes() == (root / "metrics.json").read_bytes()
    cards = sorted(file.stem for file in (root / "reports/cards").iterdir())
    assert cards == ["movies-scratch", "movies-tinybert4"]


def test_page_says_the_result_and_knows_the_baseline(two):
    page, _, words = report(*two)
    assert "Take movies-tinybert4 in int8: accuracy 85.2, " in words
    assert "the teacher in ONNX, 3.2 times as fast; without distillation movies-scratch reaches 77.9." in words
    assert "a processor (Abacus 9, avx2)" in words
    assert "baseline: no distillation" in words
    assert "gone" not in words
    assert page.tags.count("svg") >= 2 + 2 + 2 * 6  # scatters, validation and teacher, and each student's


def test_the_headline_is_the_first_distilled_student_not_the_luckiest(tmp_path):
    for name, score in (("scratch", 0.91), ("first", 0.82), ("second", 0.85)):
        write_evidence(tmp_path, name, score, names=NAMES)
    write_evidence(tmp_path, "worse", 0.71, names=NAMES)
    plain = student(distilled=False)
    words = report(tmp_path, {"worse": plain, "scratch": plain, "first": student(), "second": student()})[2]
    assert "Take first in int8: accuracy 81.9" in words
    assert "without distillation scratch reaches 91.0" in words  # the best of those
    assert "Take scratch in int8: accuracy 90.9" in report(tmp_path, {"scratch": plain})[2]


def test_cards_say_by_what_method(tmp_path):
    entries = {
        "tiny": student() | {"intermediate": phase(hidden=1.0, attention=1.0)},
        "half": student() | {"intermediate": phase(hidden=1.0), "variant": "without attention loss"},
        "skipped": student() | {"intermediate": phase(epochs=0, hidden=1.0, attention=1.0)},
        "plain": student(distilled=False) | {"variant": "fine-tuned"},
    }
    for name in entries:
        write_evidence(tmp_path, name, names=NAMES)
    report(tmp_path, entries)
    said = {name: (tmp_path / f"reports/cards/{name}.md").read_text().split("\n\n")[2] for name in entries}
    start, taught = "A BERT of 14.4 M parameters for the task movies, ", "distilled from a teacher of 22.7 M"
    assert said == {
        "tiny": f"{start}{taught} by the method of TinyBERT (Jiao et al., 2020).",
        "half": f"{start}{taught}. It is the variant without attention loss of its experiment.",
        "skipped": f"{start}{taught}.",
        "plain": f"{start}trained without distillation, as a baseline. It is the variant fine-tuned of its experiment.",
    }


def test_page_refers_to_nothing_outside_itself_and_is_the_same_every_time(two):
    students = {"movies-tinybert4": student()}
    page, text, _ = report(two[0], students, draw=True)
    assert not {"script", "link", "img", "iframe", "image"} & set(page.tags)
    links = [value for name, value in page.attributes if name in ("src", "href", "xlink:href", "srcset", "data")]
    assert all(value.startswith("#") for value in links)
    assert not re.search(r"@import|url\((?!#)", text)
    assert report(two[0], students, draw=True)[1] == text


def test_a_student_that_is_gone_leaves_nothing(two):
    root, students = two
    own = root / "evaluation/made-up"
    for end in ("json", "parquet"):
        (own / f"alternatives/gone.{end}").touch()
    report(root, students)
    before = {file: file.read_bytes() for file in own.rglob("*") if file.is_file()}
    assert not any("gone" in file.relative_to(own).as_posix() for file in before)
    write_evidence(root, "gone", names=NAMES)
    report(root, students)
    assert before == {file: file.read_bytes() for file in own.rglob("*") if file.is_file()}
    report(root, {"movies-tinybert4": students["movies-tinybert4"]})
    assert [file.name for file in (root / "reports/cards").iterdir()] == ["movies-tinybert4.md"]
    assert sorted(file.name for file in own.iterdir()) == ["alternatives", "gathered", "movies-tinybert4.json", "speed"]


def test_predictions_of_test_sets_without_labels_are_zipped(two):
    root, students = two
    file = root / "evaluation/made-up/gathered/movies-tinybert4/submission/SST-2.tsv"
    file.parent.mkdir()
    file.write_text("index\tprediction\n0\t1\n")
    report(root, students)
    assert zipfile.ZipFile(root / "reports/submissions/tinybert4.zip").namelist() == ["SST-2.tsv"]
    file.unlink()
    report(root, students)
    assert not (root / "reports/submissions").exists()


@pytest.mark.parametrize(("part", "stage"), [("", "evaluate"), ("speed/", "speed")])
def test_what_was_not_measured_is_told(two, part, stage):
    root, students = two
    (root / f"evaluation/made-up/{part}movies-scratch.json").unlink()
    with pytest.raises(UserError, match=f"missing; run `dvc repro {stage}@movies-scratch`"):
        report(root, students)
    with pytest.raises(UserError, match="missing"):
        list(five_lines(experiment(students), root))


def test_five_lines_say_what_came_out(two):
    root, students = two
    report(root, students)
    lines = list(five_lines(experiment(students), root))
    assert [line.split()[0] for line in lines] == ["take", "score", "speed", "where", "next"]
    said = "\n".join(lines)
    assert "movies-tinybert4 in int8: 14.4 MB, 6.3 times smaller than the teacher in PyTorch; 1 more" in said
    assert "accuracy 85.2 (83.7 – 86.7), " in said
    assert "the teacher in ONNX, on 2,121 test rows" in said
    assert "4.2 ms for one text, p99 8.4; 119 texts a second and core, 4.7 times the teacher's in PyTorch" in said
    assert 'python -m tinybert predict models/exported/students/movies-tinybert4 "' in said


def test_what_is_taken_is_where_the_lines_say(two):
    """A teacher that has all right, in place of a student that has not: then that one is to be taken."""
    root, students = two
    folder = root / "evaluation/made-up/gathered/movies-tinybert4"
    table, deployed = pd.read_parquet(folder / "test.parquet"), pd.read_parquet(folder / "deployed.parquet")
    deployed["teacher/onnx"] = table["label"]
    deployed.to_parquet(folder / "deployed.parquet")
    words = report(root, students)[2]
    assert "Take the teacher in ONNX: accuracy 86.0, " in words
    assert "above movies-tinybert4 in int8, 0.32 times as fast" in words
    assert "where      models/exported/teachers/movies;" in "\n".join(five_lines(experiment(students), root))


def test_no_students_make_an_empty_report(tmp_path):
    assert "There is no student in params.yaml yet." in report(tmp_path, {})[2]
    assert json.loads((tmp_path / "metrics.json").read_text()) == {}


def test_hostile_text_is_shown_not_run(tmp_path):
    hostile = '<script>alert("x")</script>'
    names = ["<b>no</b>", "y|es"]
    folder = write_evidence(tmp_path, "movies-tinybert4", names=names, texts=(hostile,))
    write_augmentation(folder, hostile, hostile.replace("alert", "prompt"))
    page, text, words = report(tmp_path, {"movies-tinybert4": student()}, draw=True)
    assert "script" not in page.tags
    assert "<b>no" not in text
    assert hostile in words
    assert "<b>no</b>" in words
    assert r"\<b\>no\</b\>" in (tmp_path / "reports/cards/movies-tinybert4.md").read_text()


def test_what_augmentation_changed_is_marked(tmp_path):
    """It stands in the folder of those students that learn from it."""
    write_evidence(tmp_path, "movies-scratch", names=NAMES)
    folder = write_evidence(tmp_path, "movies-tinybert4", names=NAMES)
    write_augmentation(folder, "a thin plot", "a slim plot")
    (folder / "lineage.json").write_text(json.dumps(make_lineage("tiny") | {"facts": {KEPT_ANSWERS: 0.912}}))
    students = {"movies-scratch": student(distilled=False), "movies-tinybert4": student()}
    _, text, words = report(tmp_path, students)
    assert "a <mark>slim</mark> plot" in text
    assert "to the teacher, 91.2 % of the copies are of their original's class" in words
    assert "finds 24.2 % of the masked tokens of held-out task text, against 1.1 % before its training." in words


def test_what_was_left_out_of_the_data_is_told(two):
    root, students = two
    folder = root / "evaluation/made-up/gathered/movies-tinybert4"
    lineage = {"stage": "finetune-teacher@movies", "params": {}, "inputs": {}, "facts": {FILLED: 31}}
    teacher = {"path": "models/teachers/movies", "sha256": "0" * 64, "lineage": lineage}
    (folder / "lineage.json").write_text(json.dumps(make_lineage("tiny") | {"inputs": {"teacher": teacher}}))
    summary = {"names": NAMES, "classes": {"train": [9, 9], "validation": [1, 0]}, "conflicting": 4}
    summary |= {"dropped": {"label": 37, "empty": 2, "duplicates": 1003}}
    summary |= {"repeated": {"train": {"validation": 3, "test": 1000}, "validation": {"test": 0}}}
    (folder / "task.json").write_text(json.dumps(summary), encoding="utf-8")
    words = report(root, students)[2]
    assert "7,423 rows for training, 1,060 for validation, 2,121 for the test; left out: 37 by label.drop, " in words
    assert "2 without text, 1,003 repeated in a later split (3 of train in validation, 1,000 of train in test)" in words
    assert "kept: 4 texts that have several labels, 1 of 2 classes without a row in validation: 'positive', 31" in words
    assert "31 texts of training that fill max_length and may be cut there." in words


def test_phases_that_were_passed_through_leave_no_figure(tmp_path):
    curves = write_evidence(tmp_path, "movies-tinybert4", names=NAMES) / "curves"
    complete = report(tmp_path, {"movies-tinybert4": student()})[0].tags.count("svg")
    write_losses(curves / "intermediate/losses.csv", ["hidden.1"], steps=0)
    (curves / "prediction/losses.csv").unlink()
    assert report(tmp_path, {"movies-tinybert4": student()})[0].tags.count("svg") == complete - 4 - 1


def test_regression_and_retention_without_meaning(tmp_path):
    write_evidence(tmp_path, "movies-tinybert4", names=None, retention=None, retention_ci95=None)
    words = report(tmp_path, {"movies-tinybert4": student()}, regression=True)[2]
    assert "pearson 86.0, " in words
    assert "correlation" in (tmp_path / "reports/cards/movies-tinybert4.md").read_text()


def test_curves_are_split_into_panels_and_thinned(tmp_path):
    file = tmp_path / "losses.csv"
    write_losses(file, ["embedding", "hidden.1", "hidden.2"], steps=1000)
    drawn = panels(file)
    assert list(drawn) == ["all terms, weighted", "embedding", "hidden states"]
    assert list(drawn["hidden states"]) == ["layer 1", "layer 2"]
    thinned = thin(read_curve(file))
    assert len(thinned) == 120
    assert thinned["loss"].mean() == pytest.approx(read_curve(file)["loss"].mean(), rel=0.05)
    write_losses(file, ["labels"])
    assert list(panels(file)) == ["true labels"]


@pytest.mark.parametrize("loss", sorted(GeneralLosses.model_fields | PhaseLosses.model_fields))
def test_every_loss_has_its_panel(tmp_path, loss):
    write_losses(tmp_path / "losses.csv", [loss])
    (title,) = panels(tmp_path / "losses.csv")
    assert title == TERMS[loss]


def test_disagreements_are_those_on_which_both_are_surest():
    rows = pd.DataFrame({"text": list("abcd"), "label": [0, 0, 1, 1]})
    teacher = np.array([[3, 0], [1, 0], [5, 0], [0, 2]], dtype=np.float32)
    pupil = np.array([[0, 3], [0, 9], [4, 0], [0, 1]], dtype=np.float32)
    table = answers(rows, teacher, pupil, "classification")
    assert disagreements(table)["text"].tolist() == ["a", "b"]
    assert confusion(table, "student", 2) == [[0, 2], [1, 1]]
