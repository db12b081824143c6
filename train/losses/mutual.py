"""Cross-domain mutual learning: the first term of equation 4."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def mutual_loss(of_colour: Tensor, of_depth: Tensor) -> Tensor:
    """Squared L2 distance of the two parsers' last-layer activations of the same faces, mean over all values.

    Neither side is detached: each learns to mimic the other (section 3.2). The mean in place of the sum leaves lambda 1
    of the same meaning at every size of crop and batch.

    Args:
        of_colour: (N, C, h, w)
        of_depth: the same shape, of the same faces in the same order.
    """
    return F.mse_loss(of_colour.float(), of_depth.float())
