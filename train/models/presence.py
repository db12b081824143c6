"""A second output of a parser: whether its crop holds a face, and which way up. A small head on the frozen network.

The head is a module of its own. The parser's weights and labels are the same with and without it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

OUTPUTS = 3
"""The logit of a face, and the cosine and sine of its upright direction."""
_DROPOUT = 0.2


@runtime_checkable
class HasTrunk(Protocol):
    """A parser whose forward pass has two halves, so that a head can read what lies between them."""

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, S, S) float32 -> features, deepest last."""

    def decode(self, features: tuple[Tensor, ...]) -> Tensor:
        """Features -> logits (N, labels, S, S)."""


@dataclass(frozen=True)
class HeadSize:
    """What a head is built for."""

    channels: int
    """Channels of the features that it reads."""
    grid: int = 8
    """Those features are averaged to `grid` by `grid` cells."""
    width: int = 32
    """Channels that each cell is reduced to."""
    hidden: int = 64
    """Values between the cells and the output."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return asdict(self)


class PresenceHead(nn.Module):
    """Features (N, channels, H, W) -> (N, 3): the logit of a face, and the cosine and sine of its upright direction.

    The cells keep their places: a face is one by where its parts lie.
    """

    def __init__(self, size: HeadSize) -> None:
        super().__init__()
        self.size = size
        self.reduce = nn.Conv2d(size.channels, size.width, 1)
        self.mix = nn.Linear(size.width * size.grid**2, size.hidden)
        self.dropout = nn.Dropout(_DROPOUT)
        self.decide = nn.Linear(size.hidden, OUTPUTS)

    def forward(self, features: Tensor) -> Tensor:
        cells = F.relu(self.reduce(self.pooled(features)))
        return self.decide(self.dropout(F.relu(self.mix(cells.flatten(1)))))

    def pooled(self, features: Tensor) -> Tensor:
        """Features averaged to the grid. Those of its size stay as they are: OpenVINO's pooling is slow."""
        height, grid = features.shape[2], self.size.grid
        if height == grid:
            return features
        return F.avg_pool2d(features, height // grid) if height % grid == 0 else F.adaptive_avg_pool2d(features, grid)

    def calibrate(self, scale: float, shift: float) -> None:
        """Make the logit `scale * logit + shift`, which a calibration has chosen."""
        with torch.no_grad():
            self.decide.weight[0] *= scale
            self.decide.bias[0] = self.decide.bias[0] * scale + shift


class ParserWithPresence(nn.Module):
    """(N, 3, S, S) float32 -> logits (N, labels, S, S), as the parser alone, and what the head says: (N, 3).

    Args:
        parser: in its form for inference (`train.models.for_inference`), as the head was trained on it.
    """

    def __init__(self, parser: nn.Module, head: PresenceHead) -> None:
        super().__init__()
        self.parser, self.head = parser, head

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        parser = cast(HasTrunk, self.parser)
        features = parser.encode(x)
        return parser.decode(features), self.head(features[-1])
