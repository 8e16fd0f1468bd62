import os
import subprocess
import sys

import pytest
import torch

from tests.models.test_initialise import SHAPE
from tests.tiny import tiny_bert
from tinybert.models.initialise import initialise_student
from tinybert.models.loading import load_encoder
from tinybert.models.narrowing import principal_directions, prune_layer, strongest_dimensions
from tinybert.models.shape import student_config
from tinybert.params.architectures import Architecture

OF_TEACHER = Architecture(layers=3, hidden=24, heads=2, intermediate=48)
IDS = torch.tensor([[2, 5, 6, 7, 3], [2, 8, 6, 9, 3]])


@pytest.fixture
def teacher(tmp_path):
    """A tiny one whose biases and normalisations are not the zeros and ones that a new model has."""
    teacher = load_encoder(tiny_bert(tmp_path / "bert"))
    generator = torch.Generator().manual_seed(3)
    for name, weight in teacher.requires_grad_(False).named_parameters():
        if weight.ndim == 1:
            weight.copy_(("LayerNorm.weight" in name) + 0.3 * torch.randn(weight.shape, generator=generator))
    return teacher


def states(model):
    with torch.no_grad():
        return model.eval()(IDS, output_hidden_states=True).hidden_states


def test_a_student_as_large_as_its_teacher_computes_the_same(teacher):
    student, projections = initialise_student(teacher, OF_TEACHER, "teacher-pruned", seed=0)
    for layer, (found, expected) in enumerate(zip(states(student), states(teacher), strict=True)):
        torch.testing.assert_close(projections(layer, found), expected, atol=1e-5, rtol=1e-4)


def test_each_layer_starts_as_the_one_of_the_uniform_map(teacher):
    """Two layers of three: ⌈1.5⌉ = 2 and 3. At equal width the first is the teacher's second, on the embeddings."""
    student, _ = initialise_student(teacher, OF_TEACHER.model_copy(update={"layers": 2}), "teacher-pruned", seed=0)
    student.eval()
    embedded = states(teacher)[0]
    for m, g in ((0, 1), (1, 2)):
        with torch.no_grad():
            found, expected = student.encoder.layer[m](embedded), teacher.encoder.layer[g](embedded)
        found, expected = (x[0] if isinstance(x, tuple) else x for x in (found, expected))
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_the_dimensions_that_stay_are_those_of_the_largest_embeddings(teacher):
    teacher.embeddings.word_embeddings.weight[:, [1, 4]] *= 100
    words = teacher.embeddings.word_embeddings.weight
    basis = strongest_dimensions(words, 16)
    kept = basis.argmax(0)
    assert {1, 4} <= set(kept.tolist())
    assert kept.tolist() == sorted(words.square().sum(0).topk(16).indices.tolist())
    student, projections = initialise_student(teacher, SHAPE, "teacher-pruned", seed=0)
    assert torch.equal(student.embeddings.word_embeddings.weight, words[:, kept])
    of_student, of_teacher = (model.embeddings.position_embeddings.weight for model in (student, teacher))
    assert torch.equal(of_student, of_teacher[:, kept])
    of_student, of_teacher = student.encoder.layer[1].output.LayerNorm, teacher.encoder.layer[2].output.LayerNorm
    assert torch.equal(of_student.bias, of_teacher.bias[kept])
    for projection in (projections.embedding, *projections.hidden):
        assert torch.equal(projection.weight, basis)


def test_scores_and_values_are_the_best_of_their_rank(teacher):
    """By hand for one head: the singular value decomposition of the bilinear form, cut to the student's head width."""
    student, _ = initialise_student(teacher, SHAPE, "teacher-pruned", seed=0)
    source, target = teacher.encoder.layer[1].attention, student.encoder.layer[0].attention
    basis = strongest_dimensions(teacher.embeddings.word_embeddings.weight, 16)
    x, y = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
    head, cut = slice(12, 24), slice(8, 16)  # the second of two heads, 12 wide in the teacher and 8 in the student

    def with_one(states):
        return torch.cat([states, torch.ones(len(states), 1)], 1)

    def best(matrix, rank):
        u, s, v = torch.linalg.svd(matrix)
        return u[:, :rank] @ torch.diag(s[:rank]) @ v[:rank]

    wq, wk = (torch.cat([m.weight[head] @ basis, m.bias[head, None]], 1) for m in (source.self.query, source.self.key))
    expected = with_one(x) @ best(wq.T @ wk, 8) @ with_one(y).T / 12**0.5
    found = target.self.query(x)[:, cut] @ target.self.key(y)[:, cut].T / 8**0.5
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    expected = best(basis.T @ source.output.dense.weight[:, head] @ source.self.value.weight[head] @ basis, 8) @ x.T
    found = target.output.dense.weight[:, cut] @ target.self.value.weight[cut] @ x.T
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_the_neurons_that_stay_are_those_that_matter(teacher):
    source = teacher.encoder.layer[1]
    source.output.dense.weight[:, 16:] = 0  # what these 32 neurons compute goes nowhere
    small = type(source)(student_config(teacher.config, OF_TEACHER.model_copy(update={"intermediate": 16}))).eval()
    prune_layer(source, small, torch.eye(24), heads=2)
    x = torch.randn(1, 4, 24, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        inner = source.output.dense(torch.nn.functional.gelu(source.intermediate.dense(x)))
        torch.testing.assert_close(small.output.dense(torch.nn.functional.gelu(small.intermediate.dense(x))), inner)


STARTS = """
import hashlib, sys
from pathlib import Path
from transformers import BertConfig, BertModel
import torch
from tinybert.models.initialise import initialise_student
from tinybert.params.architectures import Architecture

torch.set_num_threads(int(sys.argv[1]))
shape = {"hidden_size": 192, "num_attention_heads": 4, "intermediate_size": 512, "num_hidden_layers": 2}
teacher = BertModel(BertConfig(vocab_size=3000, **shape))
generator = torch.Generator().manual_seed(0)
for weight in teacher.parameters():
    weight.data = torch.randn(weight.shape, generator=generator)
for start in ("teacher-svd", "teacher-pruned"):
    shape = Architecture(layers=2, hidden=96, heads=4, intermediate=256)
    student, projections = initialise_student(teacher, shape, start, 0)
    assert torch.get_num_threads() == int(sys.argv[1])
    weights = [*student.parameters(), *projections.parameters()]
    print(hashlib.sha256(b"".join(weight.detach().numpy().tobytes() for weight in weights)).hexdigest())
"""


def test_the_number_of_threads_changes_no_start():
    found = [
        subprocess.run(
            [sys.executable, "-c", STARTS, threads], env=os.environ | {"OMP_NUM_THREADS": threads},
            capture_output=True, text=True, check=True,
        ).stdout
        for threads in ("1", "2")
    ]  # fmt: skip
    assert len(found[0].split()) == 2
    assert found[0] == found[1]


def test_singular_vectors_have_their_largest_entry_positive(teacher):
    words = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    basis = principal_directions(words, 5)
    assert (basis.gather(0, basis.abs().argmax(0, keepdim=True)) > 0).all()
    student, _ = initialise_student(teacher, SHAPE, "teacher-pruned", seed=0)
    attention = student.encoder.layer[0].attention.self
    for part in (attention.key, attention.value):
        rows = torch.cat([part.weight, part.bias[:, None]], 1)
        assert (rows.gather(1, rows.abs().argmax(1, keepdim=True)) > 0).all()
