import math

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

from train.losses.ohem import ohem_cross_entropy  # noqa: E402 (torch first)


def example(easy: int, hard: int):
    """Two classes: so many pixels of the right class's probability 0.99, and so many of 0.2."""
    chances = torch.tensor([0.99] * easy + [0.2] * hard)
    logits = torch.stack([chances.log(), (1 - chances).log()])[None, :, None, :]
    return logits, torch.zeros(1, 1, easy + hard, dtype=torch.int64)


def test_only_hard_pixels_count():
    logits, labels = example(easy=60, hard=20)
    assert float(ohem_cross_entropy(logits, labels, 0.7)) == pytest.approx(-math.log(0.2), rel=1e-5)


def test_the_hardest_sixteenth_counts_where_fewer_are_hard():
    logits, labels = example(easy=78, hard=2)
    expected = -(2 * math.log(0.2) + 3 * math.log(0.99)) / 5
    assert float(ohem_cross_entropy(logits, labels, 0.7)) == pytest.approx(expected, rel=1e-5)


def test_threshold_zero_is_the_plain_cross_entropy():
    logits, labels = torch.randn(2, 5, 8, 8), torch.randint(5, (2, 8, 8))
    assert float(ohem_cross_entropy(logits, labels, 0)) == pytest.approx(float(F.cross_entropy(logits, labels)))


def test_easy_pixels_get_no_gradient():
    logits, labels = example(easy=60, hard=20)
    logits.requires_grad_()
    ohem_cross_entropy(logits, labels, 0.7).backward()
    assert logits.grad[..., :60].abs().max() == 0
    assert logits.grad[..., 60:].abs().min() > 0


def test_certain_predictions_stay_finite():
    logits, labels = torch.full((1, 3, 4, 4), -1e4), torch.zeros(1, 4, 4, dtype=torch.int64)
    logits[:, 1] = 1e4
    assert torch.isfinite(ohem_cross_entropy(logits, labels))
    assert float(ohem_cross_entropy(logits, labels + 1)) == 0
