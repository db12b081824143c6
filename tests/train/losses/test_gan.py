import math

import pytest

torch = pytest.importorskip("torch")

from train.losses.gan import discriminator_loss, generator_loss, l1_loss  # noqa: E402 (torch first)


def test_discriminator_loss_is_minus_half_of_equation_2():
    of_true, of_made = torch.randn(2, 1, 4, 4), torch.randn(2, 1, 4, 4)
    equation_2 = of_true.sigmoid().log().mean() + (1 - of_made.sigmoid()).log().mean()
    assert float(discriminator_loss(of_true, of_made)) == pytest.approx(-float(equation_2) / 2, rel=1e-5)


def test_fooled_discriminator_pleases_the_generator_and_not_itself():
    sure, fooled = torch.full((1, 1, 2, 2), -4.0), torch.full((1, 1, 2, 2), 4.0)
    assert generator_loss(fooled) < generator_loss(sure)
    assert discriminator_loss(fooled, fooled) > discriminator_loss(fooled, sure)


def test_undecided_discriminator_costs_log_2():
    nothing = torch.zeros(3, 1, 2, 2)
    assert float(discriminator_loss(nothing, nothing)) == pytest.approx(math.log(2))
    assert float(generator_loss(nothing)) == pytest.approx(math.log(2))


def test_the_generator_s_gradient_stays_where_the_discriminator_wins():
    of_made = torch.full((1, 1, 1, 1), -20.0, requires_grad=True)
    generator_loss(of_made).backward()
    assert float(of_made.grad) == pytest.approx(-1, abs=1e-3)


def test_certain_discriminator_stays_finite():
    far = torch.full((1, 1, 2, 2), 1e4)
    assert torch.isfinite(discriminator_loss(-far, far))
    assert torch.isfinite(generator_loss(-far))


def test_l1_is_the_mean_distance():
    assert float(l1_loss(torch.full((2, 1, 3, 3), 0.5), torch.full((2, 1, 3, 3), -0.25))) == pytest.approx(0.75)
