"""The other papers' losses against numbers worked out by hand, and all against what a batch must not change."""

import numpy as np
import pytest
import torch

from tinybert.distill.losses.baselines import cls_loss, cosine_loss, masked_lm_loss, relation_loss, vocabulary_loss
from tinybert.distill.losses.paper import attention_loss, hidden_loss


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
    "hidden": hidden_loss,
    "attention": lambda student, teacher, mask: attention_loss(*map(of_two_heads, (student, teacher)), mask),
    "relations": lambda student, teacher, mask: relation_loss(*map(of_attention, (student, teacher)), mask, heads=4),
    "cosine": cosine_loss,
    "cls": lambda student, teacher, mask: cls_loss(student[:, 0], teacher[:, 0]),
}


def of_two_heads(states):
    """Scores, (examples, 2, tokens, tokens)."""
    scores = states @ states.transpose(1, 2)
    return torch.stack([scores, 2 * scores], dim=1)


def of_attention(states):
    return [states, states + 1, 2 * states]


@pytest.mark.parametrize("name", LOSSES)
def test_neither_padding_nor_the_batch_changes_anything(name):
    random, loss, lengths = torch.Generator().manual_seed(0), LOSSES[name], [5, 3, 4]
    student, teacher = torch.randn(2, 3, 9, 8, generator=random)
    mask = (torch.arange(9) < torch.tensor(lengths)[:, None]).long()
    whole = loss(student[:, :5], teacher[:, :5], mask[:, :5])
    torch.testing.assert_close(loss(student, teacher, mask), whole)
    alone = [loss(student[i, None, :n], teacher[i, None, :n], mask[i, None, :n]) for i, n in enumerate(lengths)]
    torch.testing.assert_close(torch.stack(alone).mean(), whole)
