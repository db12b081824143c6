"""FPLoss of equation 4 in Cross-Domain Mutual Learning: the loss of one parser, and its terms.

The paper leaves the loss open (section 3.2). Here each parser has the loss of its own paper:

    BiSeNet    online hard example mining (OHEM) on the main head and on each auxiliary head
    EAGRNet    cross-entropy of the parse, of its edge branch, and of the parse at the edges
    others     cross-entropy of the one head, over all pixels or over the hard ones

The Dice loss is an addition of this project.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from train.models.heads import Heads

BISENET_OHEM = 0.7
"""OHEM threshold of BiSeNet: pixels whose true class has a lower probability are hard."""
_MIN_HARD_SHARE = 1 / 16  # of the batch's pixels


def parsing_loss(heads: Heads, labels: Tensor, ohem: float | None = None, dice: float = 0.0) -> dict[str, Tensor]:
    """FPLoss of equation 4.

    Args:
        heads: the outputs of a parser.
        labels: (N, S, S) int64 class ids.
        ohem: OHEM threshold, 0..1; 0 averages over all pixels. None means 0.7 for a network with auxiliary heads
            (BiSeNet), and 0 for any other.
        dice: weight of the Dice loss; 0 leaves it out.

    Returns:
        Scalars: `parse`; `auxiliary_1`, ... for each auxiliary head; `edge` and `parse_at_edges` for an edge branch;
        `dice` where it has a weight; and `total`, in which every term has the weight 1, and `dice` its own.
    """
    threshold = ohem if ohem is not None else BISENET_OHEM if heads.auxiliary else 0.0
    terms = {"parse": ohem_cross_entropy(heads.logits, labels, threshold)}
    for number, logits in enumerate(heads.auxiliary, 1):
        terms[f"auxiliary_{number}"] = ohem_cross_entropy(logits, labels, threshold)
    if heads.edge is not None:
        edges = class_edges(labels)
        terms["edge"] = edge_loss(heads.edge, edges)
        terms["parse_at_edges"] = parse_at_edges(heads.logits, labels, edges)
    total = sum(terms.values(), start=heads.logits.new_zeros(()))
    if dice:
        terms["dice"] = dice_loss(heads.logits, labels)
        total = total + dice * terms["dice"]
    return terms | {"total": total}


def ohem_cross_entropy(logits: Tensor, labels: Tensor, threshold: float = BISENET_OHEM) -> Tensor:
    """Mean cross-entropy of the hard pixels (BiSeNet's loss): those whose true class is less probable than `threshold`.

    If fewer than a sixteenth of the batch's pixels are hard, the hardest sixteenth is averaged.

    Args:
        logits: (N, K, H, W)
        labels: (N, H, W) int64
        threshold: 0..1; 0 averages over all pixels, which is the plain cross-entropy.
    """
    losses = F.cross_entropy(logits.float(), labels, reduction="none").flatten()
    if threshold == 0:
        return losses.mean()
    hard = losses > -math.log(threshold)
    min_count = max(1, int(losses.numel() * _MIN_HARD_SHARE))
    if int(hard.sum()) < min_count:
        return losses.topk(min_count).values.mean()
    return torch.where(hard, losses, 0.0).sum() / hard.sum()


def class_edges(labels: Tensor) -> Tensor:
    """Pixels whose class differs from that of a pixel beside, above or below (EAGRNet's edge map).

    Args:
        labels: (N, H, W) int64

    Returns:
        (N, H, W) bool
    """
    edges = torch.zeros_like(labels, dtype=torch.bool)
    for axis in (1, 2):
        length = labels.shape[axis] - 1
        differ = labels.narrow(axis, 1, length) != labels.narrow(axis, 0, length)
        edges.narrow(axis, 0, length).logical_or_(differ)
        edges.narrow(axis, 1, length).logical_or_(differ)
    return edges


def edge_loss(logits: Tensor, edges: Tensor) -> Tensor:
    """Class-balanced cross-entropy of EAGRNet's edge branch: the edge pixels of a batch have the same total weight as
    its other pixels.

    Args:
        logits: (N, 2, H, W): no edge, edge.
        edges: (N, H, W) bool
    """
    edge_share = edges.float().mean()
    weights = torch.where(edges, 1 - edge_share, edge_share)
    losses = F.cross_entropy(logits.float(), edges.long(), reduction="none")
    return (weights * losses).sum() / weights.sum().clamp_min(1e-6)


def parse_at_edges(logits: Tensor, labels: Tensor, edges: Tensor) -> Tensor:
    """Mean cross-entropy of the parse over the edge pixels (EAGRNet); 0 if there are none.

    Args:
        logits: (N, K, H, W)
        labels: (N, H, W) int64
        edges: (N, H, W) bool
    """
    losses = F.cross_entropy(logits.float(), labels, reduction="none")
    return torch.where(edges, losses, 0.0).sum() / edges.sum().clamp_min(1)


def dice_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """1 minus the mean soft F1 of the parts that the batch contains, 0..1; 0 for a batch without any part.

    Cross-entropy weighs pixels equally, and skin and hair have fifty times as many as the eyes. F1, by which parsers
    are evaluated, weighs parts equally. Label 0, the background, is excluded, as in the reported mean (section 4.1).

    Args:
        logits: (N, K, H, W)
        labels: (N, H, W) int64
    """
    classes = logits.shape[1]
    true_pixels = torch.bincount(labels.flatten(), minlength=classes).float()
    probabilities = F.softmax(logits.float(), dim=1)
    true_class_probability = probabilities.gather(1, labels[:, None]).flatten()
    true_positives = torch.zeros_like(true_pixels).index_add(0, labels.flatten(), true_class_probability)
    predicted_pixels = probabilities.sum(dim=(0, 2, 3))
    present = true_pixels > 0
    present[0] = False
    if not bool(present.any()):
        return logits.new_zeros(())
    f1 = 2 * true_positives[present] / (true_pixels[present] + predicted_pixels[present])
    return 1 - f1.mean()
