"""A parser's outputs in training, and the base class of parsers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Heads:
    """A parser's outputs in training, for a batch (N, 3, S, S)."""

    logits: Tensor
    """(N, labels, S, S)."""
    features: Tensor
    """(N, labels, H, W): what the last layer computes, before it is enlarged to (S, S). Mutual learning compares these
    "activations in the last layer" (Cross-Domain Mutual Learning, section 3.2, first term of equation 4)."""
    auxiliary: tuple[Tensor, ...] = ()
    """Further logits (N, labels, S, S), each with a loss of its own: BiSeNet has two."""
    edge: Tensor | None = None
    """(N, 2, S, S) logits: no boundary, boundary between parts. EAGRNet has them."""


class Parser(nn.Module):
    """A network from (N, 3, S, S) float32 in -1..1 to logits (N, labels, S, S)."""

    sgd_rate = 1e-2
    """Learning rate with SGD (Cross-Domain Mutual Learning, section 4.2)."""

    def heads(self, x: Tensor) -> Heads:
        """All outputs that a loss in training uses."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """The logits alone: what an engine computes."""
        return self.heads(x).logits


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    """Resize (N, C, H, W) bilinearly to the height and width of another tensor, corner on corner."""
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=True)
