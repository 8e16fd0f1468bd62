"""Pairs of texts, where of teacher and student one tells the two apart by token types and the other does not."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, DistilBertConfig

from tests.distill.conftest import phase
from tests.tiny import VOCABULARY, tiny_job, tiny_tokenizer
from tinybert.distill.phase import distill_phase
from tinybert.models.loading import load_encoder, load_tokenizer
from tinybert.models.signals import Projections
from tinybert.tokens.encoding import TYPES

SHAPE = {"vocab_size": len(VOCABULARY), "max_position_embeddings": 32}
CONFIGS = {
    "bert": BertConfig(**SHAPE, hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48),
    "distilbert": DistilBertConfig(**SHAPE, dim=24, n_layers=2, n_heads=2, hidden_dim=48),
}


@pytest.fixture
def distill(tmp_path, monkeypatch):
    """A student of one family from a teacher of another, on pairs, by all that a phase may compare."""
    monkeypatch.chdir(tmp_path)
    sides = {"text": ["london is sunny"] * 8, "text_pair": ["the weather was wet", "paris"] * 4}
    pd.DataFrame(sides | {"label": [0, 1] * 4}).to_parquet(tmp_path / "train.parquet")

    def run(student, teacher):
        torch.manual_seed(0)
        for name, family in (("start", student), ("teacher", teacher)):
            AutoModelForSequenceClassification.from_config(CONFIGS[family]).save_pretrained(tmp_path / name)
            tiny_tokenizer().save_pretrained(tmp_path / name)
        Projections(2, 24, 24).save(tmp_path / "start")
        settings = phase(losses={"embedding": 1.0, "hidden": 1.0, "attention": 1.0, "logits": 1.0}, weight_decay=0.0)
        job = tiny_job(tmp_path / "student", tmp_path / "curves")
        distill_phase(settings, tmp_path / "start", tmp_path / "teacher", tmp_path / "train.parquet", job)
        return tmp_path / "student"

    return run


def test_a_student_with_token_types_learns_them_from_a_teacher_without(distill, tmp_path):
    folders = tmp_path / "start", distill("bert", "distilbert")
    before, after = (load_encoder(folder).embeddings.token_type_embeddings.weight for folder in folders)
    assert not torch.equal(before[1], after[1])  # of the second text
    assert TYPES in load_tokenizer(folders[1]).model_input_names


def test_a_student_without_token_types_is_saved_without_its_teachers(distill):
    student = distill("distilbert", "bert")
    encoded = AutoTokenizer.from_pretrained(student)("paris", "london", return_tensors="pt")  # as a user loads it
    assert TYPES not in encoded
    AutoModelForSequenceClassification.from_pretrained(student)(**encoded)
