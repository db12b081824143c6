"""FPLoss of equation 4: what each parser was trained with where it was proposed.

BiSeNet: OHEM cross-entropy of its three heads. EAGRNet: the parse, its edges, and the parse at the edges. A parser with
one head: the cross-entropy, over all pixels or over the hard ones.
"""

from __future__ import annotations

from torch import Tensor

from train.losses.dice import dice_loss
from train.losses.edge import edge_loss, edges_of, parse_at_edges
from train.losses.ohem import ohem_cross_entropy
from train.models.heads import Heads

BISENET_OHEM = 0.7


def parsing_loss(heads: Heads, labels: Tensor, ohem: float | None = None, dice: float = 0.0) -> dict[str, Tensor]:
    """Named terms, each a scalar of weight 1 (but for `dice`), and their `total`.

    Args:
        labels: (N, S, S) int64
        ohem: pixels count whose own class has a probability below it; 0 for all pixels; None for 0.7 where the network
            has auxiliary heads, as BiSeNet, and 0 elsewhere.
        dice: weight of the Dice loss of the parse, which is no part of the paper's loss; 0 leaves it out.
    """
    threshold = ohem if ohem is not None else BISENET_OHEM if heads.auxiliary else 0.0
    terms = {"parse": ohem_cross_entropy(heads.logits, labels, threshold)}
    for number, logits in enumerate(heads.auxiliary, 1):
        terms[f"auxiliary_{number}"] = ohem_cross_entropy(logits, labels, threshold)
    if heads.edge is not None:
        edges = edges_of(labels)
        terms["edge"] = edge_loss(heads.edge, edges)
        terms["parse_at_edges"] = parse_at_edges(heads.logits, labels, edges)
    total = sum(terms.values(), start=heads.logits.new_zeros(()))
    if dice:
        terms["dice"] = dice_loss(heads.logits, labels)
        total = total + dice * terms["dice"]
    return terms | {"total": total}
