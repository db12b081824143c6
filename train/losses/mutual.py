"""Losses of Cross-Domain Mutual Learning: the RGB-to-depth translator (equations 1-3) and the mutual term (equation 4).

The parsers' own loss, FPLoss, is in `train/losses/parsing.py`; the weighted sum of equation 4 is in
`train/mutual/steps.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor


def discriminator_loss(measured: Tensor, generated: Tensor) -> Tensor:
    """What the discriminator minimises: minus a half of equation 2, the conditional GAN.

    The discriminator maximises equation 2. The half makes it learn at half the translator's rate (Pix2Pix, section
    3.3).

    Args:
        measured: the discriminator's logits for (colour, measured depth), any shape.
        generated: its logits for (colour, generated depth), detached from the translator.
    """
    return (F.softplus(-measured.float()).mean() + F.softplus(generated.float()).mean()) / 2


def generator_loss(generated: Tensor) -> Tensor:
    """What the translator minimises of equation 2: `-log D(x_R, G(x_R, z))`.

    This replaces `log(1 - D)`, as in Pix2Pix, section 3.3: it has the same fixed point, and its gradient does not
    vanish while the discriminator wins.

    Args:
        generated: the discriminator's logits for (colour, generated depth), any shape.
    """
    return F.softplus(-generated.float()).mean()


def l1_loss(generated: Tensor, measured: Tensor) -> Tensor:
    """Equation 3 as a mean over pixels.

    Args:
        generated: (N, 1, S, S) depth, -1..1.
        measured: the same shape.
    """
    return F.l1_loss(generated.float(), measured.float())


def mutual_loss(colour: Tensor, depth: Tensor) -> Tensor:
    """First term of equation 4: squared L2 distance of the two parsers' last-layer activations, mean over all values.

    Neither side is detached: each parser learns to mimic the other (section 3.2). A mean is used rather than a sum, so
    that its weight (lambda 1) means the same for every size of crop and batch.

    Args:
        colour: (N, C, h, w), activations of the RGB parser.
        depth: the same shape, activations of the depth parser for the same faces in the same order.
    """
    return F.mse_loss(colour.float(), depth.float())


def mutual_loss_of_probabilities(colour: Tensor, depth: Tensor) -> Tensor:
    """First term of equation 4 for class probabilities: squared L2 distance per pixel, mean over pixels; 0..2.

    "Activations in the last layer" can also be read as the softmax. This loss is bounded however large the logits get,
    and is 0 where both parsers predict the same class with the same confidence.

    Args:
        colour: (N, labels, h, w), logits of the RGB parser.
        depth: the same shape, logits of the depth parser for the same faces in the same order.
    """
    difference = colour.float().softmax(dim=1) - depth.float().softmax(dim=1)
    return difference.square().sum(dim=1).mean()


MUTUAL_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "logits": mutual_loss,
    "probabilities": mutual_loss_of_probabilities,
}
