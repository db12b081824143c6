import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

from train.losses.ohem import ohem_cross_entropy  # noqa: E402 (torch first)
from train.losses.parsing import parsing_loss  # noqa: E402
from train.models.heads import Heads  # noqa: E402

LABELS = torch.arange(2 * 6 * 6).reshape(2, 6, 6) // 12 % 13


def logits(seed: int = 0, classes: int = 13):
    return torch.randn(2, classes, 6, 6, generator=torch.Generator().manual_seed(seed))


def test_one_head_has_the_plain_cross_entropy():
    terms = parsing_loss(Heads(logits(), logits()), LABELS)
    assert set(terms) == {"parse", "total"}
    assert float(terms["total"]) == pytest.approx(float(F.cross_entropy(logits(), LABELS)))


def test_three_heads_have_the_ohem_cross_entropy_of_each():
    heads = Heads(logits(0), logits(0), auxiliary=(logits(1), logits(2)))
    terms = parsing_loss(heads, LABELS)
    assert set(terms) == {"parse", "auxiliary_1", "auxiliary_2", "total"}
    expected = sum(float(ohem_cross_entropy(logits(seed), LABELS, 0.7)) for seed in range(3))
    assert float(terms["total"]) == pytest.approx(expected, rel=1e-5)


def test_edge_branch_adds_its_two_terms():
    heads = Heads(logits(), logits(), edge=logits(3, classes=2))
    terms = parsing_loss(heads, LABELS)
    assert set(terms) == {"parse", "edge", "parse_at_edges", "total"}
    named = sum(float(value) for name, value in terms.items() if name != "total")
    assert float(terms["total"]) == pytest.approx(named, rel=1e-5)


def test_threshold_can_be_chosen_for_any_network():
    easy = 9 * F.one_hot(LABELS, 13).permute(0, 3, 1, 2).float()
    easy[0, :, 0, 0] = 0  # one hard pixel
    one_head = Heads(easy, easy)
    mined, plain = (float(parsing_loss(one_head, LABELS, ohem=ohem)["total"]) for ohem in (0.7, None))
    assert mined > 5 * plain
