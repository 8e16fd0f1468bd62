"""Every family of encoders as teacher, from a CSV and a model folder to the report, on tiny random models."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.evaluate.made_up import measure
from tests.families import FAMILIES, family_report, family_tokenizer, save_family
from tests.tiny import BAD, GOOD, PLAIN, tiny_job
from tinybert.augment.dataset import augment
from tinybert.corpus.documents import write_corpus
from tinybert.distill.general import distill_general_student
from tinybert.distill.phase import distill_phase, load_student
from tinybert.metrics.scores import score
from tinybert.models.loading import head_config, load_classifier
from tinybert.models.output_layer import reorder_outputs
from tinybert.params.experiment import Experiment
from tinybert.report.write import write_report
from tinybert.sources.kinds import store_file
from tinybert.tasks.prepare import prepare
from tinybert.tokens import blocks
from tinybert.train.masked_lm import adapt_masked_lm
from tinybert.train.teacher import finetune_teacher

ALL_LAYERS = {"embedding": 1.0, "hidden": 1.0, "attention": 1.0}
TRAINING = {"epochs": 1, "batch_size": 16, "learning_rate": 3e-3}
EXPERIMENT = Experiment.model_validate(
    {
        "name": "teachers",
        "seed": 1,
        "precision": "fp32",
        "downloads": {},
        "files": {
            "reviews": {"path": "reviews.csv", "kind": "table"},
            "corpus": {"path": "corpus.txt", "kind": "corpus"},
            "vectors": {"path": "vectors.txt", "kind": "vectors"},
            "model": {"path": "mine/model", "kind": "model"},
            "tuned": {"path": "mine/tuned", "kind": "model"},
        },
        "general": {
            "small": {
                "corpus": "corpus",
                "teacher": "model",
                "start": "model",
                "architecture": {"layers": 2, "hidden": 16, "heads": 2, "intermediate": 32},
                "initialise": "teacher-svd",
                "losses": ALL_LAYERS,
                "train": TRAINING | {"max_length": 16},
            }
        },
        "tasks": {
            "weather": {
                "source": "reviews",
                "type": "classification",
                "columns": None,
                "text": ["text", "text_pair"],
                "label": {"column": "label"},
                "split": {"test": 0.2, "validation": 0.1},
                "metric": "accuracy",
                "max_length": 32,
                "teacher": TRAINING | {"from": "tuned", "epochs": 0},
                "mlm": {"from": "model", "corpus": "corpus", "steps": 2, "batch_size": 8, "learning_rate": 1e-3},
                "augment": {"copies": 1, "candidates": 3, "vectors": "vectors"},
                "export": {},
            }
        },
        "students": {
            "weather-small": {
                "task": "weather",
                "general": "small",
                "intermediate": TRAINING | {"data": "augmented", "losses": ALL_LAYERS},
                "prediction": TRAINING | {"data": "original", "losses": {"logits": 1.0}},
                "export": {},
            }
        },
    }
)
TASK, STUDENT = EXPERIMENT.tasks["weather"], EXPERIMENT.students["weather-small"]
SOURCES, MODELS, DATA = Path("data/sources"), Path("models"), Path("data/original/weather")
ACCURACY = partial(score, "accuracy")


@pytest.fixture
def world(tmp_path, monkeypatch, quick_measures):
    """A project's folder, and nothing that is slow for other reasons."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(blocks, "count_cores", lambda: 1)
    monkeypatch.setattr("tinybert.metrics.scores.RESAMPLES", 20)
    monkeypatch.setattr("tinybert.report.figures._svg", lambda *_, **__: "")


def write_own_files(family):
    """Pairs of sentences about the weather, a corpus, vectors, and a model of the family: as a user brings them."""
    random = np.random.default_rng(0)
    labels = random.choice(["bad", "good"], 64)
    texts = [[family_report(family, random, label == "good") for label in labels] for _ in range(2)]
    pd.DataFrame({"text": texts[0], "text_pair": texts[1], "label": labels}).to_csv("reviews.csv", index=False)
    Path("corpus.txt").write_text("\n\n".join(" ".join(texts[0][row : row + 8]) for row in range(0, 64, 8)))
    vectors = zip([*GOOD, *BAD, *PLAIN], random.normal(size=(len(GOOD + BAD + PLAIN), 8)).round(4), strict=True)
    Path("vectors.txt").write_text("".join(f"{word} {' '.join(map(str, vector))}\n" for word, vector in vectors))
    save_family(Path("mine/model"), family)


