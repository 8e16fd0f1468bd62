"""What is left of a ModernBERT layer at a student's width; that nothing is lost at its own is in test_families."""

import pytest
import torch

from tests.families import family_model
from tinybert.models.initialise import initialise_student
from tinybert.params.architectures import Architecture

SHAPE = Architecture(layers=2, hidden=12, heads=2, intermediate=16)
THETA = {"full_attention": 160_000.0, "sliding_attention": 10_000.0}


@pytest.fixture
def teacher():
    """One whose normalisations are not the ones that a new model has."""
    teacher = family_model("modernbert").requires_grad_(False)
    generator = torch.Generator().manual_seed(3)
    for name, weight in teacher.named_parameters():
        if "norm" in name:
            weight.copy_(1 + 0.3 * torch.randn(weight.shape, generator=generator))
    return teacher


@pytest.fixture
def pruned(teacher):
    student, projections = initialise_student(teacher, SHAPE, "teacher-pruned", seed=0)
    return student.requires_grad_(False), projections.embedding.weight.detach()


def by_pairs(rows):
    """(heads, pairs, width) of complex numbers from a head's rows (heads × rows, width)."""
    return torch.complex(*rows.unflatten(0, (2, -1)).chunk(2, dim=1))


@pytest.mark.parametrize(("m", "g"), [(1, 2), (2, 3)])
def test_whole_rotary_pairs_stay_which_turn_as_fast_as_the_students(teacher, pruned, m, g):
    """Of 6 pairs in a head every second: θ^(−2·2p/12) = θ^(−2p/6). So the student's scores are theirs, however far."""
    student, basis = pruned
    source, target = teacher.layers[g - 1], student.layers[m - 1]
    assert source.attention_type == target.attention_type
    x, y = torch.randn(2, 12, generator=torch.Generator().manual_seed(0)).to(torch.complex64)
    # the first layer reads embeddings that are normalised already, and scaled
    size = teacher.embeddings.norm.weight.square().mean().sqrt() if m == 1 else 1.0
    of_source, of_target = source.attn.Wqkv.weight * source.attn_norm.weight / size @ basis, target.attn.Wqkv.weight
    for distance in (0, 1, 7):

        def scores(weight, pairs, of, width, distance=distance):
            query, key = (by_pairs(rows)[:, pairs] for rows in weight.chunk(3)[:2])
            turn = torch.exp(1j * distance * THETA[source.attention_type] ** (-2 * torch.arange(of)[pairs] / (2 * of)))
            return ((query @ x) * turn * (key @ y).conj()).sum(1).real / width**0.5

        expected = scores(of_source, slice(0, 6, 2), 6, 12)
        torch.testing.assert_close(scores(of_target, slice(None), 3, 6), expected, rtol=1e-4, atol=1e-5)


def test_the_neurons_that_stay_are_those_that_matter(teacher):
    source = teacher.layers[2]
    source.mlp.Wi.weight[48 + 16 :] = 0  # the gates of all neurons but 16
    shape = Architecture(layers=3, hidden=24, heads=2, intermediate=16)
    student, projections = initialise_student(teacher, shape, "teacher-pruned", seed=0)
    torch.testing.assert_close(projections.embedding.weight, torch.eye(24))
    x = torch.randn(4, 24, generator=torch.Generator().manual_seed(0))
    target = student.layers[2]
    with torch.no_grad():
        torch.testing.assert_close(target.mlp(target.mlp_norm(x)), source.mlp(source.mlp_norm(x)))
