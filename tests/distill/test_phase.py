"""Phases as functions, where the pipeline's own tests don't reach: regression, all losses at once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import BertConfig

from tests.distill.conftest import general, phase
from tests.tiny import logits_of, tiny_bert, tiny_job, weather_report
from tinybert.distill.general import distill_general_student
from tinybert.distill.losses.paper import soft_cross_entropy
from tinybert.distill.phase import distill_phase, kept_answers
from tinybert.metrics.scores import score
from tinybert.models.loading import MULTILABEL, head_config, load_classifier, load_config, load_tokenizer
from tinybert.models.signals import Projections
from tinybert.params.table import Run
from tinybert.params.tasks import Teacher
from tinybert.tokens.encoding import ORIGINAL
from tinybert.train.teacher import finetune_teacher

PEARSON = partial(score, "pearson")


def test_a_copy_keeps_the_answer_where_the_teacher_takes_it_for_what_its_original_is():
    rows = pd.DataFrame({ORIGINAL: [0, 1, 0, 0, 1, 1]})
    logits = np.array([[2, 1], [1, 2], [3, 0], [0, 3], [0, 1], [0, 1]], dtype=np.float32)
    one_of_two = BertConfig(num_labels=2, problem_type="single_label_classification")
    assert kept_answers(rows, logits, one_of_two) == 3 / 4
    assert kept_answers(rows[:2], logits[:2], one_of_two) is None
    assert kept_answers(rows.drop(columns=ORIGINAL), logits, one_of_two) is None
    assert kept_answers(rows, logits, BertConfig(num_labels=2, problem_type=MULTILABEL)) is None


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Regression rows (how good the weather is), a teacher fine-tuned on them, a general student."""
    world = tmp_path_factory.mktemp("world")
    random = np.random.default_rng(0)
    good = random.integers(2, size=160).astype(bool)
    labels = good + random.normal(scale=0.1, size=160)
    rows = pd.DataFrame({"text": [weather_report(random, kind) for kind in good], "label": labels})
    rows[:120].to_parquet(world / "train.parquet")
    rows[120:].to_parquet(world / "validation.parquet")
    tiny_bert(world / "bert")
    settings = Teacher.model_validate({"from": "bert", "epochs": 4, "batch_size": 8, "learning_rate": 5e-3})
    job = tiny_job(world / "teacher", world / "curves")
    finetune_teacher(settings, world / "bert", world, None, PEARSON, job)
    job = tiny_job(world / "general", world / "curves")
    distill_general_student(general(initialise="teacher-svd"), world, world / "bert", job)
    return world


@pytest.fixture
def distill(world, tmp_path, monkeypatch):
    """A function that runs a phase of these settings, and gives the student's folder."""
    monkeypatch.chdir(tmp_path)

    def run(name="student", start=world / "general", teacher=world / "teacher", data=world, scored=False, **settings):
        job = tiny_job(tmp_path / name, tmp_path / name / "curves")
        job = replace(job, run=Run(seed=1, precision=settings.pop("precision", "fp32")))
        validation = (data / "validation.parquet", PEARSON) if scored else None
        distill_phase(phase(**settings), start, teacher, data / "train.parquet", job, validation)
        return job.folder

    return run


def losses_of(student):
    return pd.read_csv(student / "curves" / "losses.csv")


def test_a_regression_task_is_distilled_from_the_teachers_predictions(world, distill):
    student = distill(scored=True, epochs=6, batch_size=8, losses={"logits": 1.0})
    rows = pd.read_parquet(world / "validation.parquet")
    of_teacher, of_student = (logits_of(folder, rows) for folder in (world / "teacher", student))
    assert of_teacher.shape == of_student.shape == (40, 1)
    assert score("pearson", rows["label"].to_numpy(), of_teacher) > 0.8
    assert score("pearson", of_teacher[:, 0], of_student) > 0.8
    assert load_config(student).problem_type == "regression"


