"""A task from its files to its student's numbers, where a task is more than classes and one test split."""

from __future__ import annotations

import json
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from transformers import AutoModelForSequenceClassification

from tests.evaluate.made_up import measure, write_losses
from tests.tasks.test_prepare import ENTRY
from tests.tiny import BAD, GOOD, PLAIN, one_student, tiny_bert, tiny_job
from tinybert.distill.general import distill_general_student
from tinybert.distill.phase import distill_phase
from tinybert.metrics.scores import score
from tinybert.params.general import General
from tinybert.params.students import Phase, Student
from tinybert.params.tasks import Task, Teacher
from tinybert.report.cards import render_card
from tinybert.report.gather import gather
from tinybert.report.page import render_page
from tinybert.tasks.prepare import prepare
from tinybert.train.teacher import finetune_teacher

OPTIMISATION = {"batch_size": 8, "learning_rate": 5e-3, "dropout": 0.0}
GENERAL = {
    "corpus": "c",
    "teacher": "bert",
    "start": "bert",
    "architecture": {"layers": 2, "hidden": 16, "heads": 2, "intermediate": 32},
    "initialise": "teacher-svd",
    "losses": {},
    "train": {"epochs": 0, "max_length": 16, **OPTIMISATION},
}
INTERMEDIATE = {"data": "original", "epochs": 0, "losses": {}, **OPTIMISATION}
PREDICTION = {"data": "original", "epochs": 8, "losses": {"logits": 1.0, "labels": 0.5}, **OPTIMISATION}
OWN = Path("evaluation/made-up")
STUDENT = {"task": "task", "general": "small", "intermediate": INTERMEDIATE, "prediction": PREDICTION, "export": {}}


