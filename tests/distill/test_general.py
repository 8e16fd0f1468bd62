import json

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import BertConfig, ElectraConfig, ElectraForMaskedLM, FunnelConfig

from tests.distill.conftest import general
from tests.tiny import VOCABULARY, tiny_bert, tiny_job, tiny_tokenizer, weather_rows
from tinybert.distill.general import distill_general_student, require_compatible, require_compatible_folders
from tinybert.errors import UserError
from tinybert.models.loading import load_encoder
from tinybert.params.general import GeneralLosses

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


def test_a_small_encoder_of_another_family_and_width_is_a_start(tmp_path):
    """An ELECTRA of 16, pretrained elsewhere on the same tokens, under a BERT of 24; every loss is computed."""
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    small = ElectraConfig(**shape, embedding_size=8, vocab_size=len(VOCABULARY), max_position_embeddings=32)
    ElectraForMaskedLM(small).save_pretrained(tmp_path / "small")
    tiny_tokenizer().save_pretrained(tmp_path / "small")
    teacher = tiny_bert(tmp_path / "bert", head=True)
    weather_rows(40)[["text"]].to_parquet(tmp_path / "texts.parquet")
    losses = dict.fromkeys(GeneralLosses.model_fields, 1.0)
    for name, settings in (("as-it-is", {}), ("distilled", {"losses": losses, "relation_heads": 8})):
        (tmp_path / name).mkdir()
        job = tiny_job(tmp_path / name, tmp_path / name / "curves")
        settings = general(initialise="start", start="small", **settings)
        distill_general_student(settings, tmp_path, teacher, job, tmp_path / "small")
    start, found, distilled = (load_encoder(tmp_path / name) for name in ("small", "as-it-is", "distilled"))
    assert all(map(torch.equal, start.parameters(), found.parameters()))
    assert type(distilled) is type(start)
    assert not torch.equal(*(model.embeddings_project.weight for model in (start, distilled)))
    curves = pd.read_csv(tmp_path / "distilled/curves/losses.csv")
    assert {"embedding", "hidden.2", "attention.2", "relations.2", "cls.2", "mlm", "vocabulary", "cosine"} <= set(
        curves
    )
    assert np.isfinite(curves.to_numpy(float)).all()


@pytest.mark.parametrize(("epochs", "kept"), [(1, "1"), (2.0, "2"), (0.5, "0.5")])
def test_epochs_stand_in_the_lineage_as_they_are_written(epochs, kept):
    settings = general(losses={"hidden": 1.0}, train=training(epochs))
    assert json.dumps(settings.model_dump()["train"]["epochs"]) == kept
