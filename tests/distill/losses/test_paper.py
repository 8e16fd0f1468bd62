"""Each loss against numbers worked out by hand."""

import math

import pytest
import torch

from tinybert.distill.losses.paper import (
    attention_loss,
    hidden_loss,
    logits_mse,
    soft_binary_cross_entropy,
    soft_cross_entropy,
    soft_span_loss,
)
from tinybert.train.loop.label_loss import label_loss


def test_hidden_loss_by_hand():
    student = torch.tensor([[[1.0, 2.0], [0.0, 0.0]], [[1.0, 1.0], [9.0, 9.0]]])
    teacher = torch.tensor([[[0.0, 0.0], [2.0, 0.0]], [[1.0, 3.0], [0.0, 0.0]]])
    mask = torch.tensor([[1, 1], [1, 0]])
    # first example: tokens (1+4)/2 = 2.5 and 4/2 = 2, mean 2.25; second: 4/2 = 2, its padding left out
    assert hidden_loss(student, teacher, mask).item() == pytest.approx((2.25 + 2.0) / 2)


def test_attention_loss_by_hand():
    student, teacher = torch.zeros(2, 1, 2, 3, 3)
    teacher[0, 0, :2, :2] = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    teacher[0, 1, 0, 1] = 4.0
    teacher[:, :, 2, :] = teacher[:, :, :, 2] = 100.0  # padding, as key and as query
    mask = torch.tensor([[1, 1, 0]])
    # heads: (1+4+9+0)/4 = 3.5 and 16/4 = 4, mean 3.75
    assert attention_loss(student, teacher, mask).item() == pytest.approx(3.75)


def test_attention_loss_of_pairs_within_both_windows_by_hand():
    student, teacher = torch.zeros(2, 1, 2, 4, 4)
    teacher[0, 0] = torch.tensor([[1.0, 2.0, 50.0, 70.0], [3.0, 0.0, 4.0, 70.0], [50.0, 2.0, 6.0, 70.0], [70.0] * 4])
    mask, near = torch.tensor([[1, 1, 1, 0]]), torch.ones(4, 4).tril(1).triu(-1).bool()[None, None]
    # of three real tokens all pairs but the first and the third: 1+4+9+0+16+4+36 = 70 over 7 pairs, over two heads
    assert attention_loss(student, teacher, mask, near).item() == pytest.approx(5.0)
    # the other model's layer is local too, and only looks back: 1+9+0+4+36 = 50 over 5 pairs
    assert attention_loss(student, teacher, mask, near, near.tril()).item() == pytest.approx(5.0)


def test_soft_cross_entropy_by_hand():
    student = torch.tensor([[0.0, 0.0]])
    teacher = torch.tensor([[math.log(3.0), 0.0]])
    assert soft_cross_entropy(student, teacher, 1.0).item() == pytest.approx(math.log(2.0))
    student = torch.tensor([[math.log(9.0), 0.0]])
    # at t = 2 the student's odds are 3:1 and the teacher's √3:1
    p = math.sqrt(3) / (1 + math.sqrt(3))
    expected = -4 * (p * math.log(3 / 4) + (1 - p) * math.log(1 / 4))  # times t²
    assert soft_cross_entropy(student, teacher, 2.0).item() == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["classes", "labels", "answers"])
def test_a_temperature_leaves_a_soft_loss_its_weight_beside_hard_labels(kind):
    """At a high one the gradient tends to (student − teacher) / classes, both centred; without t² it would vanish."""
    teacher = torch.tensor([[[1.0, -1.0], [0.5, -0.5]]])
    student = torch.zeros(1, 2, 2, requires_grad=True)
    if kind == "answers":
        soft_span_loss(student, teacher, torch.ones(1, 2), 100.0).backward()
    else:
        loss = soft_cross_entropy if kind == "classes" else soft_binary_cross_entropy
        loss(student[0], teacher[0], 100.0).backward()
    # of one row of two classes −teacher/2, averaged over the two rows; a sigmoid's slope is 1/4
    torch.testing.assert_close(student.grad, -teacher / (8 if kind == "labels" else 4), atol=1e-4, rtol=1e-3)


def test_each_label_of_several_is_a_choice_of_two():
    student, teacher = torch.tensor([[0.3, -1.0, 2.0], [1.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.5, -2.0], [3.0, 1, 2]])

    def of_two(logits):
        return torch.stack([logits.flatten(), torch.zeros(6)], dim=1)

    for temperature in (1.0, 3.0):
        expected = 3 * soft_cross_entropy(of_two(student), of_two(teacher), temperature)
        torch.testing.assert_close(soft_binary_cross_entropy(student, teacher, temperature), expected)


def test_regression_loss_by_hand():
    assert logits_mse(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [2.0]])).item() == pytest.approx(2.0)


def test_losses_of_bf16_signals_are_computed_in_fp32():
    teacher = torch.full((1, 1, 2), 256.0, dtype=torch.bfloat16)
    student = torch.full((1, 1, 2), 257.0)
    loss = hidden_loss(student, teacher, torch.ones(1, 1))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(1.0)


@pytest.mark.parametrize("t", [0.5, 1.0, 2.0])
def test_the_span_loss_is_that_of_starts_and_of_ends_over_real_tokens(t):
    """Two windows, the second one token shorter; what stands at its padding is of no account."""
    student = torch.tensor([[[0.0, 1.0, 2.0], [1.0, 0.0, 0.0]], [[0.5, -0.5, 90.0], [2.0, 0.0, -90.0]]])
    teacher = torch.tensor([[[1.0, 1.0, 0.0], [0.0, 3.0, 0.0]], [[1.0, 0.0, 70.0], [0.0, 0.0, 80.0]]])
    real = [(slice(0, 1), slice(3)), (slice(1, 2), slice(2))]
    alone = [soft_cross_entropy(student[a, b, n], teacher[a, b, n], t) for a, n in real for b in (0, 1)]
    loss = soft_span_loss(student, teacher, torch.tensor([[1, 1, 1], [1, 1, 0]]), t)
    torch.testing.assert_close(loss, torch.stack(alone).mean())


@pytest.mark.parametrize("t", [1e-30, 1e-3, 0.5, 100.0])
def test_padding_of_a_span_gets_no_gradient(t):
    student = torch.randn(2, 2, 4, requires_grad=True)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    loss = soft_span_loss(student, torch.randn(2, 2, 4), mask, t)
    assert torch.isfinite(loss)
    (loss + label_loss(student, mask[:, :2] * 0, mask)).backward()
    assert (student.grad[1, :, 2:] == 0).all()
    assert (student.grad[1, :, :2] != 0).all()
