import re

import pytest
import torch

from tests.families import FAMILIES, family_model
from tests.tiny import tiny_bert
from tinybert.distill.losses.baselines import cls_loss, cosine_loss, masked_lm_loss, relation_loss, vocabulary_loss
from tinybert.distill.losses.objective import DistillationObjective
from tinybert.distill.losses.paper import attention_loss, hidden_loss, soft_binary_cross_entropy, soft_cross_entropy
from tinybert.models.initialise import initialise_student, with_masked_head
from tinybert.models.loading import head_config, load_classifier, load_encoder, load_masked_lm
from tinybert.models.signals import SignalModel, StudentModel, frozen_teacher
from tinybert.params.architectures import Architecture
from tinybert.tokens.encoding import TEACHER_LOGITS, model_inputs
from tinybert.tokens.masking import MASKED_LABELS

SHAPE = Architecture(layers=2, hidden=16, heads=2, intermediate=32)
ALL = {"embedding": 1.0, "hidden": 2.0, "attention": 0.5}
SCORED = {
    "distilbert": {"q_lin", "k_lin"},
    "mpnet": {"q", "k"},
    "deberta": {"in_proj", "q_bias", "pos_proj", "pos_q_proj"},
    "deberta-v2": {"query_proj", "key_proj"},
    "modernbert": {"Wqkv"},
}
"""The modules that make a layer's attention scores, in families that don't call them query and key."""


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
    encoder, projections = initialise_student(load_encoder(tmp_path / "teacher"), SHAPE, "random", seed=1)
    encoder.save_pretrained(tmp_path / "student")
    model = load_classifier(tmp_path / "student", new_head=head_config(["bad", "good"]))
    return StudentModel(model, projections, records_scores=True).eval()


@pytest.fixture
def masked(tmp_path, batch):
    """Teacher and student with masked-language heads, and a batch with masked tokens."""
    folder = tiny_bert(tmp_path / "masked", head=True)
    teacher = frozen_teacher(folder, torch.float32, records_scores=False, masked_head=True)
    encoder, projections = initialise_student(load_encoder(folder), SHAPE, "random", seed=1)
    student = StudentModel(with_masked_head(encoder, load_masked_lm(folder)), projections, records_scores=False).eval()
    labels = torch.full_like(batch["input_ids"], -100)
    labels[0, 2], labels[0, 4], labels[1, 1] = 6, 8, 9
    return teacher, student, batch | {MASKED_LABELS: labels}


def reached(objective, student, batch):
    """The names of the weights that gradients flow to; none is the teacher's."""
    torch.stack(list(objective(student, batch).values())).sum().backward()
    assert objective.teacher is None or all(weight.grad is None for weight in objective.teacher.parameters())
    return {name for name, weight in student.named_parameters() if weight.grad is not None}


def named(student, without):
    """The names of all weights but those in which one of the words occurs."""
    return {name for name, _ in student.named_parameters() if not any(word in name for word in without)}


def test_each_term_is_the_loss_of_the_mapped_layers(teacher, student, batch):
    losses = ALL | {"relations": 1.0, "cls": 1.0, "cosine": 1.0}
    terms = DistillationObjective(losses, {1: 2, 2: 3}, teacher, relation_heads=8)(student, batch)
    inputs, mask = model_inputs(batch), batch["attention_mask"]
    of_student = student(inputs, hidden=(0, 1, 2), scores=(1, 2), vectors=(1, 2))
    of_teacher = teacher(inputs, hidden=(0, 2, 3), scores=(2, 3), vectors=(2, 3))

    def compared(signal, m, g):
        return of_student[signal][m], of_teacher[signal][g]

    expected = {
        "embedding": hidden_loss(*compared("hidden", 0, 0), mask),
        "cosine": cosine_loss(*compared("hidden", 2, 3), mask),  # projected: other widths
    }
    for m, g in {1: 2, 2: 3}.items():
        hidden = compared("hidden", m, g)
        expected[f"hidden.{m}"] = hidden_loss(*hidden, mask)
        expected[f"attention.{m}"] = attention_loss(*compared("scores", m, g), mask)
        expected[f"relations.{m}"] = relation_loss(*compared("vectors", m, g), mask, 8)
        expected[f"cls.{m}"] = cls_loss(*(states[:, 0] for states in hidden))
    assert terms.keys() == expected.keys()
    torch.testing.assert_close(terms, expected)
    assert not teacher.training  # the reference leaves its dropout on


def test_weights_follow_the_params(teacher):
    """Each layer has the whole of it, as equation 6 says; only PKD's is a mean over the layers."""
    objective = DistillationObjective(ALL | {"cls": 100.0, "attention": 0.0}, {1: 2, 2: 3}, teacher)
    assert objective.weights == {"cls.1": 50.0, "cls.2": 50.0, "embedding": 1.0, "hidden.1": 2.0, "hidden.2": 2.0}
    assert objective.comparisons.keys() == objective.weights.keys()  # at weight 0 nothing is computed


