import torch
from transformers import BertConfig, BertForSequenceClassification, BertModel

from tests.tiny import tiny_bert
from tinybert.models.initialise import initialise_student, principal_directions, student_config
from tinybert.models.loading import load_encoder
from tinybert.params.models import ARCHITECTURES, Architecture

SHAPE = Architecture(layers=2, hidden=16, heads=2, intermediate=32)


def test_tinybert4_has_the_papers_parameters():
    """14,350,248 with the pooler, 14,350,874 with a two-class head, for BERT's uncased vocabulary and 512 positions."""
    config = student_config(BertConfig(), ARCHITECTURES["tinybert4"])
    assert (config.vocab_size, config.max_position_embeddings) == (30522, 512)
    with torch.device("meta"):
        assert BertModel(config).num_parameters() == 14_350_248
        assert BertForSequenceClassification(config).num_parameters() == 14_350_874


def test_tinybert6_has_the_papers_parameters():
    with torch.device("meta"):
        assert BertModel(student_config(BertConfig(), ARCHITECTURES["tinybert6"])).num_parameters() == 66_955_008


def test_random_start_is_a_function_of_the_seed(tmp_path):
    teacher = load_encoder(tiny_bert(tmp_path / "bert"))
    first, again, other = (initialise_student(teacher, SHAPE, "random", seed)[0] for seed in (1, 1, 2))
    word = "embeddings.word_embeddings.weight"
    assert torch.equal(first.state_dict()[word], again.state_dict()[word])
    assert not torch.equal(first.state_dict()[word], other.state_dict()[word])


def test_teacher_svd_keeps_what_the_width_can_hold(tmp_path):
    """Projected and back, the embeddings are the teacher's best approximation of that rank (Eckart-Young)."""
    teacher = load_encoder(tiny_bert(tmp_path / "bert"))
    student, projections = initialise_student(teacher, SHAPE, "teacher-svd", seed=0)
    original = teacher.embeddings.word_embeddings.weight.detach()
    restored = projections.embedding(student.embeddings.word_embeddings.weight).detach()
    u, s, v = torch.linalg.svd(original, full_matrices=False)
    best = u[:, :16] @ torch.diag(s[:16]) @ v[:16]
    torch.testing.assert_close(restored, best, atol=1e-4, rtol=1e-3)


def test_teacher_svd_takes_positions_and_token_types_along(tmp_path):
    teacher = load_encoder(tiny_bert(tmp_path / "bert"))
    student, _ = initialise_student(teacher, SHAPE, "teacher-svd", seed=0)
    basis = principal_directions(teacher.embeddings.word_embeddings.weight, 16)
    for name in ("position_embeddings", "token_type_embeddings"):
        expected = getattr(teacher.embeddings, name).weight @ basis
        torch.testing.assert_close(getattr(student.embeddings, name).weight, expected)


def test_the_student_keeps_vocabulary_and_positions_of_its_teacher(tmp_path):
    teacher = load_encoder(tiny_bert(tmp_path / "bert"))
    student, projections = initialise_student(teacher, SHAPE, "random", seed=0)
    assert student.config.vocab_size == teacher.config.vocab_size
    assert student.config.max_position_embeddings == teacher.config.max_position_embeddings
    assert [tuple(layer.weight.shape) for layer in projections.hidden] == [(24, 16), (24, 16)]
