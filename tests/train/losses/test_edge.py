import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

from train.losses.edge import edge_loss, edges_of, parse_at_edges  # noqa: E402 (torch first)


def halves():
    """(1, 6, 8): class 3 on the left, class 9 on the right."""
    labels = torch.full((1, 6, 8), 3)
    labels[..., 4:] = 9
    return labels


def test_edges_lie_on_both_sides_of_a_border():
    edges = edges_of(halves())[0]
    assert edges.sum(dim=0).tolist() == [0, 0, 0, 6, 6, 0, 0, 0]
    assert edges_of(halves(), reach=2)[0].sum(dim=0).tolist() == [0, 0, 6, 6, 6, 6, 0, 0]


def test_one_class_has_no_edge_not_even_at_the_picture_s_border():
    assert not edges_of(torch.full((2, 5, 5), 4)).any()


def test_edge_loss_is_the_mean_of_both_classes_whatever_their_shares():
    edges = torch.zeros(1, 10, 10, dtype=torch.bool)
    edges[0, 0, :5] = True  # one in twenty
    logits = torch.randn(1, 2, 10, 10)
    losses = F.cross_entropy(logits, edges.long(), reduction="none")
    expected = (losses[edges].mean() + losses[~edges].mean()) / 2
    assert float(edge_loss(logits, edges)) == pytest.approx(float(expected), rel=1e-5)


def test_unbalanced_loss_would_differ():
    edges = torch.zeros(1, 10, 10, dtype=torch.bool)
    edges[0, 0, :5] = True
    never = torch.stack([torch.full((1, 10, 10), 3.0), torch.zeros(1, 10, 10)], dim=1)  # says "no edge" everywhere
    assert float(edge_loss(never, edges)) > 5 * float(F.cross_entropy(never, edges.long()))


def test_parse_at_edges_sees_nothing_else():
    labels, logits = halves(), torch.randn(1, 13, 6, 8)
    edges = edges_of(labels)
    elsewhere = logits + 5 * torch.randn_like(logits) * ~edges[:, None]
    assert float(parse_at_edges(elsewhere, labels, edges)) == pytest.approx(
        float(parse_at_edges(logits, labels, edges)), rel=1e-5
    )
    assert float(parse_at_edges(logits + 0.5 * torch.randn_like(logits), labels, edges)) != float(
        parse_at_edges(logits, labels, edges)
    )


def test_a_batch_without_edges_gives_zero_and_finite_gradients():
    labels = torch.full((1, 6, 6), 2)
    logits, edge_logits = (torch.randn(1, k, 6, 6, requires_grad=True) for k in (13, 2))
    edges = edges_of(labels)
    loss = edge_loss(edge_logits, edges) + parse_at_edges(logits, labels, edges)
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.isfinite(logits.grad).all()
    assert torch.isfinite(edge_logits.grad).all()
