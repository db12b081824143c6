import math

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

from train.losses.parsing import (  # noqa: E402 (torch first)
    class_edges,
    dice_loss,
    edge_loss,
    ohem_cross_entropy,
    parse_at_edges,
    parsing_loss,
)
from train.models.heads import Heads  # noqa: E402

HALVES = torch.full((1, 6, 8), 3)  # class 3 on the left, class 9 on the right
HALVES[..., 4:] = 9
FEW_PARTS = torch.tensor([[[0, 0, 1, 1], [0, 2, 1, 1]], [[0, 0, 0, 0], [0, 0, 0, 2]]])


def with_probability(labels, probability: float, classes: int = 13):
    """Logits that give each pixel's true class this probability, and the other classes equal shares of the rest."""
    odds = probability * (classes - 1) / (1 - probability)
    return math.log(odds) * F.one_hot(labels, classes).permute(0, 3, 1, 2).float()


# FPLoss of one parser


def test_one_head_has_the_plain_cross_entropy():
    terms = parsing_loss(Heads(with_probability(HALVES, 0.9), HALVES), HALVES)
    assert set(terms) == {"parse", "total"}
    assert float(terms["total"]) == pytest.approx(-math.log(0.9), rel=1e-5)


def test_bisenet_has_a_term_for_each_of_its_three_heads():
    auxiliary = (with_probability(HALVES, 0.5), with_probability(HALVES, 0.2))
    terms = parsing_loss(Heads(with_probability(HALVES, 0.3), HALVES, auxiliary), HALVES)
    assert set(terms) == {"parse", "auxiliary_1", "auxiliary_2", "total"}
    assert float(terms["total"]) == pytest.approx(-math.log(0.3 * 0.5 * 0.2), rel=1e-5)


def test_bisenet_mines_hard_pixels_in_every_head():
    mostly_easy = with_probability(HALVES, 0.99)
    mostly_easy[:, :, :2] = with_probability(HALVES, 0.2)[:, :, :2]
    terms = parsing_loss(Heads(mostly_easy, HALVES, (mostly_easy, mostly_easy)), HALVES)
    assert float(terms["total"]) == pytest.approx(-3 * math.log(0.2), rel=1e-5)


def test_eagrnet_has_two_terms_for_its_edge_branch():
    # The edge branch says "edge, 3/4" everywhere; the parse gives the true class 0.5 at edges and 0.9 elsewhere.
    edge_logits = torch.zeros(1, 2, 6, 8)
    edge_logits[:, 1] = math.log(3)
    logits = with_probability(HALVES, 0.9)
    logits[..., 3:5] = with_probability(HALVES, 0.5)[..., 3:5]
    terms = parsing_loss(Heads(logits, HALVES, edge=edge_logits), HALVES)
    assert set(terms) == {"parse", "edge", "parse_at_edges", "total"}
    parse = -(6 * math.log(0.9) + 2 * math.log(0.5)) / 8  # two of eight columns are edge
    edge = -(math.log(0.75) + math.log(0.25)) / 2  # both classes weigh the same
    assert float(terms["total"]) == pytest.approx(parse + edge - math.log(0.5), rel=1e-5)


def test_dice_is_added_with_its_weight_and_only_on_request():
    uniform = Heads(torch.zeros(2, 4, 2, 4), FEW_PARTS)
    # p = 1/4 everywhere, so 4 of 16 pixels are predicted for each class. F1 of part 1: 2 * 1 / (4 + 4); of part 2:
    # 2 * 0.5 / (2 + 4).
    dice = 1 - (1 / 4 + 1 / 6) / 2
    terms = parsing_loss(uniform, FEW_PARTS, dice=0.5)
    assert float(terms["dice"]) == pytest.approx(dice, rel=1e-5)
    assert float(terms["total"]) == pytest.approx(math.log(4) + 0.5 * dice, rel=1e-5)
    assert "dice" not in parsing_loss(uniform, FEW_PARTS)


