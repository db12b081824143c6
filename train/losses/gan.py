"""The translator's losses, equations 1 to 3: a conditional GAN and L1.

The discriminator maximises equation 2; divided by two, so that it learns at half the translator's pace. The translator
maximises `log D(x_R, G(x_R, z))` in place of minimising `log(1 - D)`: the same fixed point, and a gradient that does
not vanish while the discriminator wins (both as in Pix2Pix, section 3.3 there).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def discriminator_loss(of_true: Tensor, of_made: Tensor) -> Tensor:
    """Minus a half of equation 2.

    Args:
        of_true: the discriminator's logits of (colour, measured depth), any shape.
        of_made: its logits of (colour, generated depth), which must not carry gradients to the generator.
    """
    return (F.softplus(-of_true.float()).mean() + F.softplus(of_made.float()).mean()) / 2


def generator_loss(of_made: Tensor) -> Tensor:
    """What the translator minimises of equation 2: `-log D(x_R, G(x_R, z))`, of the discriminator's logits."""
    return F.softplus(-of_made.float()).mean()


def l1_loss(made: Tensor, true: Tensor) -> Tensor:
    """Equation 3, mean over pixels: (N, 1, S, S) against the same, in -1..1."""
    return F.l1_loss(made.float(), true.float())
