"""`rgb-to-depth`: Pix2Pix (Isola et al., CVPR 2017, appendix 6.1), a U-Net generator and a PixelGAN discriminator.

Convolutions are 4x4 with stride 2; BatchNorm stands everywhere but at the picture's end, the bottleneck and the output;
the encoder's ReLUs leak 0.2; the noise of the conditional GAN is dropout of 0.5 in the decoder's deepest layers. The
network of the paper has width 64 and 8 levels, for 256x256: 54,410,433 parameters with depth as its output. Larger
sizes have the same 8 levels. Smaller ones stop at the size that can't be halved (160: 5 levels).

Deviation: at run time and in evaluations dropout is off and BatchNorm has its running statistics, where Pix2Pix keeps
dropout on and takes the statistics of the batch (section 3.3 there). So the same frame gives the same depth.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.spec import DEPTH_LABELS, ModelSpec
from train.models.registry import register

_LEAK = 0.2
_DROPOUT = 0.5
_MOST_LEVELS, _WIDEST = 8, 8  # halvings of 256; channels as multiples of the width
_PAPERS_SIZE_PX = 256
_QUIET_LEVELS = 5  # the finest ones have no dropout


def levels_for(size_px: int) -> int:
    """8 from 256 px on; below, how often the size can be halved: 160 -> 5."""
    if size_px >= _PAPERS_SIZE_PX:
        return _MOST_LEVELS
    levels = 0
    while size_px % 2 == 0:
        size_px, levels = size_px // 2, levels + 1
    return levels


class UNet(nn.Module):
    """(N, 3, S, S) float32 in -1..1 -> depth (N, 1, S, S) in -1..1, the gray of `realtime.frames.depth`.

    A size that cannot be halved `levels` times is padded to the next one that can, and the depth is cut back to it.

    Args:
        width: channels of the first convolution, 64 in the paper.
        levels: how often the encoder halves the picture, 2 or more.
    """

    def __init__(self, width: int = 64, levels: int = _MOST_LEVELS) -> None:
        super().__init__()
        widths = [width * min(2**level, _WIDEST) for level in range(levels)]
        self.encoder = nn.ModuleList(
            _down(3 if level == 0 else widths[level - 1], widths[level], first=level == 0, last=level == levels - 1)
            for level in range(levels)
        )
        noisy = max(1, levels - _QUIET_LEVELS)
        # Deepest first. All but the deepest also read the encoder's output of their size.
        self.decoder = nn.ModuleList(
            _up((2 if above else 1) * widths[-1 - above], widths[-2 - above], noisy=above < noisy)
            for above in range(levels - 1)
        )
        self.output = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * width, 1, 4, 2, 1))
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.raw(x))

    def for_inference(self) -> DepthLabels:
        """The same network with logits as its output."""
        return DepthLabels(self)

    def raw(self, x: Tensor) -> Tensor:
        """The output before the hyperbolic tangent."""
        size_px = x.shape[-1]
        missing_px = -size_px % 2 ** len(self.encoder)
        if missing_px:
            x = F.pad(x, (0, missing_px, 0, missing_px), mode="replicate")
        skips = []
        for down in self.encoder:
            x = down(x)
            skips.append(x)
        x = skips.pop()
        for up in self.decoder:
            x = torch.cat([up(x), skips.pop()], dim=1)
        depth = self.output(x)
        return depth[..., :size_px, :size_px] if missing_px else depth


@register(ModelSpec("rgb-to-depth", DEPTH_LABELS, 160, crop_scale=2.0))
def rgb_to_depth(width: int = 64, size_px: int = 160) -> UNet:
    """The generator for crops of a size."""
    return UNet(width, levels_for(size_px))


class DepthLabels(nn.Module):
    """A generator as engines want it: logits (N, 2, S, S) of `engines.spec.DEPTH_LABELS`.

    The probability of "near" times 255 is the depth as 8-bit gray: softmax(0, 2t) is (1 + tanh t) / 2.
    """

    def __init__(self, generator: UNet) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        twice = 2 * self.generator.raw(x)
        return torch.cat([torch.zeros_like(twice), twice], dim=1)


class PixelDiscriminator(nn.Module):
    """PixelGAN: is a pixel's depth real, given its colour? 1x1 convolutions alone (Isola et al., appendix 6.1.2).

    Args:
        width: channels of the first convolution, 64 in the paper.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(4, width, 1),
            nn.LeakyReLU(_LEAK),
            nn.Conv2d(width, 2 * width, 1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(_LEAK),
            nn.Conv2d(2 * width, 1, 1),
        )
        _initialise(self)

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """RGB (N, 3, S, S) and depth (N, 1, S, S), both in -1..1 -> logits (N, 1, S, S), real above 0."""
        return self.layers(torch.cat([rgb, depth], dim=1))


def _down(inputs: int, outputs: int, first: bool, last: bool) -> nn.Sequential:
    norm = not first and not last
    layers: list[nn.Module] = [] if first else [nn.LeakyReLU(_LEAK)]
    layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=not norm))
    return nn.Sequential(*layers, *([nn.BatchNorm2d(outputs)] if norm else []))


def _up(inputs: int, outputs: int, noisy: bool) -> nn.Sequential:
    layers = [nn.ReLU(), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.Dropout(_DROPOUT)] if noisy else []))


def _initialise(network: nn.Module) -> None:
    """Normal weights of deviation 0.02 (appendix 6.2)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
