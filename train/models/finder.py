"""A face finder: a small fully convolutional network that says, for each cell of three grids, whether a face's middle
lies there, and how large and how far turned that face is.

The form is that of one-stage, anchor-free detectors (Tian et al. 2019, "FCOS"; Zhou et al. 2019, "Objects as Points"),
the layers are depthwise separable (Howard et al. 2017, "MobileNets") with large kernels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from realtime.faces.finding.found_faces import STRIDES
from train.models.blocks import ConvNorm, ConvNormReLU

SIZE_PX = 256
"""Side of the pictures at run time. The network takes any multiple of 32."""
VALUES = 7
"""Per cell: logit of the confidence; x, y from the cell's middle, log width and log height of the box, in strides;
cosine and sine of the direction."""
_RARE = -4.6  # logit of a hundredth: few cells hold a face
_UPRIGHT = 0.5  # cosine: more faces are upright than not


@dataclass(frozen=True)
class Confidence:
    """How the network's logits become confidences, and which confidence is a face."""

    slope: float
    offset: float
    """The calibrated logit is slope x logit + offset."""
    threshold: float
    low_confidence: float
    """The least confidence of what may be a face, where nothing reaches the threshold."""


CONFIDENCE = Confidence(slope=3.26, offset=0.19, threshold=0.5, low_confidence=0.08)
"""Those of the weights that ship. Slope and offset are Platt's, measured on 300 pictures composed of what was held out
(`train.finder.validation`). The lower value is a raw score of 0.3: `scripts/compare_finders.py` has the parser accept
the faces from there on."""


class FaceFinder(nn.Module):
    """The network.

    Args:
        width: channels of its first layer.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        widths = (width * 3 // 2, width * 5 // 2, width * 5, width * 8)
        neck = width * 5 // 2
        self.stem = nn.Sequential(
            ConvNormReLU(3, width, stride=2), ConvNormReLU(width, widths[0], stride=2), Block(widths[0], 3)
        )
        self.stages = nn.ModuleList(
            nn.Sequential(ConvNorm(before, after, stride=2), *(Block(after) for _ in range(depth)))
            for before, after, depth in zip(widths[:-1], widths[1:], (2, 3, 3), strict=True)
        )
        self.lateral = nn.ModuleList(ConvNorm(channels, neck, 1) for channels in widths[1:])
        self.smooth = nn.ModuleList(Block(neck) for _ in STRIDES)
        self.heads = nn.ModuleList(_head(neck) for _ in STRIDES)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, S, S) in -1..1 -> (N, cells, VALUES), the cells of the finest grid first, each grid row by row."""
        x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        found: list[Tensor] = []
        above: Tensor | None = None
        for level in reversed(range(len(features))):
            own = self.lateral[level](features[level])
            above = self.smooth[level](own if above is None else own + self.up(above))
            found.insert(0, self.heads[level](above).flatten(2))
        return torch.cat(found, dim=2).transpose(1, 2)


def _head(channels: int) -> nn.Conv2d:
    head = nn.Conv2d(channels, VALUES, 1)
    nn.init.normal_(head.weight, std=0.01)
    assert head.bias is not None
    with torch.no_grad():
        head.bias.copy_(torch.tensor([_RARE, 0, 0, 0, 0, _UPRIGHT, 0]))
    return head


class Block(nn.Module):
    """A depthwise convolution, then two pointwise ones with twice the channels between them, around a shortcut."""

    def __init__(self, channels: int, kernel: int = 5) -> None:
        super().__init__()
        depthwise = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
        self.body = nn.Sequential(
            depthwise,
            nn.BatchNorm2d(channels),
            ConvNormReLU(channels, 2 * channels, 1),
            ConvNorm(2 * channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)
