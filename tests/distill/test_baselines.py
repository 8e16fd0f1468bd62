"""Each method that TinyBERT is compared with, as a user would write it, runs through its phases for two steps."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

from tests.distill.conftest import SMALLER, general, phase
from tests.tiny import tiny_bert, tiny_job, tiny_tokenizer, weather_report
from tinybert.corpus.store import write_documents
from tinybert.distill.general import distill_general_student
from tinybert.distill.phase import distill_phase
from tinybert.metrics.scores import score
from tinybert.models.loading import head_config, load_classifier, load_encoder

OF_TEACHER = {"layers": 2, "hidden": 24, "heads": 2, "intermediate": 48}
OTHER_HEADS = SMALLER | {"heads": 4}
TINYBERT = {"losses": {"embedding": 1.0, "hidden": 1.0, "attention": 1.0}}
TRIPLE = {"losses": {"mlm": 2.0, "vocabulary": 5.0, "cosine": 1.0}}
RELATIONS = {"losses": {"relations": 1.0, "cls": 1.0}, "relation_heads": 8, "layer_map": "last"}
PKD = {"losses": {"cls": 100.0, "logits": 0.7, "labels": 0.3}, "temperature": 5.0, "layer_map": {1: 2}}
LABELS, LOGITS = {"losses": {"labels": 1.0}}, {"losses": {"logits": 1.0}}

# general, intermediate, prediction: what departs from no losses at all
BASELINES = {
    "fine-tuned": ({}, {}, LABELS),
    "bert-pkd": ({"architecture": OF_TEACHER, "initialise": "teacher-lower"}, {}, PKD),
    "distilbert": ({"architecture": OF_TEACHER, "initialise": "teacher-spread"} | TRIPLE, {}, LABELS),
    "minilmv2": ({"architecture": OTHER_HEADS} | RELATIONS, {}, LABELS),
    "relations-of-task": ({"architecture": OTHER_HEADS}, RELATIONS, LOGITS),
    "tinybert": (TINYBERT, TINYBERT, LOGITS),
}


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
    load_classifier(folder / "bert", new_head=head_config(["bad", "good"])).save_pretrained(folder / "teacher")
    tiny_tokenizer().save_pretrained(folder / "teacher")
    return folder


def expected_terms(settings):
    """The curve's columns: a layer's loss once for each student layer that is mapped."""
    layers = {"last": [2], "uniform": [1, 2]}.get(str(settings.layer_map), [1])
    terms = ["step", "epoch", "loss"]
    for name, weight in settings.losses.model_dump().items():
        layered = name in ("hidden", "attention", "relations", "cls")
        terms += [] if not weight else [f"{name}.{m}" for m in layers] if layered else [name]
    return sorted(terms)


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_runs(world, tmp_path, monkeypatch, name):
    monkeypatch.chdir(world)  # one cache of blocks for all
    of_general, of_intermediate, of_prediction = BASELINES[name]
    of_general, *phases = general(**of_general), phase(**of_intermediate), phase(**of_prediction)
    job, teacher, data = partial(tiny_job, curves=tmp_path / "curves"), world / "teacher", world / "train.parquet"
    distill_general_student(of_general, world / "corpus", world / "bert", job(tmp_path / "general"))
    curve = pd.read_csv(tmp_path / "curves" / "losses.csv")
    assert sorted(curve.columns) == expected_terms(of_general)
    # the general student is an encoder, whatever head it learned with
    assert type(load_encoder(tmp_path / "general")).__name__ == "BertModel"
    assert not any("predictions" in weight for weight in load_file(tmp_path / "general" / "model.safetensors"))
    start, measured = tmp_path / "general", (data, partial(score, "accuracy"))
    for settings, folder, validation in zip(phases, ("between", "student"), (None, measured), strict=True):
        distill_phase(settings, start, teacher, data, job(tmp_path / folder), validation)
        start, curve = tmp_path / folder, pd.read_csv(tmp_path / "curves" / "losses.csv")
        assert sorted(curve.columns) == expected_terms(settings)
        assert np.isfinite(curve["loss"].astype(float)).all()  # none where nothing is learnt
