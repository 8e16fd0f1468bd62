import json

import pytest
from transformers import BertConfig, FunnelConfig

from tests.distill.conftest import general
from tests.tiny import tiny_bert
from tinybert.distill.general import require_compatible, require_compatible_folders
from tinybert.errors import UserError

TEACHER = BertConfig(num_hidden_layers=6, hidden_size=384, num_attention_heads=12, intermediate_size=1536)
OF_SCORES = {"architecture": "tinybert4", "initialise": "teacher-svd", "losses": {"attention": 1.0}}


def training(epochs=1, max_length=64):
    return {"epochs": epochs, "learning_rate": 1e-4, "max_length": max_length}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "bert-tiny"}, "teacher's 12 heads, found 2; set the architecture's heads to 12, and hidden"),
        ({"architecture": "tinybert6"}, "no wider than its teacher, found hidden 768 for a teacher of 384"),
        ({"layer_map": [1, 2, 3, 7]}, "increasing layers from 1 to 6"),
        ({"train": training(max_length=600)}, "600 is above the 512 positions"),
    ],
)
def test_a_student_that_its_teacher_cannot_teach(changes, message):
    require_compatible(general(**OF_SCORES), TEACHER)
    with pytest.raises(UserError, match=message):
        require_compatible(general(**OF_SCORES | changes), TEACHER)


def test_a_teacher_of_a_family_whose_layers_come_in_blocks():
    """Funnel, of which transformers has two encoders, and whose layers cannot be counted out anew."""
    for losses in ({"relations": 1.0}, {"hidden": 1.0}):
        with pytest.raises(UserError, match=r"^[^\n]*funnel model[^\n]*$"):
            require_compatible(general(**OF_SCORES | {"losses": losses, "relation_heads": 12}), FunnelConfig())


def test_the_triple_loss_needs_a_head(tmp_path):
    teacher, settings = tiny_bert(tmp_path / "headless"), general(losses={"mlm": 2.0, "vocabulary": 5.0, "cosine": 1.0})
    with pytest.raises(UserError, match="mlm and vocabulary need a teacher with a masked-language head"):
        require_compatible_folders(settings, teacher, teacher)


@pytest.mark.parametrize(("epochs", "kept"), [(1, "1"), (2.0, "2"), (0.5, "0.5")])
def test_epochs_stand_in_the_lineage_as_they_are_written(epochs, kept):
    settings = general(losses={"hidden": 1.0}, train=training(epochs))
    assert json.dumps(settings.model_dump()["train"]["epochs"]) == kept
