"""Each method that TinyBERT is compared with, as a user would write it, runs through its phases for two steps."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForSequenceClassification

from tests.tiny import VOCABULARY, tiny_bert, tiny_job, tiny_tokenizer, weather_report
from tinybert.corpus.store import write_documents
from tinybert.distill.general import distill_general_student
from tinybert.distill.phase import distill_phase
from tinybert.errors import UserError
from tinybert.metrics.scores import score
from tinybert.models.loading import head_config, load_encoder
from tinybert.params.general import General
from tinybert.params.students import Student

OF_TEACHER = {"layers": 2, "hidden": 24, "heads": 2, "intermediate": 48}
SMALLER = {"layers": 2, "hidden": 16, "heads": 2, "intermediate": 32}
OTHER_HEADS = {"layers": 2, "hidden": 16, "heads": 4, "intermediate": 32}
TINYBERT = {"embedding": 1.0, "hidden": 1.0, "attention": 1.0}
TRIPLE = {"mlm": 2.0, "vocabulary": 5.0, "cosine": 1.0}
LABELS, LOGITS = {"losses": {"labels": 1.0}}, {"losses": {"logits": 1.0}}

# general, intermediate, prediction: what departs from no losses at all; then the terms of each phase's curve
BASELINES = {
    "fine-tuned": ({}, {}, LABELS),
    "logits": ({}, {}, {"losses": {"logits": 1.0}, "temperature": 2.0}),
    "bert-pkd": (
        {"architecture": OF_TEACHER, "initialise": "teacher-lower"},
        {},
        {"losses": {"cls": 100.0, "logits": 0.7, "labels": 0.3}, "temperature": 5.0, "layer_map": {1: 2}},
    ),
    "distilbert": ({"architecture": OF_TEACHER, "initialise": "teacher-spread", "losses": TRIPLE}, {}, LABELS),
    "distilbert-narrower": ({"losses": TRIPLE}, {}, LABELS),
    "minilmv2": (
        {"architecture": OTHER_HEADS, "losses": {"relations": 1.0}, "layer_map": "last", "relation_heads": 8},
        {},
        LABELS,
    ),
    "relations-of-task": (
        {"architecture": OTHER_HEADS},
        {"losses": {"relations": 1.0, "cls": 1.0}, "relation_heads": 8, "layer_map": "last"},
        LOGITS,
    ),
    "tinybert": ({"losses": TINYBERT}, {"losses": TINYBERT}, LOGITS),
    **{
        f"tinybert-without-{part}": (
            {"losses": TINYBERT | {part: 0.0}},
            {"losses": TINYBERT | {part: 0.0}},
            LOGITS,
        )
        for part in TINYBERT
    },
    "tinybert-without-layers": ({"losses": {"embedding": 1.0}}, {"losses": {"embedding": 1.0}}, LOGITS),
    "tinybert-without-prediction": ({"losses": TINYBERT}, {"losses": TINYBERT}, LABELS),
}


def general(**changes):
    epochs = 1 if changes.get("losses") else 0
    entry = {
        "corpus": "c",
        "teacher": "t",
        "start": "t",
        "architecture": SMALLER,
        "initialise": "random",
        "losses": {},
        "train": {"epochs": epochs, "batch_size": 16, "learning_rate": 1e-3, "max_length": 16},
    }
    return General.model_validate(entry | changes)


def student(intermediate, prediction):
    def phase(changes):
        entry = {"data": "original", "epochs": int(bool(changes)), "batch_size": 8, "learning_rate": 1e-3, "losses": {}}
        return entry | changes

    return Student.model_validate(
        {"task": "x", "general": "x", "intermediate": phase(intermediate), "prediction": phase(prediction)}
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A general teacher with its masked-language head, a task teacher, sixteen rows, a corpus of a few blocks."""
    folder = tmp_path_factory.mktemp("world")
    random = np.random.default_rng(0)
    texts = [weather_report(random, index % 2 == 0) for index in range(40)]
    pd.DataFrame({"text": texts[:16], "label": [0, 1] * 8}).to_parquet(folder / "train.parquet")
    (folder / "corpus").mkdir()
    write_documents([("weather", " ".join(texts))], folder / "corpus")
    tiny_bert(folder / "bert", head=True)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=32,
        **head_config(["bad", "good"]),
    )
    BertForSequenceClassification(config).save_pretrained(folder / "teacher")
    tiny_tokenizer().save_pretrained(folder / "teacher")
    return folder


def columns(curves):
    return [name for name in pd.read_csv(curves / "losses.csv").columns if name not in ("step", "epoch", "loss")]


def expected_terms(losses, layers=(1, 2)):
    names = [name for name, weight in losses.items() if weight]
    layered = ("hidden", "attention", "relations", "cls")
    return sorted(f"{name}.{m}" if m else name for name in names for m in (layers if name in layered else [None]))


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_runs(world, tmp_path, monkeypatch, name):
    monkeypatch.chdir(world)  # one cache of blocks for all
    of_general, of_intermediate, of_prediction = BASELINES[name]
    settings, phases = general(**of_general), student(of_intermediate, of_prediction)
    job = partial(tiny_job, curves=tmp_path / "curves")
    distill_general_student(settings, world / "corpus", world / "bert", job(tmp_path / "general"))
    last = (2,) if settings.layer_map == "last" else (1, 2)
    assert sorted(columns(tmp_path / "curves")) == expected_terms(of_general.get("losses", {}), last)
    # the general student is an encoder, whatever head it learned with
    assert type(load_encoder(tmp_path / "general")).__name__ == "BertModel"
    assert not any("predictions" in weight for weight in load_file(tmp_path / "general" / "model.safetensors"))
    data = world / "train.parquet"
    distill_phase(phases.intermediate, tmp_path / "general", world / "teacher", data, job(tmp_path / "intermediate"))
    last = (2,) if phases.intermediate.layer_map == "last" else (1, 2)
    assert sorted(columns(tmp_path / "curves")) == expected_terms(of_intermediate.get("losses", {}), last)
    validation = (data, partial(score, "accuracy"))
    distill_phase(
        phases.prediction, tmp_path / "intermediate", world / "teacher", data, job(tmp_path / "student"), validation
    )
    mapped = (1,) if isinstance(phases.prediction.layer_map, dict) else (1, 2)
    assert sorted(columns(tmp_path / "curves")) == expected_terms(of_prediction["losses"], mapped)
    assert np.isfinite(pd.read_csv(tmp_path / "curves" / "losses.csv")["loss"]).all()


def test_the_triple_loss_gives_the_same_student_again(world, tmp_path, monkeypatch):
    monkeypatch.chdir(world)  # one cache of blocks for all
    settings = general(losses=TRIPLE, train={"epochs": 2, "learning_rate": 1e-3, "max_length": 16})
    for folder in ("one", "two"):
        distill_general_student(
            settings, world / "corpus", world / "bert", tiny_job(tmp_path / folder, tmp_path / "curves")
        )
    one, two = ((tmp_path / folder / "model.safetensors").read_bytes() for folder in ("one", "two"))
    assert one == two


def test_the_triple_loss_needs_a_head(world, tmp_path, monkeypatch):
    monkeypatch.chdir(world)  # one cache of blocks for all
    teacher = tiny_bert(tmp_path / "headless")
    with pytest.raises(
        UserError, match=r"mlm and vocabulary need a teacher with a masked-language head, and .*headless"
    ):
        distill_general_student(
            general(losses=TRIPLE), world / "corpus", teacher, tiny_job(tmp_path / "one", tmp_path / "curves")
        )
