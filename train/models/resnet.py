"""ResNet-18 and ResNet-101 (He et al., Deep Residual Learning, table 1) as backbones: their four stages' outputs."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from train.models.blocks import ConvNorm, ConvNormReLU, Residual

EXPANSION = 4
"""A bottleneck has so many times more output channels than its 3x3 convolution has."""


class ResNet(nn.Module):
    """(N, 3, H, W) -> the outputs of the four stages, finest first."""

    def __init__(self, stem: nn.Module, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stem, self.pool, self.stages = stem, nn.MaxPool2d(3, 2, padding=1), nn.ModuleList(stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        outputs = [self.pool(self.stem(x))]
        for stage in self.stages:
            outputs.append(stage(outputs[-1]))
        return outputs[1:]


def resnet18(width: int = 64) -> ResNet:
    """Stages at /4 /8 /16 /32 with width, 2, 4 and 8 times width channels."""
    widths = [width, width, 2 * width, 4 * width, 8 * width]
    strides = (1, 2, 2, 2)
    stages = [_basic_stage(widths[i], widths[i + 1], strides[i]) for i in range(4)]
    return ResNet(ConvNormReLU(3, width, kernel=7, stride=2), stages)


def resnet101(width: int = 64) -> ResNet:
    """Stages at /4 /8 /8 /8 with 4, 8, 16 and 32 times width channels: as segmentation uses it.

    The last two stages keep their size and dilate instead; the stem is three 3x3 convolutions (both as in PSPNet).
    """
    stem = nn.Sequential(ConvNormReLU(3, width, stride=2), ConvNormReLU(width, width), ConvNormReLU(width, 2 * width))
    stages: list[nn.Module] = []
    inputs = 2 * width
    for factor, blocks, stride, dilation in ((1, 3, 1, 1), (2, 4, 2, 1), (4, 23, 1, 2), (8, 3, 1, 4)):
        stages.append(_bottleneck_stage(inputs, factor * width, blocks, stride, dilation))
        inputs = EXPANSION * factor * width
    return ResNet(stem, stages)


def _basic_stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(_basic(inputs, outputs, stride), _basic(outputs, outputs, 1))


def _basic(inputs: int, outputs: int, stride: int) -> Residual:
    body = nn.Sequential(ConvNormReLU(inputs, outputs, stride=stride), ConvNorm(outputs, outputs))
    return Residual(body, inputs, outputs, stride)


def _bottleneck_stage(inputs: int, width: int, blocks: int, stride: int, dilation: int) -> nn.Sequential:
    outputs = EXPANSION * width
    first = _bottleneck(inputs, width, stride, dilation)
    return nn.Sequential(first, *(_bottleneck(outputs, width, 1, dilation) for _ in range(blocks - 1)))


def _bottleneck(inputs: int, width: int, stride: int, dilation: int) -> Residual:
    outputs = EXPANSION * width
    body = nn.Sequential(
        ConvNormReLU(inputs, width, kernel=1),
        ConvNormReLU(width, width, stride=stride, dilation=dilation),
        ConvNorm(width, outputs, kernel=1),
    )
    return Residual(body, inputs, outputs, stride)
