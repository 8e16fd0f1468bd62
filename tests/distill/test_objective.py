import pytest
import torch

from tests.tiny import tiny_bert
from tinybert.distill.losses import attention_loss, hidden_loss, soft_cross_entropy
from tinybert.distill.objective import TEACHER_LOGITS, DistillationObjective
from tinybert.distill.phase import fix_prediction_layer
from tinybert.distill.teacher import frozen_teacher
from tinybert.models.initialise import initialise_student
from tinybert.models.layer_map import layer_pairs
from tinybert.models.loading import head_config, load_classifier, load_encoder
from tinybert.models.student import StudentModel
from tinybert.params.models import Architecture

ALL = {"embedding": 1.0, "hidden": 2.0, "attention": 0.5}


@pytest.fixture
def batch():
    ids = torch.tensor([[2, 5, 6, 7, 8, 3], [2, 9, 3, 0, 0, 0]])
    return {
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
        "labels": torch.tensor([0, 1]),
        TEACHER_LOGITS: torch.tensor([[2.0, -1.0], [0.0, 0.5]]),
    }


@pytest.fixture
def teacher(tmp_path):
    return frozen_teacher(tiny_bert(tmp_path / "teacher"), torch.float32, records_scores=True)


@pytest.fixture
def student(tmp_path, teacher):
    shape = Architecture(layers=2, hidden=16, heads=2, intermediate=32)
    encoder, projections = initialise_student(load_encoder(tmp_path / "teacher"), shape, "random", seed=1)
    encoder.save_pretrained(tmp_path / "student")
    model = load_classifier(tmp_path / "student", new_head=head_config(["bad", "good"]))
    return StudentModel(model, projections, records_scores=True).eval()


def test_each_term_is_the_papers_loss_of_the_mapped_layers(teacher, student, batch):
    pairs = layer_pairs("uniform", 2, 3)
    assert pairs == {1: 2, 2: 3}
    terms = DistillationObjective(ALL, pairs, teacher)(student, batch)
    inputs, mask = {name: batch[name] for name in ("input_ids", "attention_mask")}, batch["attention_mask"]
    of_teacher = teacher(inputs, hidden=(0, 2, 3), scores=(2, 3), logits=False)
    of_student = student(inputs, hidden=(0, 1, 2), scores=(1, 2), logits=False)
    assert set(terms) == {"embedding", "hidden.1", "hidden.2", "attention.1", "attention.2"}
    torch.testing.assert_close(terms["embedding"], hidden_loss(of_student["hidden"][0], of_teacher["hidden"][0], mask))
    torch.testing.assert_close(terms["hidden.2"], hidden_loss(of_student["hidden"][2], of_teacher["hidden"][3], mask))
    expected = attention_loss(of_student["scores"][1], of_teacher["scores"][2], mask)
    torch.testing.assert_close(terms["attention.1"], expected)


def test_weights_follow_the_params(teacher):
    objective = DistillationObjective(ALL, {1: 2, 2: 3}, teacher)
    assert objective.weights == {
        "embedding": 1.0,
        "hidden.1": 2.0,
        "hidden.2": 2.0,
        "attention.1": 0.5,
        "attention.2": 0.5,
    }


def test_a_loss_at_weight_0_is_not_computed(teacher, student, batch):
    objective = DistillationObjective(ALL | {"attention": 0.0, "embedding": 0.0}, {1: 2, 2: 3}, teacher)
    assert set(objective(student, batch)) == set(objective.weights) == {"hidden.1", "hidden.2"}


def test_the_prediction_loss_is_soft_cross_entropy_with_the_cached_logits(student, batch):
    terms = DistillationObjective({"logits": 1.0}, {1: 2, 2: 3}, None, temperature=2.0)(student, batch)
    logits = student.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    torch.testing.assert_close(terms["logits"], soft_cross_entropy(logits, batch[TEACHER_LOGITS], 2.0))


def test_gradients_flow_to_the_student_and_its_projections_and_nowhere_else(teacher, student, batch):
    fix_prediction_layer(student.model)
    terms = DistillationObjective(ALL, {1: 2, 2: 3}, teacher)(student, batch)
    torch.stack(list(terms.values())).sum().backward()
    assert all(weight.grad is None for weight in teacher.parameters())
    without = {name for name, weight in student.named_parameters() if weight.grad is None}
    assert without == {
        "model.bert.pooler.dense.weight",
        "model.bert.pooler.dense.bias",
        "model.classifier.weight",
        "model.classifier.bias",
    }


def test_the_teacher_is_in_eval_mode(teacher, batch):
    """The reference leaves its dropout on; two passes would differ."""
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    first, second = (teacher(inputs, hidden=(3,), scores=(), logits=False)["hidden"][3] for _ in range(2))
    assert torch.equal(first, second)
    assert not teacher.training