def test_ohem_threshold_can_be_set_for_any_network():
    easy = with_probability(HALVES, 0.999)
    easy[0, :, 0, 0] = 0  # one hard pixel
    one_head = Heads(easy, easy)
    mined, plain = (float(parsing_loss(one_head, HALVES, ohem=ohem)["total"]) for ohem in (0.7, None))
    assert mined > 5 * plain


# OHEM


def easy_and_hard(easy: int, hard: int):
    """Logits and labels of two classes: `easy` pixels with probability 0.99 for the true class, `hard` with 0.2."""
    probabilities = torch.tensor([0.99] * easy + [0.2] * hard)
    logits = torch.stack([probabilities.log(), (1 - probabilities).log()])[None, :, None, :]
    return logits, torch.zeros(1, 1, easy + hard, dtype=torch.int64)


def test_ohem_averages_hard_pixels_only():
    logits, labels = easy_and_hard(easy=60, hard=20)
    assert float(ohem_cross_entropy(logits, labels, 0.7)) == pytest.approx(-math.log(0.2), rel=1e-5)


def test_ohem_averages_the_hardest_sixteenth_where_fewer_are_hard():
    logits, labels = easy_and_hard(easy=78, hard=2)
    expected = -(2 * math.log(0.2) + 3 * math.log(0.99)) / 5
    assert float(ohem_cross_entropy(logits, labels, 0.7)) == pytest.approx(expected, rel=1e-5)


def test_ohem_threshold_zero_is_the_plain_cross_entropy():
    logits, labels = torch.randn(2, 5, 8, 8), torch.randint(5, (2, 8, 8))
    assert float(ohem_cross_entropy(logits, labels, 0)) == pytest.approx(float(F.cross_entropy(logits, labels)))


def test_easy_pixels_get_no_gradient():
    logits, labels = easy_and_hard(easy=60, hard=20)
    logits.requires_grad_()
    ohem_cross_entropy(logits, labels, 0.7).backward()
    assert logits.grad[..., :60].abs().max() == 0
    assert logits.grad[..., 60:].abs().min() > 0


def test_saturated_logits_give_a_finite_ohem_loss():
    logits, labels = torch.full((1, 3, 4, 4), -1e4), torch.zeros(1, 4, 4, dtype=torch.int64)
    logits[:, 1] = 1e4
    assert torch.isfinite(ohem_cross_entropy(logits, labels))
    assert float(ohem_cross_entropy(logits, labels + 1)) == 0


# Edges


def test_edges_lie_on_both_sides_of_a_border():
    assert class_edges(HALVES)[0].sum(dim=0).tolist() == [0, 0, 0, 6, 6, 0, 0, 0]


def test_a_pixel_has_four_neighbours_not_eight():
    labels = torch.zeros(1, 5, 5, dtype=torch.int64)
    labels[0, 2, 2] = 7
    assert class_edges(labels)[0].nonzero().tolist() == [[1, 2], [2, 1], [2, 2], [2, 3], [3, 2]]


def test_edges_are_balanced_over_the_batch_not_in_each_picture():
    edges = torch.zeros(2, 4, 4, dtype=torch.bool)
    edges[0, :, :2] = True  # half of the first picture, none of the second
    logits = torch.randn(2, 2, 4, 4)
    losses = F.cross_entropy(logits, edges.long(), reduction="none")
    assert float(edge_loss(logits, edges)) == pytest.approx(float(losses[edges].mean() + losses[~edges].mean()) / 2)


def test_one_class_has_no_edge_not_even_at_the_image_border():
    assert not class_edges(torch.full((2, 5, 5), 4)).any()


def test_edge_loss_is_the_mean_of_both_classes_whatever_their_shares():
    edges = torch.zeros(1, 10, 10, dtype=torch.bool)
    edges[0, 0, :5] = True  # one in twenty
    logits = torch.randn(1, 2, 10, 10)
    losses = F.cross_entropy(logits, edges.long(), reduction="none")
    expected = (losses[edges].mean() + losses[~edges].mean()) / 2
    assert float(edge_loss(logits, edges)) == pytest.approx(float(expected), rel=1e-5)


