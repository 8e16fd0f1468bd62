"""What a phase refuses before it trains: students, teachers and settings that don't fit each other."""

from dataclasses import replace

import pandas as pd
import pytest
from transformers import AutoModelForSequenceClassification

from tests.tiny import VOCABULARY, tiny_bert, tiny_job, tiny_tokenizer
from tinybert.distill.general import distill_general_student
from tinybert.distill.phase import distill_phase
from tinybert.errors import UserError
from tinybert.params.general import General
from tinybert.params.students import Phase


@pytest.fixture
def world(tmp_path):
    """A teacher with a head, 3 layers, width 24 and 2 heads; a general student of 2 layers and 2 heads; rows."""
    teacher = AutoModelForSequenceClassification.from_pretrained(tiny_bert(tmp_path / "bert"))
    teacher.save_pretrained(tmp_path / "teacher")
    tiny_tokenizer().save_pretrained(tmp_path / "teacher")
    make_student(tmp_path)
    pd.DataFrame({"text": ["london is sunny today !"] * 8, "label": [0, 1] * 4}).to_parquet(tmp_path / "train.parquet")
    return tmp_path


def make_student(world, heads=2):
    settings = General.model_validate(
        {
            "corpus": "c",
            "teacher": "t",
            "start": "t",
            "architecture": {"layers": 2, "hidden": 16, "heads": heads, "intermediate": 32},
            "initialise": "random",
            "losses": {},
            "train": {"epochs": 0, "learning_rate": 1e-3, "max_length": 16},
        }
    )
    distill_general_student(settings, world, world / "bert", tiny_job(world / "general", world / "curves"))


def change_teacher(world, **shape):
    model = AutoModelForSequenceClassification.from_pretrained(tiny_bert(world / "other", **shape))
    model.save_pretrained(world / "teacher")


def change_tokenizer(world, **settings):
    tiny_tokenizer(**settings).save_pretrained(world / "teacher")


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (
            lambda world: change_tokenizer(world, vocabulary=VOCABULARY[:-1]),
            {},
            f"general and .*teacher have different vocabularies \\({len(VOCABULARY)} and {len(VOCABULARY) - 1} entries",
        ),
        (lambda world: change_tokenizer(world, uncased=False), {}, "general and .*teacher split text differently"),
        (None, {"max_length": 33}, "max_length 33 is above the 32 positions of .*teacher; set at most 32"),
        (
            lambda world: change_teacher(world, positions=64),
            {"max_length": 40},
            "max_length 40 is above the 32 positions of .*general; set at most 32",
        ),
        (
            lambda world: make_student(world, heads=4),
            {"losses": {"attention": 1.0}},
            "the attention loss needs a student with the teacher's 2 heads, found 4; set",
        ),
        (
            lambda world: change_teacher(world, hidden=32),
            {"losses": {"hidden": 1.0}},
            "losses: hidden need a task teacher as wide as the general teacher, 24, found 32; take",
        ),
        (
            lambda world: change_teacher(world, layers=1),
            {"losses": {"hidden": 1.0}},
            "layer_map: uniform needs a teacher with at least the student's 2 layers, found 1",
        ),
        (
            lambda world: (world / "general/projections.safetensors").unlink(),
            {},
            "projections.safetensors: missing; it is written by general-distill",
        ),
    ],
    ids=["vocabulary", "casing", "positions", "start's positions", "heads", "width", "layers", "projections"],
)
def test_what_does_not_fit_is_one_line_and_writes_no_model(world, change, settings, message):
    if change is not None:
        change(world)
    job = replace(tiny_job(world / "student", world / "curves"), max_length=settings.get("max_length", 16))
    phase = Phase.model_validate(
        {"data": "original", "epochs": 1, "learning_rate": 1e-3, "losses": settings.get("losses", {"logits": 1.0})}
    )
    with pytest.raises(UserError, match=message) as error:
        distill_phase(phase, world / "general", world / "teacher", world / "train.parquet", job)
    assert "\n" not in str(error.value)
    assert not (world / "student" / "model.safetensors").exists()


def test_heads_may_differ_where_no_scores_are_compared(world):
    make_student(world, heads=4)
    phase = Phase.model_validate({"data": "original", "epochs": 1, "learning_rate": 1e-3, "losses": {"hidden": 1.0}})
    (world / "student").mkdir()
    job = tiny_job(world / "student", world / "curves")
    distill_phase(phase, world / "general", world / "teacher", world / "train.parquet", job)
    assert (world / "student" / "model.safetensors").exists()
