"""`bisenet`: BiSeNet (Yu et al., ECCV 2018) in the variant for face parsing that the second paper uses (section 4.2).

That variant has ResNet-18 as its context path and, in the place of the spatial path, the backbone's stage at an eighth
of the resolution. Layers and names below follow the BiSeNet paper's figure 2: attention refinement, feature fusion,
and one head on the fused features beside two on the context path, for the auxiliary losses. In training a batch has 2
pictures or more, because the attention normalises vectors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engines.spec import PART_LABELS, ModelSpec
from train.models.blocks import ConvNorm, ConvNormReLU, conv, initialise
from train.models.heads import Heads, Parser, enlarge
from train.models.registry import register
from train.models.resnet import resnet18


@register(ModelSpec("bisenet", PART_LABELS, 512, crop_scale=2.0))
class BiSeNet(Parser):
    """(N, 3, S, S) float32 in -1..1 -> logits (N, labels, S, S); 13.3 M parameters at width 64.

    Args:
        labels: classes.
        width: channels of the backbone's first stage, 64 in the paper. Everything else follows from it.
    """

    def __init__(self, labels: int, width: int = 64) -> None:
        super().__init__()
        self.context = ContextPath(width)
        self.fusion = FeatureFusion(4 * width)
        self.head = _head(4 * width, 4 * width, labels)
        self.head_8 = _head(2 * width, width, labels)
        self.head_16 = _head(2 * width, width, labels)
        initialise(self)

    def heads(self, x: Tensor) -> Heads:
        detail, context_8, context_16 = self.context(x)
        features = self.head(self.fusion(detail, context_8))
        auxiliary = (enlarge(self.head_8(context_8), x), enlarge(self.head_16(context_16), x))
        return Heads(enlarge(features, x), features, auxiliary)


class ContextPath(nn.Module):
    """The picture -> the backbone's stage at /8, and context at /8 and /16 (2 * width channels each)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        wide = 2 * width
        self.backbone = resnet18(width)
        self.tail = ConvNormReLU(8 * width, wide, kernel=1)
        self.refine_32 = AttentionRefinement(8 * width, wide)
        self.refine_16 = AttentionRefinement(4 * width, wide)
        self.smooth_16 = ConvNormReLU(wide, wide)
        self.smooth_8 = ConvNormReLU(wide, wide)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        _, at_8, at_16, at_32 = self.backbone(x)
        everything = self.tail(_mean(at_32))  # (N, C, 1, 1), the same for every pixel
        context_16 = self.smooth_16(F.interpolate(self.refine_32(at_32) + everything, size=at_16.shape[2:]))
        context_8 = self.smooth_8(F.interpolate(self.refine_16(at_16) + context_16, size=at_8.shape[2:]))
        return at_8, context_8, context_16


class AttentionRefinement(nn.Module):
    """Features, each channel weighted by what the whole picture says about it (figure 2b)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.block = ConvNormReLU(inputs, outputs)
        self.attention = nn.Sequential(ConvNorm(outputs, outputs, kernel=1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        features = self.block(x)
        return features * self.attention(_mean(features))


class FeatureFusion(nn.Module):
    """Detail and context joined, with the channels that matter raised (figure 2c)."""

    def __init__(self, width: int, reduction: int = 4) -> None:
        super().__init__()
        self.block = ConvNormReLU(width, width, kernel=1)
        narrow = width // reduction
        self.attention = nn.Sequential(
            conv(width, narrow, kernel=1), nn.ReLU(), conv(narrow, width, kernel=1), nn.Sigmoid()
        )

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        features = self.block(torch.cat([detail, context], dim=1))
        return features + features * self.attention(_mean(features))


def _head(inputs: int, middle: int, labels: int) -> nn.Sequential:
    return nn.Sequential(ConvNormReLU(inputs, middle), conv(middle, labels, kernel=1))


def _mean(x: Tensor) -> Tensor:
    """The mean over the picture: (N, C, H, W) -> (N, C, 1, 1)."""
    return F.adaptive_avg_pool2d(x, 1)