def store(*keys):
    for key in keys:
        store_file(EXPERIMENT.files[key], SOURCES / key, write_corpus)


def job(folder, curves=""):
    (MODELS / folder).mkdir(parents=True)
    return tiny_job(MODELS / folder, Path("curves") / (curves or folder))


def take_own_checkpoint(names):
    """A teacher fine-tuned elsewhere, its outputs in another order, under names that are written differently."""
    settings = TASK.teacher.model_copy(update={"epochs": 1})
    finetune_teacher(settings, SOURCES / "model", DATA, names, ACCURACY, job("elsewhere"), above_chance=False)
    model = load_classifier(MODELS / "elsewhere")
    reorder_outputs(model, [1, 0])
    model.config.update(head_config(["Good", "BAD"]))
    model.save_pretrained("mine/tuned")
    AutoTokenizer.from_pretrained(MODELS / "elsewhere").save_pretrained("mine/tuned")
    store("tuned")
    finetune_teacher(
        TASK.teacher, SOURCES / "tuned", DATA, names, ACCURACY, job("teachers/weather"), above_chance=False
    )
    theirs, taken = (load_file(MODELS / name / "model.safetensors") for name in ("elsewhere", "teachers/weather"))
    assert all(torch.equal(theirs[name], taken[name]) for name in theirs.keys() | taken.keys())


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_through_every_stage(family, world):
    write_own_files(family)
    store("reviews", "corpus", "vectors", "model")
    DATA.mkdir(parents=True)
    names = prepare(SOURCES / "reviews", TASK, DATA)["names"]
    take_own_checkpoint(names)
    train, augmented = DATA / "train.parquet", Path("data/augmented/weather")
    adapt_masked_lm(TASK.mlm, SOURCES / "model", SOURCES / "corpus", train, job("mlm/weather"))
    augmented.mkdir(parents=True)
    report = augment(
        train, [], MODELS / "mlm/weather", SOURCES / "vectors", augmented, TASK.augment, 1, "fp32", TASK.max_length
    )
    assert report.tally["by_masked_language_model"] > 20
    general, teacher = MODELS / "general/small", MODELS / "teachers/weather"
    distill_general_student(
        EXPERIMENT.general["small"], SOURCES / "corpus", SOURCES / "model", job("general/small"), SOURCES / "model"
    )
    layers, student = (f"{phase}/weather-small" for phase in ("intermediate", "students"))
    distill_phase(STUDENT.intermediate, general, teacher, augmented / "train.parquet", job(layers))
    assert_head_is_fixed(general, teacher, MODELS / layers)
    distill_phase(
        STUDENT.prediction, MODELS / layers, teacher, train, job(student, "prediction/weather-small"),
        (DATA / "validation.parquet", ACCURACY),
    )  # fmt: skip
    measure(Path("evaluation") / EXPERIMENT.name, "weather-small", STUDENT, TASK, teacher, MODELS / student, DATA)
    write_report(EXPERIMENT, Path())
    assert_result(family, MODELS / student)


def assert_head_is_fixed(general, teacher, layers):
    """What lies behind the last hidden states is, to the byte, what was drawn for the general student."""
    start = load_student(general, teacher, seed=1)
    before, after = start.state_dict(), load_file(layers / "model.safetensors")
    head = [name for name in after if not name.startswith(f"{start.base_model_prefix}.") or ".pooler." in name]
    assert head
    assert all(torch.equal(before[name], after[name]) for name in head)
    assert any(not torch.equal(before[name], after[name]) for name in after)


def assert_result(family, folder):
    result = json.loads(Path("metrics.json").read_text())["weather-small"]
    assert result["names"] == ["bad", "good"]
    assert result["student"]["parameters"] < result["teacher"]["parameters"]
    assert [card.name for card in Path("reports/cards").iterdir()] == ["weather-small.md"]
    assert "Where teacher and student look" in Path("reports/index.html").read_text()
    terms = pd.read_csv("curves/intermediate/weather-small/losses.csv")
    assert np.isfinite(terms.to_numpy(float)).all()
    assert {"embedding", "hidden.2", "attention.1", "attention.2"} <= set(terms.columns)
    student = AutoModelForSequenceClassification.from_pretrained(folder)
    assert student.config.id2label == {0: "bad", 1: "good"}
    assert AutoTokenizer.from_pretrained(folder).get_vocab() == family_tokenizer(family).get_vocab()