def test_a_student_of_numbers_far_from_0_is_the_one_of_numbers_near_it(world, distill, tmp_path):
    teacher, answers = load_classifier(world / "teacher"), []
    with torch.no_grad():
        teacher.classifier.weight *= 8
        teacher.classifier.bias.copy_(8 * teacher.classifier.bias + 2000)
    teacher.save_pretrained(tmp_path / "far-teacher")
    load_tokenizer(world / "teacher").save_pretrained(tmp_path / "far-teacher")
    for split in ("train", "validation"):
        rows = pd.read_parquet(world / f"{split}.parquet")
        rows.assign(label=2000 + 8 * rows["label"]).to_parquet(tmp_path / f"{split}.parquet")
    for data, teacher in ((world, world / "teacher"), (tmp_path, tmp_path / "far-teacher")):
        given = {"teacher": teacher, "data": data, "epochs": 3, "batch_size": 8}
        start = distill("intermediate", losses={"hidden": 1.0, "logits": 0.5}, **given)
        student = distill(start=start, scored=True, losses={"logits": 1.0, "labels": 1.0}, **given)
        answers.append(logits_of(student, rows))
    assert np.ptp(answers[0]) > 0.1
    np.testing.assert_allclose(answers[1], 2000 + 8 * answers[0], atol=0.1)


def test_all_losses_at_once(world, distill):
    losses = {"embedding": 1.0, "hidden": 1.0, "attention": 1.0, "logits": 1.0, "labels": 1.0}
    curve = losses_of(distill(scored=True, losses=losses))
    terms = ["embedding", "hidden.1", "hidden.2", "attention.1", "attention.2", "logits", "labels"]
    assert sorted(curve.columns) == sorted(["step", "epoch", "loss", *terms])
    # Terms are in the numbers' own units; what is minimised takes those of predictions at the numbers' scale.
    weights = [1.0] * 5 + [1 / pd.read_parquet(world / "train.parquet")["label"].var(ddof=0)] * 2
    np.testing.assert_allclose(curve["loss"], curve[terms] @ weights, rtol=1e-4)


def test_a_phase_goes_on_from_the_general_students_projections(world, distill, tmp_path):
    """They are drawn at random there: what a phase is to learn with is what it has learnt so far."""
    load_classifier(world / "general", new_head=head_config(None)).save_pretrained(tmp_path / "start")
    load_tokenizer(world / "general").save_pretrained(tmp_path / "start")
    before = Projections(2, 16, 24)
    before.save(tmp_path / "start")
    losses = {"embedding": 1.0, "hidden": 1.0}
    student = distill(start=tmp_path / "start", learning_rate=1e-9, weight_decay=0.0, losses=losses)
    after = Projections.load(student).state_dict()
    for name, weight in before.state_dict().items():
        torch.testing.assert_close(after[name], weight, rtol=0, atol=1e-6)


def test_the_logits_are_softened_by_the_phases_temperature(world, distill, tmp_path):
    """One step of all rows, at a rate that changes nothing: its loss is that of the models as they are."""
    rows = pd.read_parquet(world / "train.parquet")
    classifier = load_classifier(world / "bert", new_head=head_config(["bad", "good"]))
    folders = tmp_path / "start", tmp_path / "classes"
    for folder, bias in zip(folders, ([2.0, -1.0], [-1.0, 1.5]), strict=True):
        classifier.classifier.bias.data = torch.tensor(bias)
        classifier.save_pretrained(folder)
        load_tokenizer(world / "bert").save_pretrained(folder)
    Projections(3, 24, 24).save(tmp_path / "start")
    settings = {"batch_size": len(rows), "learning_rate": 1e-9, "dropout": 0.0, "losses": {"logits": 1.0}}
    curve = losses_of(distill(start=folders[0], teacher=folders[1], temperature=4.0, **settings))
    of_student, of_teacher = (torch.tensor(logits_of(folder, rows)) for folder in folders)
    expected, other = (soft_cross_entropy(of_student, of_teacher, t).item() for t in (4.0, 1.0))
    assert curve["logits"][0] == pytest.approx(expected, rel=1e-4)
    assert other != pytest.approx(expected, rel=1e-2)


def test_bf16_gives_the_same_bytes_twice_and_nearly_the_losses_of_fp32(distill):
    """The default's precision: teacher, scores, hidden states and logits all pass through it."""
    losses = dict.fromkeys(("embedding", "hidden", "attention", "relations", "cls", "logits"), 1.0)
    runs = {"one": "bf16", "two": "bf16", "three": "fp32"}
    students = [distill(name, precision=precision, losses=losses, relation_heads=2) for name, precision in runs.items()]
    one, two, three = ((student / "model.safetensors").read_bytes() for student in students)
    assert one == two != three
    np.testing.assert_allclose(losses_of(students[0]), losses_of(students[2]), rtol=0.1, atol=0.02)
