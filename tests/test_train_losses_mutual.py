import pytest

torch = pytest.importorskip("torch")

from train.losses.mutual import mutual_loss  # noqa: E402 (torch first)


def test_mutual_loss_is_the_mean_squared_distance():
    one, two = torch.randn(2, 13, 4, 4), torch.randn(2, 13, 4, 4)
    assert float(mutual_loss(one, two)) == pytest.approx(float((one - two).square().mean()), rel=1e-5)


def test_each_side_learns_from_the_other():
    one, two = (torch.randn(2, 13, 4, 4, requires_grad=True) for _ in range(2))
    mutual_loss(one, two).backward()
    assert one.grad.abs().max() > 0
    assert torch.allclose(one.grad, -two.grad)


def test_nothing_is_learned_where_both_agree():
    one = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = mutual_loss(one, one.detach().clone())
    loss.backward()
    assert float(loss.detach()) == 0
    assert one.grad.abs().max() == 0


def test_half_precision_activations_are_compared_in_float32():
    far = torch.full((1, 1, 64, 64), 300.0, dtype=torch.bfloat16)
    assert float(mutual_loss(far, -far)) == pytest.approx(360_000)
