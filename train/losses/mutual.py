"""Cross-domain mutual learning: the first term of equation 4."""

from __future__ import annotations

from collections.abc import Callable

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


def mutual_loss_of_probabilities(of_colour: Tensor, of_depth: Tensor) -> Tensor:
    """The same of what the parsers say: squared L2 distance of their softmax at a pixel, mean over pixels.

    "Activations in the last layer" may be read so, too. It is between 0 and 2 however large logits grow, and asks for
    nothing where both are as sure of the same class.

    Args:
        of_colour: (N, labels, h, w), the last layer's logits.
        of_depth: the same shape, of the same faces in the same order.
    """
    off = of_colour.float().softmax(dim=1) - of_depth.float().softmax(dim=1)
    return off.square().sum(dim=1).mean()


MUTUAL_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "logits": mutual_loss,
    "probabilities": mutual_loss_of_probabilities,
}
