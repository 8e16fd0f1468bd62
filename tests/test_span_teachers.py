"""Families of encoders with a head for questions, from SQuAD's files to a student's answers."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from transformers import AutoModelForQuestionAnswering

from tests.families import save_family
from tests.tasks.test_prepare import ENTRY
from tests.test_spans import squad
from tests.test_tasks import GENERAL, OPTIMISATION
from tinybert.distill.general import distill_general_student
from tinybert.distill.phase import distill_phase
from tinybert.metrics.scores import score
from tinybert.models.heads import head_of
from tinybert.models.loading import load_config, load_tokenizer
from tinybert.params.general import General
from tinybert.params.students import Phase
from tinybert.params.table import Run
from tinybert.params.tasks import Task
from tinybert.questions.prepare import prepare
from tinybert.train.loop.job import Job
from tinybert.train.teacher import finetune_teacher

LENGTH = 30
TASK = Task.model_validate(
    ENTRY
    | {
        "type": "span",
        "text": ["question", "context"],
        "label": {"column": "answers", "stride": 6, "longest_answer": 2, "no_answer": True},
        "split": {"test": 0.2, "validation": 0.2},
        "metric": "span_f1",
        "max_length": LENGTH,
        "teacher": {"from": "m", "epochs": 1, **OPTIMISATION},
    }
)
PHASE = {
    "data": "original",
    "epochs": 1,
    "losses": {"embedding": 1.0, "hidden": 1.0, "attention": 1.0, "logits": 1.0, "labels": 1.0},
    **OPTIMISATION,
}
OWN_KINDS = ("roberta", "mpnet", "albert")
"""A tokenizer of bytes, one of SentencePiece, an attention of its own. BERT goes through every stage in test_spans, and
the head of every family is looked at in models/test_heads."""


@pytest.mark.slow
@pytest.mark.parametrize("family", OWN_KINDS)
def test_questions(family, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("source", "data", "corpus", "teacher", "general", "student"):
        (tmp_path / folder).mkdir()

    def job(name):
        return Job("stage@x", Run(seed=1, precision="fp32"), LENGTH, tmp_path / name, tmp_path / f"curves/{name}")

    content = squad(np.random.default_rng(0), 15, no_answer=True)
    (tmp_path / "source/train.json").write_text(json.dumps(content))
    span = prepare(tmp_path / "source", TASK, tmp_path / "data")["span"]
    model = save_family(tmp_path / "model", family)
    metric = partial(score, "span_f1")
    finetune_teacher(TASK.teacher, model, tmp_path / "data", None, metric, job("teacher"), False, span, False)
    distill_general_student(General.model_validate(GENERAL), tmp_path / "corpus", model, job("general"))
    distill_phase(
        Phase.model_validate(PHASE), tmp_path / "general", tmp_path / "teacher", tmp_path / "data/train.parquet",
        job("student"), (tmp_path / "data/validation.parquet", metric),
    )  # fmt: skip
    terms = pd.read_csv(tmp_path / "curves/student/losses.csv")
    assert {"embedding", "hidden.2", "attention.1", "logits", "labels"} <= set(terms.columns)
    assert np.isfinite(terms.to_numpy(float)).all()
    config = load_config(tmp_path / "student")
    assert config.span.keys() == {"stride", "longest_answer", "no_answer", "threshold"}
    head, rows = head_of(config), pd.read_parquet(tmp_path / "data/test.parquet")
    student = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "student")
    student.config.span = {**config.span, "threshold": 1e9}  # always an answer
    answers = head.answers(student, load_tokenizer(tmp_path / "student"), rows, LENGTH)
    for answer, context in zip(answers, rows["text_pair"], strict=True):
        assert answer
        assert answer in context
