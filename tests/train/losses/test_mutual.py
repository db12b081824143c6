import math

import pytest

torch = pytest.importorskip("torch")

from train.losses.mutual import (  # noqa: E402 (torch first)
    MUTUAL_LOSSES,
    discriminator_loss,
    generator_loss,
    l1_loss,
    mutual_loss,
    mutual_loss_of_probabilities,
)


def logit(probability: float):
    return torch.full((2, 1, 4, 4), math.log(probability / (1 - probability)))


def test_discriminator_loss_is_minus_half_of_equation_2():
    # E log D(measured) + E log(1 - D(generated)) with D = 0.8 and 0.25
    equation_2 = math.log(0.8) + math.log(0.75)
    assert float(discriminator_loss(logit(0.8), logit(0.25))) == pytest.approx(-equation_2 / 2, rel=1e-5)


def test_generator_loss_is_minus_the_log_of_the_discriminators_probability():
    assert float(generator_loss(logit(0.25))) == pytest.approx(-math.log(0.25), rel=1e-5)


def test_generator_gains_where_the_discriminator_is_fooled():
    recognised, fooled = torch.full((1, 1, 2, 2), -4.0), torch.full((1, 1, 2, 2), 4.0)
    assert generator_loss(fooled) < generator_loss(recognised)
    assert discriminator_loss(fooled, fooled) > discriminator_loss(fooled, recognised)


def test_the_generator_s_gradient_does_not_vanish_where_the_discriminator_wins():
    generated = torch.full((1, 1, 1, 1), -20.0, requires_grad=True)
    generator_loss(generated).backward()
    assert float(generated.grad) == pytest.approx(-1, abs=1e-3)


def test_saturated_discriminator_gives_finite_losses():
    far = torch.full((1, 1, 2, 2), 1e4)
    assert torch.isfinite(discriminator_loss(-far, far))
    assert torch.isfinite(generator_loss(-far))


def test_l1_is_the_mean_distance():
    assert float(l1_loss(torch.full((2, 1, 3, 3), 0.5), torch.full((2, 1, 3, 3), -0.25))) == pytest.approx(0.75)


def test_mutual_loss_is_the_mean_squared_distance():
    colour, depth = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0.0, 4.0, 3.0, 2.0])
    # differences 1, -2, 0, 2; squares 1, 4, 0, 4
    assert float(mutual_loss(colour.view(1, 2, 2, 1), depth.view(1, 2, 2, 1))) == pytest.approx(2.25)


def test_mutual_loss_of_probabilities_is_the_squared_distance_per_pixel():
    colour = torch.tensor([[0.0, 0.0], [0.0, 0.0]]).view(1, 2, 2, 1)
    depth = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]]).view(1, 2, 2, 1)
    # first pixel: (1/2, 1/2) against (3/4, 1/4), squared distance 1/16 + 1/16; second pixel: equal
    assert float(mutual_loss_of_probabilities(colour, depth)) == pytest.approx(0.125 / 2, rel=1e-5)


def test_higher_confidence_in_the_same_class_costs_probabilities_nothing_and_logits_much():
    confident = 20 * torch.eye(13)[None, :, :, None]
    assert float(mutual_loss_of_probabilities(confident, 2 * confident)) < 1e-6
    assert float(mutual_loss(confident, 2 * confident)) > 10
    assert float(mutual_loss_of_probabilities(confident, confident.flip(1))) > 1


@pytest.mark.parametrize("name", MUTUAL_LOSSES)
def test_each_side_learns_from_the_other(name):
    colour, depth = (torch.randn(2, 13, 4, 4, requires_grad=True) for _ in range(2))
    MUTUAL_LOSSES[name](colour, depth).backward()
    assert colour.grad.abs().max() > 0
    assert depth.grad.abs().max() > 0
    assert name == "probabilities" or torch.allclose(colour.grad, -depth.grad)


def test_equal_activations_have_neither_loss_nor_gradient():
    colour = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = mutual_loss(colour, colour.detach().clone())
    loss.backward()
    assert float(loss.detach()) == 0
    assert colour.grad.abs().max() == 0


def test_half_precision_activations_are_compared_in_float32():
    far = torch.full((1, 1, 64, 64), 300.0, dtype=torch.bfloat16)
    assert float(mutual_loss(far, -far)) == pytest.approx(360_000)
