"""Teacher and phases as functions, where the pipeline's own tests don't reach: regression, all losses at once."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from tests.tiny import logits_of, tiny_bert, tiny_job, weather_report
from tinybert.distill.general import distill_general_student
from tinybert.distill.losses.paper import soft_cross_entropy
from tinybert.distill.phase import distill_phase
from tinybert.errors import UserError
from tinybert.metrics.scores import score
from tinybert.models.loading import head_config, load_classifier, load_config, load_tokenizer
from tinybert.models.signals import Projections
from tinybert.params.general import General
from tinybert.params.students import Phase
from tinybert.params.table import Run
from tinybert.params.tasks import Teacher
from tinybert.train.teacher import finetune_teacher

GENERAL = General.model_validate(
    {
        "corpus": "c",
        "teacher": "t",
        "start": "t",
        "architecture": {"layers": 2, "hidden": 16, "heads": 2, "intermediate": 32},
        "initialise": "teacher-svd",
        "losses": {},
        "train": {"epochs": 0, "learning_rate": 1e-3, "max_length": 16},
    }
)


def phase(**changes):
    return Phase.model_validate({"data": "original", "epochs": 1, "learning_rate": 3e-3, "losses": {}} | changes)


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Regression rows (how good the weather is), a teacher fine-tuned on them, a general student."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    good = random.integers(2, size=160).astype(bool)
    labels = good + random.normal(scale=0.1, size=160)
    rows = pd.DataFrame({"text": [weather_report(random, kind) for kind in good], "label": labels})
    data = tmp_path / "data"
    data.mkdir()
    rows[:120].to_parquet(data / "train.parquet")
    rows[120:].to_parquet(data / "validation.parquet")
    tiny_bert(tmp_path / "bert")
    settings = Teacher.model_validate({"from": "bert", "epochs": 4, "batch_size": 8, "learning_rate": 5e-3})
    job = tiny_job(tmp_path / "teacher", tmp_path / "curves")
    finetune_teacher(settings, tmp_path / "bert", data, None, partial(score, "pearson"), job)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    distill_general_student(GENERAL, corpus, tmp_path / "bert", tiny_job(tmp_path / "general", tmp_path / "curves"))
    return tmp_path


def test_a_regression_task_is_distilled_from_the_teachers_predictions(world):
    validation = (world / "data" / "validation.parquet", partial(score, "pearson"))
    settings = phase(epochs=6, batch_size=8, losses={"logits": 1.0})
    job = tiny_job(world / "student", world / "curves")
    data = world / "data" / "train.parquet"
    distill_phase(settings, world / "general", world / "teacher", data, job, validation)
    rows = pd.read_parquet(world / "data" / "validation.parquet")
    teacher, student = (logits_of(world / name, rows) for name in ("teacher", "student"))
    assert teacher.shape == student.shape == (40, 1)
    assert score("pearson", rows["label"].to_numpy(), teacher) > 0.8
    assert score("pearson", teacher[:, 0], student) > 0.8
    assert load_config(world / "student").problem_type == "regression"


def test_a_student_of_numbers_far_from_0_is_the_one_of_numbers_near_it(world):
    teacher, answers = load_classifier(world / "teacher"), {}
    with torch.no_grad():
        teacher.classifier.weight *= 8
        teacher.classifier.bias.copy_(8 * teacher.classifier.bias + 2000)
    teacher.save_pretrained(world / "far-teacher")
    load_tokenizer(world / "teacher").save_pretrained(world / "far-teacher")
    for name, mean, deviation in (("", 0, 1), ("far-", 2000, 8)):
        for split in ("train", "validation"):
            rows = pd.read_parquet(world / "data" / f"{split}.parquet")
            rows.assign(label=mean + deviation * rows["label"]).to_parquet(world / f"{name}{split}.parquet")
        data, start = (world / f"{name}{split}.parquet" for split in ("train", "validation")), world / "general"
        train, validation = data
        for step, losses, measured in (
            ("intermediate", {"hidden": 1.0, "logits": 0.5}, None),
            ("student", {"logits": 1.0, "labels": 1.0}, (validation, partial(score, "pearson"))),
        ):
            job = tiny_job(world / f"{name}{step}", world / "curves")
            settings = phase(epochs=3, batch_size=8, losses=losses)
            distill_phase(settings, start, world / f"{name}teacher", train, job, measured)
            start = job.folder
        answers[name] = logits_of(start, rows)
    assert np.ptp(answers[""]) > 0.1
    np.testing.assert_allclose(answers["far-"], 2000 + 8 * answers[""], atol=0.1)


def test_all_losses_at_once(world):
    losses = {"embedding": 1.0, "hidden": 1.0, "attention": 1.0, "logits": 1.0, "labels": 1.0}
    validation = (world / "data" / "validation.parquet", partial(score, "pearson"))
    job = tiny_job(world / "student", world / "curves")
    data = world / "data" / "train.parquet"
    distill_phase(phase(losses=losses), world / "general", world / "teacher", data, job, validation)
    curve = pd.read_csv(world / "curves" / "losses.csv")
    terms = ["embedding", "hidden.1", "hidden.2", "attention.1", "attention.2", "logits", "labels"]
    assert sorted(curve.columns) == sorted(["step", "epoch", "loss", *terms])
    # Terms are in the numbers' own units; what is minimised takes those of predictions at the numbers' scale.
    weights = [1.0] * 5 + [1 / pd.read_parquet(data)["label"].var(ddof=0)] * 2
    np.testing.assert_allclose(curve["loss"], curve[terms] @ weights, rtol=1e-4)


def test_a_fine_tuned_teacher_is_taken_as_it_is(world):
    settings = Teacher.model_validate({"from": "bert", "epochs": 0, "learning_rate": 1e-3})
    job = tiny_job(world / "same", world / "curves")
    finetune_teacher(settings, world / "teacher", world / "data", None, partial(score, "pearson"), job)
    one, two = ((world / name / "model.safetensors").read_bytes() for name in ("teacher", "same"))
    assert one == two
    assert json.loads((world / "same" / "lineage.json").read_text())["params"]["epochs"] == 0


def test_a_teacher_for_another_number_of_classes_is_refused(world):
    settings = Teacher.model_validate({"from": "bert", "epochs": 0, "learning_rate": 1e-3})
    job, names = tiny_job(world / "same", world / "curves"), ["a", "b", "c"]
    with pytest.raises(UserError, match="has 1 outputs and the task 3"):
        finetune_teacher(settings, world / "teacher", world / "data", names, partial(score, "accuracy"), job)


def test_a_phase_goes_on_from_the_general_students_projections(world):
    """They are drawn at random there: what a phase is to learn with is what it has learnt so far."""
    before = Projections.load(world / "general")
    with torch.no_grad():
        for weight in before.parameters():
            weight.normal_()
    before.save(world / "general")
    settings = phase(learning_rate=1e-9, weight_decay=0.0, losses={"embedding": 1.0, "hidden": 1.0})
    job = tiny_job(world / "student", world / "curves")
    distill_phase(settings, world / "general", world / "teacher", world / "data" / "train.parquet", job)
    after = Projections.load(world / "student").state_dict()
    for name, weight in before.state_dict().items():
        torch.testing.assert_close(after[name], weight, rtol=0, atol=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_logits_are_softened_by_the_phases_temperature(world, temperature):
    """One step of all rows, at a rate that changes nothing: its loss is that of the models as they are."""
    data = world / "data" / "train.parquet"
    rows = pd.read_parquet(data)
    classifier = load_classifier(world / "bert", new_head=head_config(["bad", "good"]))
    for name, bias in (("start", [2.0, -1.0]), ("classes", [-1.0, 1.5])):
        classifier.classifier.bias.data = torch.tensor(bias)
        classifier.save_pretrained(world / name)
        load_tokenizer(world / "bert").save_pretrained(world / name)
    Projections(3, 24, 24).save(world / "start")
    settings = phase(
        batch_size=len(rows), learning_rate=1e-9, dropout=0.0, temperature=temperature, losses={"logits": 1.0}
    )
    job = tiny_job(world / "student", world / "curves")
    distill_phase(settings, world / "start", world / "classes", data, job)
    of_student, of_teacher = (torch.tensor(logits_of(world / name, rows)) for name in ("student", "classes"))
    expected = soft_cross_entropy(of_student, of_teacher, temperature).item()
    assert pd.read_csv(world / "curves" / "losses.csv")["logits"][0] == pytest.approx(expected, rel=1e-4)
    assert soft_cross_entropy(of_student, of_teacher, 2.0).item() != pytest.approx(expected, rel=1e-2)


def test_bf16_gives_the_same_bytes_twice_and_nearly_the_losses_of_fp32(world):
    """The default's precision: teacher, scores, hidden states and logits all pass through it."""
    losses = {"embedding": 1.0, "hidden": 1.0, "attention": 1.0, "relations": 1.0, "cls": 1.0, "logits": 1.0}
    data, curves = world / "data" / "train.parquet", {}
    for name, precision in (("one", "bf16"), ("two", "bf16"), ("three", "fp32")):
        job = replace(tiny_job(world / name, world / name / "curves"), run=Run(seed=1, precision=precision))
        settings = phase(losses=losses, relation_heads=2)
        distill_phase(settings, world / "general", world / "teacher", data, job)
        curves[name] = pd.read_csv(job.curves / "losses.csv")
    weights = [(world / name / "model.safetensors").read_bytes() for name in curves]
    assert weights[0] == weights[1] != weights[2]
    np.testing.assert_allclose(curves["one"], curves["three"], rtol=0.1, atol=0.02)