def test_the_prediction_loss_is_soft_cross_entropy_with_the_cached_logits(student, batch):
    terms = DistillationObjective({"logits": 1.0}, {1: 2, 2: 3}, None, temperature=2.0)(student, batch)
    logits = student.model(**model_inputs(batch)).logits
    torch.testing.assert_close(terms["logits"], soft_cross_entropy(logits, batch[TEACHER_LOGITS], 2.0))


@pytest.mark.parametrize(
    ("losses", "unreached"),
    [(ALL, ["pooler", "classifier"]), ({"logits": 1.0}, ["projections"]), ({"labels": 1.0}, ["projections"])],
    ids=["layers", "logits", "labels"],
)
def test_gradients_flow_to_the_student_and_its_projections_and_nowhere_else(teacher, student, batch, losses, unreached):
    found = reached(DistillationObjective(losses, {1: 2, 2: 3}, teacher), student, batch)
    assert found == named(student, without=unreached)


@pytest.mark.parametrize("loss", ["mlm", "vocabulary"])
def test_gradients_of_masked_predictions_reach_trunk_and_head_and_no_projection(masked, loss):
    teacher, student, batch = masked
    found = reached(DistillationObjective({loss: 1.0}, {1: 2, 2: 3}, teacher), student, batch)
    assert found == named(student, without=["projections", "pooler"])


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_of_attention_in_every_family(family, batch):
    teacher = family_model(family).requires_grad_(False)
    encoder, projections = initialise_student(teacher, SHAPE, "random", seed=1)
    student = StudentModel(encoder.eval(), projections, records_scores=True)
    objective = DistillationObjective({"attention": 1.0}, {1: 2}, SignalModel(teacher, records_scores=True))
    found = reached(objective, student, batch)
    in_layers = {name for name in found if re.search(r"layers?\.\d", name)}
    modules = {name.removesuffix(".weight").removesuffix(".bias").rpartition(".")[2] for name in in_layers}
    assert modules == SCORED.get(family, {"query", "key"})
    assert all(re.search(r"layers?\.0\.", name) for name in in_layers)
    if family == "deberta":  # one matrix for all three, (heads × 3 × width of a head, width)
        joint = encoder.encoder.layer[0].attention.self.in_proj.weight.grad.view(2, 3, 8, 16)
        assert [joint[:, part].any().item() for part in range(3)] == [True, True, False]
    if family == "modernbert":  # its first layer reads the embeddings as they are
        assert [part.any().item() for part in encoder.layers[0].attn.Wqkv.weight.grad.chunk(3)] == [True, True, False]
    assert encoder.get_input_embeddings().weight.grad.any()
    assert found.isdisjoint(f"projections.{name}" for name, _ in projections.named_parameters())


@pytest.fixture
def local():
    """A ModernBERT of three layers, the second with a window of two tokens to either side, and a student of two."""
    teacher = family_model("modernbert", head=True).requires_grad_(False)
    encoder, projections = initialise_student(teacher.base_model, SHAPE, "random", seed=1)
    torch.nn.init.normal_(encoder.get_input_embeddings().weight)
    assert encoder.config.layer_types == ["sliding_attention", "full_attention"]
    student = StudentModel(with_masked_head(encoder.eval(), teacher), projections, records_scores=True).eval()
    return SignalModel(teacher, records_scores=True), student


