"""The paper's presets at the paper's shapes: what they cost in steps, and two steps of each phase."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification

from benchmarks.paper_cost import plan
from tests.import_closure import ROOT
from tests.tiny import VOCABULARY, tiny_job, tiny_tokenizer, weather_report
from tinybert.distill.general import distil_general_student
from tinybert.distill.phase import distil_phase
from tinybert.evaluate.metrics import score
from tinybert.models.loading import head_config, load_config
from tinybert.params.experiment import load_experiment
from tinybert.text.corpus import write_documents

GLUE = load_experiment(ROOT / "presets/paper-glue.yaml")


def test_steps_of_the_main_table():
    work = {each.stage: each for each in plan(GLUE)}
    assert work["general-distill@tinybert4"].steps == pytest.approx(3 * 2.5e9 * 1.3 / 126 / 256, rel=1e-4)
    assert "general-distill@lower4" not in work
    assert work["finetune-teacher@mnli"].steps == 3 * 12_272
    assert work["intermediate-distill@mnli-tinybert4"].steps == 10 * 257_711  # 21 × 392,702 rows in batches of 32
    assert work["intermediate-distill@cola-tinybert6"].steps == 50 * 5_612
    assert work["prediction-distill@stsb-tinybert4"].steps == 3 * 180  # on original data
    assert "intermediate-distill@mnli-bert-tiny" not in work
    assert work["augment@mrpc"].steps == round(3_668 * 20 * 44 * 0.4 / 256 + 0.5)
    same = [each.step for each in plan(GLUE) if each.stage.startswith("intermediate-distill@rte-tinybert4")]
    assert same == [work["intermediate-distill@qqp-tinybert4"].step]  # measured once


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """BERT-base in everything but its vocabulary, untuned and tuned, four blocks of corpus, four rows."""
    folder = tmp_path_factory.mktemp("paper")
    torch.manual_seed(0)
    shape = {"vocab_size": len(VOCABULARY)}
    BertForMaskedLM(BertConfig(**shape)).save_pretrained(folder / "bert")
    BertForSequenceClassification(BertConfig(**shape, **head_config(["no", "yes"]))).save_pretrained(folder / "teacher")
    for name in ("bert", "teacher"):
        tiny_tokenizer().save_pretrained(folder / name)
    random = np.random.default_rng(0)
    texts = [weather_report(random, number % 2 == 0) for number in range(64)]
    (folder / "corpus").mkdir()
    write_documents([("weather", " ".join(texts[:60]))], folder / "corpus")
    rows = {"text": texts[:4], "text_pair": texts[4:8], "label": [0, 1, 0, 1]}
    pd.DataFrame(rows).to_parquet(folder / "train.parquet")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["tinybert4", "tinybert6", "pkd4", "minilmv2-4"])
def test_two_steps_of_every_phase(world, tmp_path, monkeypatch, variant):
    monkeypatch.chdir(world)  # one cache of blocks and logits for all
    student = GLUE.students[f"mrpc-{variant}"]
    general = GLUE.general[student.general]

    def short(phase):
        return phase.model_copy(update={"epochs": min(phase.epochs, 1), "batch_size": 2})

    job = partial(tiny_job, curves=tmp_path / "curves")
    train = short(general.train)
    distil_general_student(
        general.model_copy(update={"train": train}), world / "corpus", world / "bert", job(tmp_path / "general")
    )
    curves = [pd.read_csv(tmp_path / "curves/losses.csv")]
    data, teacher = world / "train.parquet", world / "teacher"
    distil_phase(short(student.intermediate), tmp_path / "general", teacher, data, job(tmp_path / "layers"))
    curves.append(pd.read_csv(tmp_path / "curves/losses.csv"))
    validation = (data, partial(score, "f1"))
    distil_phase(short(student.prediction), tmp_path / "layers", teacher, data, job(tmp_path / "student"), validation)
    curves.append(pd.read_csv(tmp_path / "curves/losses.csv"))
    shapes = load_config(tmp_path / "student")
    assert (shapes.num_hidden_layers, shapes.hidden_size) == (general.architecture.layers, general.architecture.hidden)
    for curve, phase in zip(curves, (train, student.intermediate, student.prediction), strict=True):
        assert len(curve) == 0 if not phase.epochs else len(curve) >= 2
        assert np.isfinite(curve["loss"].astype(float)).all()
