"""EAGRNet's two further losses: a class-balanced one of the edge branch, and the parse at the edges alone."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def edges_of(labels: Tensor, reach: int = 1) -> Tensor:
    """Where classes meet.

    Args:
        labels: (N, H, W) int64
        reach: pixels on each side of a border that count as edge.

    Returns:
        (N, H, W) bool
    """
    values = labels[:, None].float()
    window = 2 * reach + 1
    highest, lowest = (F.max_pool2d(sign * values, window, stride=1, padding=reach) * sign for sign in (1, -1))
    return (highest != lowest)[:, 0]


def edge_loss(logits: Tensor, edges: Tensor) -> Tensor:
    """Cross-entropy of edge against no edge, each weighted by the share of the other: both count the same.

    Args:
        logits: (N, 2, H, W): no edge, edge.
        edges: (N, H, W) bool
    """
    share = edges.float().mean()
    weights = torch.where(edges, 1 - share, share)
    losses = F.cross_entropy(logits.float(), edges.long(), reduction="none")
    return (weights * losses).sum() / weights.sum().clamp_min(1e-6)


def parse_at_edges(logits: Tensor, labels: Tensor, edges: Tensor) -> Tensor:
    """Mean cross-entropy of the parse over the edge pixels; 0 where there are none.

    Args:
        logits: (N, K, H, W)
        labels: (N, H, W) int64
        edges: (N, H, W) bool
    """
    losses = F.cross_entropy(logits.float(), labels, reduction="none")
    return torch.where(edges, losses, 0.0).sum() / edges.sum().clamp_min(1)
