"""The other papers' losses against numbers worked out by hand, and against what a batch must not change."""

from functools import partial

import numpy as np
import pytest
import torch

from tinybert.distill.losses.baselines import cls_loss, cosine_loss, masked_lm_loss, relation_loss, vocabulary_loss


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def test_relation_loss_by_hand():
    """Two real tokens and one of padding; the student's width is 2, the teacher's 4, both cut into two heads."""
    student = np.array([[1.0, 0.0], [0.0, 2.0], [9.0, 9.0]])
    teacher = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 2.0], [9.0, 9.0, 9.0, 9.0]])
    # Scores of the real tokens, by head: the student's heads have width 1, the teacher's width 2.
    of_student = [softmax(np.array([[1.0, 0.0], [0.0, 0.0]])), softmax(np.array([[0.0, 0.0], [0.0, 4.0]]))]
    of_teacher = [
        softmax(np.array([[2.0, 1.0], [1.0, 1.0]]) / np.sqrt(2)),
        softmax(np.array([[0.0, 0.0], [0.0, 5.0]]) / np.sqrt(2)),
    ]
    # KL divergence of each token's row, mean of two heads and two tokens, the same for queries, keys and values.
    rows = [(p * np.log(p / q)).sum(-1) for p, q in zip(of_teacher, of_student, strict=True)]
    expected = 3 * np.mean(rows)
    assert expected == pytest.approx(0.0088, abs=1e-4)
    vectors = [3 * [torch.tensor(each, dtype=torch.float32)[None]] for each in (student, teacher)]
    assert relation_loss(*vectors, torch.tensor([[1, 1, 0]]), heads=2).item() == pytest.approx(expected, rel=1e-5)


def test_relation_loss_is_zero_for_equal_vectors_and_sees_each_of_the_three():
    same = [torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
    mask = torch.ones(2, 4)
    assert relation_loss(same, same, mask, heads=3).item() == pytest.approx(0, abs=1e-6)
    for part in range(3):
        other = [vectors * 2 if index == part else vectors for index, vectors in enumerate(same)]
        assert relation_loss(other, same, mask, heads=3) > 0.01


def test_cls_loss_by_hand():
    student, teacher = torch.tensor([[3.0, 4.0], [0.0, 2.0]]), torch.tensor([[5.0, 0.0], [0.0, 7.0]])
    # (0.6, 0.8) − (1, 0): (0.16 + 0.64) / 2 = 0.4; the second example points the same way, however long it is
    assert cls_loss(student, teacher).item() == pytest.approx(0.2)


def test_cosine_loss_by_hand():
    student = torch.tensor([[[3.0, 4.0], [1.0, 0.0]], [[1.0, 0.0], [5.0, 5.0]]])
    teacher = torch.tensor([[[5.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [-5.0, -5.0]]])
    # first example: (1 − 0.6 + 0) / 2 = 0.2; second: 1, its padding left out
    assert cosine_loss(student, teacher, torch.tensor([[1, 1], [1, 0]])).item() == pytest.approx(0.6)


def test_masked_losses_by_hand():
    """Two masked tokens in the first example and one in the second count ¼, ¼ and ½."""
    labels = torch.tensor([[-100, 1, 0], [0, -100, -100]])
    student = torch.log(torch.tensor([[0.25, 0.75], [0.5, 0.5], [0.2, 0.8]]))
    expected = -(np.log(0.75) + np.log(0.5)) / 4 - np.log(0.2) / 2
    assert masked_lm_loss(student, labels).item() == pytest.approx(expected)

    teacher = torch.log(torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]]))
    # at t = 2 probabilities go with the square roots: 9:1 becomes 3:1, 3:1 becomes √3:1, 4:1 becomes 2:1
    root = np.sqrt(3) / (1 + np.sqrt(3))
    first = -(0.75 * np.log(1 - root) + 0.25 * np.log(root))
    third = -(0.25 * np.log(1 / 3) + 0.75 * np.log(2 / 3))
    expected = 4 * ((first + np.log(2)) / 4 + third / 2)
    assert vocabulary_loss(student, teacher, labels != -100, 2.0).item() == pytest.approx(expected, rel=1e-5)


LOSSES = {
    "relations": partial(relation_loss, heads=4),
    "cosine": cosine_loss,
    "cls": lambda student, teacher, mask: cls_loss(student[:, 0], teacher[:, 0]),
}


@pytest.mark.parametrize("name", LOSSES)
def test_neither_padding_nor_the_batch_changes_anything(name):
    random, loss, lengths = torch.Generator().manual_seed(0), LOSSES[name], [5, 3, 4]

    def signal(tokens):
        return torch.randn(3, tokens, 8, generator=random)

    def of(states):  # the three of attention, or hidden states
        return [states, states + 1, 2 * states] if name == "relations" else states

    student, teacher, padded_student, padded_teacher = signal(5), signal(5), signal(9), signal(9)
    padded_student[:, :5], padded_teacher[:, :5] = student, teacher
    mask = (torch.arange(9) < torch.tensor(lengths)[:, None]).long()
    whole = loss(of(student), of(teacher), mask[:, :5])
    torch.testing.assert_close(loss(of(padded_student), of(padded_teacher), mask), whole)
    alone = [loss(of(student[i, None, :n]), of(teacher[i, None, :n]), mask[i, None, :n]) for i, n in enumerate(lengths)]
    torch.testing.assert_close(torch.stack(alone).mean(), whole)


def test_masked_losses_do_not_depend_on_the_batch():
    random = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(4, 7, generator=random), torch.randn(4, 7, generator=random)
    labels = torch.tensor([[-100, 1, 2, 3], [-100, 4, -100, -100]])
    for loss in (
        lambda rows, tokens: masked_lm_loss(student[rows], tokens),
        lambda rows, tokens: vocabulary_loss(student[rows], teacher[rows], tokens != -100, 2.0),
    ):
        alone = torch.stack([loss(slice(0, 3), labels[:1]), loss(slice(3, 4), labels[1:, :2])])
        torch.testing.assert_close(alone.mean(), loss(slice(0, 4), labels))