@pytest.fixture
def distill(tmp_path, monkeypatch, quick_measures):
    """Take a task through prepare, teacher, prediction phase and evaluation, and give its result and its entry."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source").mkdir()
    monkeypatch.setattr("tinybert.metrics.scores.RESAMPLES", 20)

    def distill(**changes):
        teacher = {"from": "bert", "epochs": 12, **OPTIMISATION} | changes.pop("teacher", {})
        task = Task.model_validate(ENTRY | {"max_length": 16, "teacher": teacher} | changes)
        data = tmp_path / "data/original/task"
        for folder in (data, tmp_path / "corpus"):
            folder.mkdir(parents=True)
        facts = prepare(tmp_path / "source", task, data)
        metric = partial(score, task.metric)
        jobs = {name: tiny_job(tmp_path / name, tmp_path / "c") for name in ("teacher", "general", "student")}
        bert = tiny_bert(tmp_path / "bert")
        finetune_teacher(
            Teacher.model_validate(teacher), bert, data, facts["names"], metric, jobs["teacher"],
            multilabel=task.type == "multilabel", above_chance=task.above_chance,
        )  # fmt: skip
        distill_general_student(General.model_validate(GENERAL), tmp_path / "corpus", bert, jobs["general"], bert)
        distill_phase(
            Phase.model_validate(PREDICTION), tmp_path / "general", tmp_path / "teacher", data / "train.parquet",
            jobs["student"], validation=(data / "validation.parquet", metric),
        )  # fmt: skip
        student = Student.model_validate(STUDENT)
        return measure(OWN, "s", student, task, tmp_path / "teacher", tmp_path / "student", data), task

    return distill


def reports(count, first=0):
    """Number, sentence, and whether it is sunny and whether it is wet in it."""
    words = [("grey", "mild"), ("sunny", "mild"), ("grey", "wet"), ("sunny", "wet")]
    fill = ["today", "very", "paris", "london", "morning", "evening", "the", "weather", "and", "in"]
    for number in range(first, first + count):
        one, two = words[number % 4]
        yield number, f"{one} {two} {fill[number // 4 % 10]} {fill[number // 40 % 10]}", number & 1 > 0, number & 2 > 0


def test_a_text_with_several_labels(distill, tmp_path):
    lines = [
        json.dumps({"text": text, "tags": [tag for tag, has in (("sunny day", sunny), ("wet", wet)) if has]})
        for _, text, sunny, wet in reports(200)
    ]
    (tmp_path / "source/rows.jsonl").write_text("\ufeff" + "\r\n".join(lines))
    result, task = distill(type="multilabel", metric="f1_micro", label={"column": "tags"})
    assert result.names == ["sunny day", "wet"]
    assert list(result.student.metrics) == ["f1_micro", "f1_macro", "subset_accuracy", "label_accuracy"]
    assert min(result.teacher.score, result.student.score) > 0.7  # both labels for every text give 0.67
    assert result.agreement > 0.7
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "student")
    assert model.config.problem_type == "multi_label_classification"
    assert model.config.id2label == {0: "sunny day", 1: "wet"}
    table = pd.read_parquet(OWN / "gathered/s/test.parquet")
    probabilities, answers = (np.stack(table[f"student{end}"].tolist()) for end in ("_probabilities", ""))
    assert ((probabilities > 0.5) == answers).all()
    assert (answers == np.stack(table["label"].tolist())).all(axis=0).any()  # such a tiny model learns one of the two
    made = one_student(task, GENERAL, STUDENT)
    write_losses(OWN / "gathered/s/curves/prediction/losses.csv", ["logits"])
    students = gather(made, OWN)
    page = render_page(made, students)
    assert "Label by label" in page
    assert "What they take for what" not in page
    assert "sunny day, wet" in render_card(students[0])


def test_a_second_test_set_is_scored_beside_the_first(distill, tmp_path):
    def write(name, rows, flip=False):
        labelled = not name.startswith("test")
        lines = ["index\tsentence1\tsentence2" + ("\tgold_label" if labelled else "")]
        for number, text, sunny, _ in rows:
            label = "\tentailment" if sunny != flip else "\tneutral"
            lines.append(f"{number}\t{text}\tit is {number % 7} today{label if labelled else ''}")
        (tmp_path / "source" / name).write_text("\n".join(lines) + "\n")

    write("train.tsv", reports(160))
    write("dev_matched.tsv", reports(40, first=200))
    write("dev_mismatched.tsv", reports(40, first=300), flip=True)  # all its labels are wrong
    write("test_matched.tsv", reports(8, first=400))
    result, _ = distill(
        metric="accuracy",
        text=["sentence1", "sentence2"],
        label={"column": "gold_label", "names": ["neutral", "entailment"]},
        split={
            "train": "train.tsv",
            "test": "dev_matched.tsv",
            "validation": 0.1,
            "also_test": {"mismatched": "dev_mismatched.tsv"},
            "unlabelled": {"mine": "test_matched.tsv"},
        },
    )
    assert result.student.score == result.student.metrics["accuracy"] > 0.9
    for model in (result.teacher, result.student):
        assert model.metrics["accuracy_mismatched"] == pytest.approx(1 - model.metrics["accuracy"], abs=0.15)
    lines = (OWN / "gathered/s/submission/mine.tsv").read_text().splitlines()
    assert lines[0] == "index\tprediction"
    assert [line.split("\t")[0] for line in lines[1:]] == list("01234567")
    truth = ["entailment" if sunny else "neutral" for _, _, sunny, _ in reports(8, first=400)]
    assert sum(line.split("\t")[1] == label for line, label in zip(lines[1:], truth, strict=True)) >= 6


def test_more_classes_than_a_split_has_rows(distill, tmp_path):
    """A hundred and fifty, two of them too small for every split; whether they are learned is not asked."""
    pairs = [f"{one} {two}" for one, two in combinations([*GOOD, *BAD, *PLAIN[:8]], 2)][:148]
    rows = [(f"{pair} {end}", pair) for pair in pairs for end in ("driz", "blus", "!")]
    rows += [("sunny sunny", "twice, the same"), ("wet wet", "twice, the same"), ("the the", "once")]
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "source/rows.csv", index=False)
    names = sorted({name for _, name in rows})
    result, task = distill(metric="f1", teacher={"epochs": 1}, above_chance=False)
    assert result.names == names
    assert result.examples.model_dump() == {"train": 313, "augmented": 0, "validation": 45, "test": 89}
    train = pd.read_parquet(tmp_path / "data/original/task/train.parquet")
    assert {names[label] for label in train["label"]} == set(names)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "student")
    assert model.config.id2label == dict(enumerate(names))
    made = one_student(task, GENERAL, STUDENT)
    students = gather(made, OWN)
    assert len(students[0].answers["student_probabilities"][0]) == 150
    assert "What they take for what" not in render_page(made, students)
    assert "twice, the same" in render_card(students[0])
