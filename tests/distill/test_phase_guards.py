"""What a phase refuses before it trains: students, teachers and settings that don't fit each other."""

from dataclasses import replace

import pandas as pd
import pytest
from transformers import AutoModelForSequenceClassification

from tests.distill.conftest import SMALLER, general, phase
from tests.tiny import VOCABULARY, tiny_bert, tiny_job, tiny_tokenizer
from tinybert.distill.general import distill_general_student
from tinybert.distill.phase import distill_phase
from tinybert.errors import UserError


@pytest.fixture
def world(tmp_path):
    """A teacher with a head, 3 layers, width 24 and 2 heads; a general student of 2 layers and 2 heads; rows."""
    tiny_bert(tmp_path / "bert")
    change_teacher(tmp_path)
    change_tokenizer(tmp_path)
    make_student(tmp_path)
    pd.DataFrame({"text": ["london is sunny today !"] * 8, "label": [0, 1] * 4}).to_parquet(tmp_path / "train.parquet")
    return tmp_path


def make_student(world, heads=2):
    job = tiny_job(world / "general", world / "curves")
    distill_general_student(general(architecture=SMALLER | {"heads": heads}), world, world / "bert", job)


def change_teacher(world, **shape):
    model = AutoModelForSequenceClassification.from_pretrained(tiny_bert(world / "other", **shape))
    model.save_pretrained(world / "teacher")


def change_tokenizer(world, **settings):
    tiny_tokenizer(**settings).save_pretrained(world / "teacher")


@pytest.mark.parametrize(
    ("change", "loss", "max_length", "message"),
    [
        (
            lambda world: change_tokenizer(world, vocabulary=VOCABULARY[:-1]), "logits", 16,
            f"general and .*teacher have different vocabularies \\({len(VOCABULARY)} and {len(VOCABULARY) - 1} entries",
        ),
        (
            lambda world: change_tokenizer(world, uncased=False), "logits", 16,
            "general and .*teacher split text differently",
        ),
        (
            lambda world: None, "logits", 33,
            "max_length 33 is above the 32 positions of .*teacher; set at most 32",
        ),
        (
            lambda world: change_teacher(world, positions=64), "logits", 40,
            "max_length 40 is above the 32 positions of .*general; set at most 32",
        ),
        (
            lambda world: make_student(world, heads=4), "attention", 16,
            "the attention loss needs a student with the teacher's 2 heads, found 4; set",
        ),
        (
            lambda world: change_teacher(world, hidden=32), "hidden", 16,
            "losses: hidden need a task teacher as wide as the general teacher, 24, found 32; take",
        ),
        (
            lambda world: change_teacher(world, layers=1), "hidden", 16,
            "layer_map: uniform needs a teacher with at least the student's 2 layers, found 1",
        ),
        (
            lambda world: (world / "general/projections.safetensors").unlink(), "logits", 16,
            "projections.safetensors: missing; it is written by general-distill",
        ),
    ],
    ids=["vocabulary", "casing", "positions", "start's positions", "heads", "width", "layers", "projections"],
)  # fmt: skip
def test_what_does_not_fit_is_one_line_and_writes_no_model(world, change, loss, max_length, message):
    change(world)
    job = replace(tiny_job(world / "student", world / "curves"), max_length=max_length)
    with pytest.raises(UserError, match=rf"^[^\n]*{message}[^\n]*$"):
        distill_phase(phase(losses={loss: 1.0}), world / "general", world / "teacher", world / "train.parquet", job)
    assert not (world / "student" / "model.safetensors").exists()
