"""Online hard example mining: the cross-entropy of the pixels that a network finds hard (BiSeNet's loss)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_FEWEST = 1 / 16  # share of the batch's pixels that always counts


def ohem_cross_entropy(logits: Tensor, labels: Tensor, threshold: float = 0.7) -> Tensor:
    """Mean cross-entropy of the hard pixels: those whose own class has a probability below `threshold`.

    Where these are fewer than a sixteenth of the batch, the hardest sixteenth.

    Args:
        logits: (N, K, H, W)
        labels: (N, H, W) int64
        threshold: 0..1; 0 means every pixel, which is the plain cross-entropy.
    """
    losses = F.cross_entropy(logits.float(), labels, reduction="none").flatten()
    if threshold == 0:
        return losses.mean()
    hard = losses > -math.log(threshold)
    fewest = max(1, int(losses.numel() * _FEWEST))
    if int(hard.sum()) < fewest:
        return losses.topk(fewest).values.mean()
    return torch.where(hard, losses, 0.0).sum() / hard.sum()
