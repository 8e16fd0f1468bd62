import json

import pytest
from transformers import BertConfig, FunnelConfig

from tinybert.distill.general import require_compatible
from tinybert.errors import UserError
from tinybert.models.compatibility import require_length
from tinybert.params.general import General

TEACHER = BertConfig(num_hidden_layers=6, hidden_size=384, num_attention_heads=12, intermediate_size=1536)


def general(**changes):
    entry = {
        "corpus": "c",
        "teacher": "t",
        "start": "t",
        "architecture": "tinybert4",
        "initialise": "teacher-svd",
        "losses": {"embedding": 1.0, "hidden": 1.0, "attention": 1.0},
        "train": {"epochs": 1, "learning_rate": 1e-4, "max_length": 64},
    }
    return General.model_validate(entry | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"architecture": "bert-tiny"},
            "teacher's 12 heads, found 2; set the architecture's heads to 12, and hidden",
        ),
        ({"architecture": "tinybert6"}, "no wider than its teacher, found hidden 768 for a teacher of 384"),
        ({"layer_map": [1, 2, 3, 7]}, "increasing layers from 1 to 6"),
        ({"train": {"epochs": 1, "learning_rate": 1e-4, "max_length": 600}}, "600 is above the 512 positions"),
    ],
)
def test_a_student_that_its_teacher_cannot_teach(changes, message):
    with pytest.raises(UserError, match=message):
        require_compatible(general(**changes), TEACHER)


@pytest.mark.parametrize(("epochs", "kept"), [(1, "1"), (2.0, "2"), (0.5, "0.5")])
def test_epochs_stand_in_the_lineage_as_they_are_written(epochs, kept):
    settings = general(train={"epochs": epochs, "learning_rate": 1e-4, "max_length": 64})
    assert json.dumps(settings.model_dump()["train"]["epochs"]) == kept


def test_a_student_that_fits():
    require_compatible(general(), TEACHER)
    other_heads = {"layers": 4, "hidden": 312, "heads": 6, "intermediate": 1200}
    require_compatible(general(architecture=other_heads, losses={"hidden": 1.0}), TEACHER)
    with pytest.raises(UserError):
        require_length(TEACHER, 513)


def test_a_teacher_of_a_family_whose_layers_come_in_blocks():
    """Funnel, of which transformers has two encoders, and whose layers cannot be counted out anew."""
    for losses in ({"relations": 1.0}, {"hidden": 1.0}):
        with pytest.raises(UserError) as error:
            require_compatible(general(losses=losses), FunnelConfig())
        assert "funnel model" in str(error.value)
        assert "\n" not in str(error.value)
