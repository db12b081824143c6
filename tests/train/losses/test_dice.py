import pytest

torch = pytest.importorskip("torch")

from train.losses.dice import dice_loss  # noqa: E402
from train.losses.parsing import parsing_loss  # noqa: E402
from train.models.heads import Heads  # noqa: E402

LABELS = torch.tensor([[[0, 0, 1, 1], [0, 2, 1, 1]], [[0, 0, 0, 0], [0, 0, 0, 2]]])


def decided(labels, parts=4, sure=50.0):
    """Logits of a network that is sure of these labels."""
    return sure * torch.nn.functional.one_hot(labels, parts).permute(0, 3, 1, 2).float()


def test_right_decisions_cost_nothing_and_wrong_ones_everything():
    assert float(dice_loss(decided(LABELS), LABELS)) == pytest.approx(0, abs=1e-6)
    assert float(dice_loss(decided((LABELS + 1) % 3), LABELS)) == pytest.approx(1, abs=1e-6)


def test_it_is_the_mean_f1_of_the_parts_that_are_there():
    """Of part 2, one pixel of two is found, and one pixel of part 1 is called 2. The background does not count."""
    predicted = LABELS.clone()
    predicted[0, 0, 2], predicted[1, 1, 3] = 2, 0
    f1_of_1, f1_of_2 = 2 * 3 / (4 + 3), 2 * 1 / (2 + 2)
    assert float(dice_loss(decided(predicted), LABELS)) == pytest.approx(1 - (f1_of_1 + f1_of_2) / 2, abs=1e-5)


def test_small_part_weighs_as_much_as_a_large_one():
    small, large = LABELS.clone(), LABELS.clone()
    small[small == 2], large[large == 1] = 0, 0
    lost = [float(dice_loss(decided(labels), LABELS)) for labels in (small, large)]
    assert lost == [pytest.approx(0.5, abs=1e-5)] * 2


def test_batch_of_background_alone_has_no_loss():
    assert float(dice_loss(decided(LABELS * 0), LABELS * 0)) == 0


def test_gradient_is_right():
    logits = torch.randn(
        2, 4, 2, 4, dtype=torch.float64, requires_grad=True, generator=torch.Generator().manual_seed(1)
    )
    step = torch.zeros_like(logits)
    step[0, 2, 1, 1] = 1e-2
    (slope,) = torch.autograd.grad(dice_loss(logits, LABELS), logits)
    with torch.no_grad():
        rise = float(dice_loss(logits + step, LABELS) - dice_loss(logits - step, LABELS)) / 2e-2
    assert float(slope[0, 2, 1, 1]) == pytest.approx(rise, rel=1e-2)


def test_it_is_a_named_term_of_the_parser_s_loss_only_where_asked_for():
    heads = Heads(decided(LABELS, sure=1.0), decided(LABELS))
    terms = parsing_loss(heads, LABELS, dice=0.5)
    assert float(terms["total"]) == pytest.approx(float(terms["parse"] + 0.5 * terms["dice"]))
    assert "dice" not in parsing_loss(heads, LABELS)