@pytest.mark.parametrize(("m", "g"), [(1, 2), (1, 3), (2, 2), (2, 3)])
def test_pairs_that_a_local_layer_does_not_see_are_no_part_of_the_loss(local, batch, m, g):
    """Worked out pair by pair: of 6 tokens 24 of 36 pairs are at most two apart, and all 9 of the text of 3."""
    teacher, student = local
    inputs = model_inputs(batch)
    with torch.no_grad():
        found = DistillationObjective({"attention": 1.0}, {m: g}, teacher)(student, batch)[f"attention.{m}"]
        error = student(inputs, scores=(m,))["scores"][m] - teacher(inputs, scores=(g,))["scores"][g]
    means, counts = [], []
    for example, length in enumerate((6, 3)):
        counted = [(i, j) for i in range(length) for j in range(length) if abs(i - j) <= 2 or (m, g) == (2, 3)]
        counts.append(len(counted))
        means.append(sum(error[example, :, i, j].square().mean() for i, j in counted) / len(counted))
    assert counts == ([36, 9] if (m, g) == (2, 3) else [24, 9])
    torch.testing.assert_close(found, sum(means) / 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_padding_changes_no_loss_of_models_with_local_layers(local, batch, dtype):
    teacher, student = local
    teacher.model.to(dtype)
    names = ("embedding", "hidden", "attention", "relations", "cls", "cosine", "mlm", "vocabulary")
    objective = DistillationObjective(dict.fromkeys(names, 1.0), {1: 2, 2: 3}, teacher, relation_heads=8)
    batch |= {MASKED_LABELS: torch.where(batch["input_ids"] == 6, 7, -100)}
    batch = {name: tensor[:1] for name, tensor in batch.items()}
    ends = {"input_ids": student.model.config.pad_token_id, "attention_mask": 0, MASKED_LABELS: -100}
    padded = batch | {name: torch.nn.functional.pad(batch[name], (0, 5), value=end) for name, end in ends.items()}
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        alone, beside = objective(student, batch), objective(student, padded)
    assert all(term.isfinite() and term > 0 for term in alone.values())
    exact = {} if dtype == torch.float32 else {"rtol": 0.05, "atol": 0.02}
    torch.testing.assert_close(beside, alone, **exact)


@pytest.mark.parametrize(
    ("loss", "projections"),
    [
        ("relations", set()),
        ("cls", {"hidden.0.weight"}),
        ("hidden", {"hidden.0.weight"}),
        ("embedding", {"embedding.weight"}),
        ("cosine", {"hidden.1.weight"}),
    ],
)
def test_gradients_of_one_loss_reach_the_mapped_layers_and_the_projections_in_use(
    teacher, student, batch, loss, projections
):
    found = reached(DistillationObjective({loss: 1.0}, {1: 2}, teacher, relation_heads=8), student, batch)
    assert {name.removeprefix("projections.") for name in found if name.startswith("projections.")} == projections
    trunk = {name.removeprefix("model.bert.") for name in found if name.startswith("model.bert.")}
    assert "embeddings.word_embeddings.weight" in trunk
    first, second = (any(name.startswith(f"encoder.layer.{m}.") for name in trunk) for m in (0, 1))
    assert (first, second) == (loss != "embedding", loss == "cosine")
    assert not any("pooler" in name or "classifier" in name for name in found)


def test_masked_predictions_are_those_of_the_whole_sequence(masked):
    teacher, student, batch = masked
    inputs, labels = model_inputs(batch), batch[MASKED_LABELS]
    objective = DistillationObjective({"mlm": 2.0, "vocabulary": 5.0, "cosine": 1.0}, {}, teacher, temperature=2.0)
    logits, of_teacher = (model.model(**inputs).logits[labels != -100] for model in (student, teacher))
    last = [model(inputs, states=(-1,))["states"][-1] for model in (student, teacher)]
    expected = {
        "cosine": cosine_loss(*last, inputs["attention_mask"]),
        "mlm": masked_lm_loss(logits, labels),
        "vocabulary": vocabulary_loss(logits, of_teacher, labels != -100, 2.0),
    }
    terms = objective(student, batch)
    assert terms.keys() == expected.keys() == objective.weights.keys()
    torch.testing.assert_close(terms, expected)


def test_equal_widths_need_no_projection_for_cls_and_cosine(tmp_path, teacher, batch):
    encoder, projections = initialise_student(
        load_encoder(tmp_path / "teacher"), SHAPE.model_copy(update={"hidden": 24}), "random", seed=1
    )
    objective = DistillationObjective({"cls": 1.0, "cosine": 1.0}, {1: 2}, teacher)
    found = reached(objective, StudentModel(encoder, projections, records_scores=False), batch)
    assert not any("projections" in name for name in found)


def test_masked_losses_of_a_batch_in_which_nothing_is_masked_are_0(masked):
    teacher, student, batch = masked
    nothing = batch | {MASKED_LABELS: torch.full_like(batch["input_ids"], -100)}
    terms = DistillationObjective({"mlm": 1.0, "vocabulary": 1.0}, {}, teacher, temperature=2.0)(student, nothing)
    assert {name: term.item() for name, term in terms.items()} == {"mlm": 0, "vocabulary": 0}
    torch.stack(list(terms.values())).sum().backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in student.parameters())


def test_a_multilabel_task_of_one_label_is_no_regression(tmp_path, batch):
    classifier = load_classifier(tiny_bert(tmp_path / "one"), new_head=head_config(["rainy"], multilabel=True))
    teacher = torch.tensor([[2.0], [-1.0]])
    objective = DistillationObjective({"logits": 1.0}, {}, None, temperature=2.0, multilabel=True)
    term = objective(SignalModel(classifier, records_scores=False), batch | {TEACHER_LOGITS: teacher})["logits"]
    logits = classifier(**model_inputs(batch)).logits
    torch.testing.assert_close(term, soft_binary_cross_entropy(logits, teacher, 2.0))
