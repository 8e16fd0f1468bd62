import pytest
import torch

from tests.tiny import tiny_bert
from tinybert.distill.baseline_losses import cls_loss, cosine_loss, masked_lm_loss, relation_loss, vocabulary_loss
from tinybert.distill.losses import attention_loss, hidden_loss, soft_cross_entropy
from tinybert.distill.objective import TEACHER_LOGITS, DistillationObjective
from tinybert.distill.phase import fix_prediction_layer
from tinybert.distill.teacher import frozen_teacher
from tinybert.models.initialise import initialise_student
from tinybert.models.layer_map import layer_pairs
from tinybert.models.loading import head_config, load_classifier, load_encoder, load_masked_lm
from tinybert.models.masked_head import with_masked_head
from tinybert.models.student import StudentModel
from tinybert.params.models import Architecture
from tinybert.text.masking import MASKED_LABELS

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


def test_relations_cls_and_cosine_compare_the_mapped_layers(teacher, student, batch):
    losses = {"relations": 1.0, "cls": 1.0, "cosine": 1.0}
    terms = DistillationObjective(losses, {1: 2}, teacher, relation_heads=8)(student, batch)
    assert set(terms) == {"relations.1", "cls.1", "cosine"}
    inputs, mask = {name: batch[name] for name in ("input_ids", "attention_mask")}, batch["attention_mask"]
    of_teacher, of_student = (
        model(inputs, hidden=layers, vectors=layers[:1]) for model, layers in ((teacher, (2, 3)), (student, (1, 2)))
    )
    expected = {
        "relations.1": relation_loss(of_student["vectors"][1], of_teacher["vectors"][2], mask, 8),
        "cls.1": cls_loss(of_student["hidden"][1][:, 0], of_teacher["hidden"][2][:, 0]),  # projected: other widths
        "cosine": cosine_loss(of_student["hidden"][2], of_teacher["hidden"][3], mask),
    }
    for name, term in terms.items():
        torch.testing.assert_close(term, expected[name])


def test_equal_widths_need_no_projection_for_cls_and_cosine(tmp_path, teacher, batch):
    shape = Architecture(layers=2, hidden=24, heads=2, intermediate=32)
    encoder, projections = initialise_student(load_encoder(tmp_path / "teacher"), shape, "random", seed=1)
    model = StudentModel(encoder, projections, records_scores=False)
    objective = DistillationObjective({"cls": 1.0, "cosine": 1.0}, {1: 2}, teacher)
    torch.stack(list(objective(model, batch).values())).sum().backward()
    assert all(weight.grad is None for weight in projections.parameters())


@pytest.mark.parametrize(
    ("losses", "projections"),
    [
        ({"relations": 1.0}, set()),
        ({"cls": 1.0}, {"hidden.0.weight"}),
        ({"hidden": 1.0}, {"hidden.0.weight"}),
        ({"embedding": 1.0}, {"embedding.weight"}),
        ({"cosine": 1.0}, {"hidden.1.weight"}),
    ],
)
def test_gradients_of_one_loss_reach_the_mapped_layers_and_the_projections_in_use(
    teacher, student, batch, losses, projections
):
    fix_prediction_layer(student.model)
    objective = DistillationObjective(losses, {1: 2}, teacher, relation_heads=8)
    torch.stack(list(objective(student, batch).values())).sum().backward()
    reached = {name for name, weight in student.named_parameters() if weight.grad is not None}
    assert {name.removeprefix("projections.") for name in reached if name.startswith("projections.")} == projections
    trunk = {name.removeprefix("model.bert.") for name in reached if name.startswith("model.bert.")}
    assert "embeddings.word_embeddings.weight" in trunk
    first, second = (any(name.startswith(f"encoder.layer.{m}.") for name in trunk) for m in (0, 1))
    assert (first, second) == ("embedding" not in losses, "cosine" in losses)
    assert not any("pooler" in name or "classifier" in name for name in reached)
    assert all(weight.grad is None for weight in teacher.parameters())


def test_masked_predictions_are_those_of_the_whole_sequence(tmp_path, batch):
    folder = tiny_bert(tmp_path / "masked", head=True)
    teacher = frozen_teacher(folder, torch.float32, records_scores=False, masked_head=True)
    shape = Architecture(layers=2, hidden=16, heads=2, intermediate=32)
    encoder, projections = initialise_student(load_encoder(folder), shape, "random", seed=1)
    student = StudentModel(with_masked_head(encoder, load_masked_lm(folder)), projections, records_scores=False).eval()
    labels = torch.full_like(batch["input_ids"], -100)
    labels[0, 2], labels[0, 4], labels[1, 1] = 6, 8, 9
    losses = {"mlm": 2.0, "vocabulary": 5.0, "cosine": 1.0}
    objective = DistillationObjective(losses, {}, teacher, temperature=2.0)
    terms = objective(student, batch | {MASKED_LABELS: labels})
    inputs, masked = {name: batch[name] for name in ("input_ids", "attention_mask")}, labels != -100
    logits = student.model(**inputs).logits[masked]
    torch.testing.assert_close(terms["mlm"], masked_lm_loss(logits, labels))
    expected = vocabulary_loss(logits, teacher.model(**inputs).logits[masked], masked, 2.0)
    torch.testing.assert_close(terms["vocabulary"], expected)
    last = [model(inputs, states=(-1,))["states"][-1] for model in (student, teacher)]
    assert last[0].shape == last[1].shape == (2, 6, 24)
    torch.testing.assert_close(terms["cosine"], cosine_loss(*last, inputs["attention_mask"]))
    assert set(objective.weights) == set(terms)
    torch.stack(list(terms.values())).sum().backward()
    assert student.model.cls.predictions.transform.dense.weight.grad is not None
    assert all(weight.grad is None for weight in teacher.parameters())
