"""Pairs of texts, where of teacher and student one tells the two apart by token types and the other does not."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
)

from tests.families import family_model
from tests.tiny import VOCABULARY, tiny_job, tiny_tokenizer
from tinybert.distill.phase import distill_phase
from tinybert.models.loading import TYPES, load_encoder, load_tokenizer
from tinybert.models.signals import Projections, SignalModel
from tinybert.params.students import Phase

SHAPE = {"vocab_size": len(VOCABULARY), "max_position_embeddings": 32}
MODELS = {
    "bert": lambda: BertForSequenceClassification(
        BertConfig(**SHAPE, hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48)
    ),
    "distilbert": lambda: DistilBertForSequenceClassification(
        DistilBertConfig(**SHAPE, dim=24, n_layers=2, n_heads=2, hidden_dim=48)
    ),
}


@pytest.fixture
def distill(tmp_path):
    """A student of one family from a teacher of another, on pairs, by all that a phase may compare."""
    rows = pd.DataFrame(
        {"text": ["london is sunny"] * 8, "text_pair": ["the weather was wet", "paris"] * 4, "label": [0, 1] * 4}
    )
    rows.to_parquet(tmp_path / "train.parquet")

    def run(student, teacher):
        torch.manual_seed(0)
        for name, family in (("start", student), ("teacher", teacher)):
            MODELS[family]().save_pretrained(tmp_path / name)
            tiny_tokenizer().save_pretrained(tmp_path / name)
        Projections(2, 24, 24).save(tmp_path / "start")
        losses = {"embedding": 1.0, "hidden": 1.0, "attention": 1.0, "logits": 1.0}
        settings = Phase.model_validate(
            {"data": "original", "epochs": 2, "learning_rate": 1e-3, "weight_decay": 0.0, "losses": losses}
        )
        job = tiny_job(tmp_path / "student", tmp_path / "curves")
        distill_phase(settings, tmp_path / "start", tmp_path / "teacher", tmp_path / "train.parquet", job)
        return tmp_path / "student"

    return run


def test_a_student_with_token_types_learns_them_from_a_teacher_without(distill, tmp_path):
    student = distill("bert", "distilbert")
    before, after = (
        load_encoder(folder).embeddings.token_type_embeddings.weight for folder in (tmp_path / "start", student)
    )
    assert not torch.equal(before[1], after[1])  # of the second text
    assert TYPES in load_tokenizer(student).model_input_names


def test_a_student_without_token_types_is_saved_without_its_teachers(distill):
    student = distill("distilbert", "bert")
    encoded = AutoTokenizer.from_pretrained(student)("paris", "london", return_tensors="pt")  # as a user loads it
    assert TYPES not in encoded
    AutoModelForSequenceClassification.from_pretrained(student)(**encoded)


@pytest.mark.parametrize("family", ["roberta", "distilbert", "bert"])
def test_token_types_reach_the_models_that_have_them_and_no_others(family):
    model = SignalModel(family_model(family), records_scores=False)
    ids = torch.tensor([[2, 7, 11, 3, 9, 3]])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.no_grad():
        plain, typed = (
            model(given, hidden=(1,))["hidden"][1]
            for given in (inputs, inputs | {TYPES: torch.tensor([[0, 0, 0, 0, 1, 1]])})
        )
    assert torch.equal(plain, typed) == (family != "bert")