def test_unbalanced_cross_entropy_would_accept_a_branch_that_finds_no_edge():
    edges = torch.zeros(1, 10, 10, dtype=torch.bool)
    edges[0, 0, :5] = True
    no_edge = torch.stack([torch.full((1, 10, 10), 3.0), torch.zeros(1, 10, 10)], dim=1)
    assert float(edge_loss(no_edge, edges)) > 5 * float(F.cross_entropy(no_edge, edges.long()))


def test_parse_at_edges_depends_on_edge_pixels_only():
    logits, edges = torch.randn(1, 13, 6, 8), class_edges(HALVES)
    noise = 5 * torch.randn_like(logits)
    loss = float(parse_at_edges(logits, HALVES, edges))
    assert float(parse_at_edges(logits + noise * ~edges[:, None], HALVES, edges)) == pytest.approx(loss, rel=1e-5)
    assert float(parse_at_edges(logits + noise * edges[:, None], HALVES, edges)) != pytest.approx(loss, rel=1e-5)


def test_a_batch_without_edges_has_zero_loss_and_finite_gradients():
    labels = torch.full((1, 6, 6), 2)
    logits, edge_logits = (torch.randn(1, k, 6, 6, requires_grad=True) for k in (13, 2))
    edges = class_edges(labels)
    loss = edge_loss(edge_logits, edges) + parse_at_edges(logits, labels, edges)
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.isfinite(logits.grad).all()
    assert torch.isfinite(edge_logits.grad).all()


# Dice


def decided(labels, classes: int = 4, logit: float = 50.0):
    """Logits of a network that predicts these labels with full confidence."""
    return logit * F.one_hot(labels, classes).permute(0, 3, 1, 2).float()


def test_dice_is_0_for_right_predictions_and_1_for_wrong_ones():
    assert float(dice_loss(decided(FEW_PARTS), FEW_PARTS)) == pytest.approx(0, abs=1e-6)
    assert float(dice_loss(decided((FEW_PARTS + 1) % 3), FEW_PARTS)) == pytest.approx(1, abs=1e-6)


def test_dice_is_the_mean_f1_of_the_parts_that_are_present():
    # One of two pixels of part 2 is found, and one pixel of part 1 is called 2. The background does not count.
    predicted = FEW_PARTS.clone()
    predicted[0, 0, 2], predicted[1, 1, 3] = 2, 0
    f1_of_1, f1_of_2 = 2 * 3 / (4 + 3), 2 * 1 / (2 + 2)
    assert float(dice_loss(decided(predicted), FEW_PARTS)) == pytest.approx(1 - (f1_of_1 + f1_of_2) / 2, abs=1e-5)


def test_dice_weighs_a_small_part_like_a_large_one():
    without_small, without_large = FEW_PARTS.clone(), FEW_PARTS.clone()
    without_small[without_small == 2], without_large[without_large == 1] = 0, 0
    losses = [float(dice_loss(decided(labels), FEW_PARTS)) for labels in (without_small, without_large)]
    assert losses == [pytest.approx(0.5, abs=1e-5)] * 2


def test_dice_of_background_alone_is_0():
    assert float(dice_loss(decided(FEW_PARTS * 0), FEW_PARTS * 0)) == 0


def test_dice_gradient_agrees_with_a_finite_difference():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 4, 2, 4, dtype=torch.float64, requires_grad=True, generator=generator)
    step = torch.zeros_like(logits)
    step[0, 2, 1, 1] = 1e-2
    (slope,) = torch.autograd.grad(dice_loss(logits, FEW_PARTS), logits)
    with torch.no_grad():
        rise = float(dice_loss(logits + step, FEW_PARTS) - dice_loss(logits - step, FEW_PARTS)) / 2e-2
    assert float(slope[0, 2, 1, 1]) == pytest.approx(rise, rel=1e-2)
