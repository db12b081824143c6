"""Soft F1 of the parts (the Dice loss): a term beyond the second paper, for parts of a few pixels.

Cross-entropy counts pixels, and a face's skin and hair have fifty times as many as its eyes; F1, by which parsers are
measured, counts every part alike.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def dice_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """1 minus the mean F1 of the parts that the batch holds, with probabilities in place of decisions; 0..1.

    Label 0, the background, does not count, as in the mean that is reported (section 4.1). Of a batch without any part
    the loss is 0.

    Args:
        logits: (N, K, H, W)
        labels: (N, H, W) int64
    """
    parts = logits.shape[1]
    truth = torch.bincount(labels.flatten(), minlength=parts).float()
    probabilities = F.softmax(logits.float(), dim=1)
    own = probabilities.gather(1, labels[:, None]).flatten()
    hit = torch.zeros_like(truth).index_add(0, labels.flatten(), own)
    claimed = probabilities.sum(dim=(0, 2, 3))
    there = truth > 0
    there[0] = False
    if not bool(there.any()):
        return logits.new_zeros(())
    return 1 - (2 * hit[there] / (truth[there] + claimed[there])).mean()
