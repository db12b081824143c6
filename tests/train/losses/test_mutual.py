import pytest

torch = pytest.importorskip("torch")

from train.losses.mutual import MUTUAL_LOSSES, mutual_loss, mutual_loss_of_probabilities  # noqa: E402 (torch first)


def test_mutual_loss_is_the_mean_squared_distance():
    one, two = torch.randn(2, 13, 4, 4), torch.randn(2, 13, 4, 4)
    assert float(mutual_loss(one, two)) == pytest.approx(float((one - two).square().mean()), rel=1e-5)


def test_mutual_loss_of_probabilities_is_the_squared_distance_at_a_pixel():
    one, two = torch.randn(2, 13, 4, 4), torch.randn(2, 13, 4, 4)
    distances = torch.linalg.vector_norm(one.softmax(1) - two.softmax(1), dim=1)
    assert float(mutual_loss_of_probabilities(one, two)) == pytest.approx(float(distances.square().mean()), rel=1e-5)


def test_being_surer_of_the_same_class_costs_probabilities_nothing_and_logits_much():
    sure = 20 * torch.eye(13)[None, :, :, None]
    assert float(mutual_loss_of_probabilities(sure, 2 * sure)) < 1e-6
    assert float(mutual_loss(sure, 2 * sure)) > 10
    assert float(mutual_loss_of_probabilities(sure, sure.flip(1))) > 1


@pytest.mark.parametrize("of", MUTUAL_LOSSES)
def test_each_side_learns_from_the_other(of):
    one, two = (torch.randn(2, 13, 4, 4, requires_grad=True) for _ in range(2))
    MUTUAL_LOSSES[of](one, two).backward()
    assert one.grad.abs().max() > 0
    assert two.grad.abs().max() > 0
    assert of == "probabilities" or torch.allclose(one.grad, -two.grad)


def test_nothing_is_learned_where_both_agree():
    one = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = mutual_loss(one, one.detach().clone())
    loss.backward()
    assert float(loss.detach()) == 0
    assert one.grad.abs().max() == 0


def test_half_precision_activations_are_compared_in_float32():
    far = torch.full((1, 1, 64, 64), 300.0, dtype=torch.bfloat16)
    assert float(mutual_loss(far, -far)) == pytest.approx(360_000)
