"""`consensus`: the network of Structure via Consensus (section 3.2; appendix A, table 5), 4,524,323 parameters.

An encoder to a quarter of the resolution, a parallel sub-encoder with dilated convolutions, and a decoder of sub-pixel
convolutions. Numbers in comments are table 5's layer ids. What the table leaves open: the last convolution (48) has no
padding layer before it and keeps the size, so it pads with zeros; the regularised variant's dropout of 0.2 stands
before the decoder. The paper's receptive field of 121 pixels leaves out that sub-pixel convolution halves the step; a
pixel of the output depends on 93.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from engines.spec import CONSENSUS_LABELS, ModelSpec, Thresholds
from train.models.registry import register

_DROPOUT = 0.2


class Block(nn.Sequential):
    """ReflectionPad2d, 3x3 convolution, ELU and, mostly, BatchNorm: the basic block (appendix A)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1, norm: bool = True) -> None:
        layers: list[nn.Module] = [
            nn.ReflectionPad2d(dilation),
            nn.Conv2d(inputs, outputs, 3, stride=stride, dilation=dilation),
            nn.ELU(),
        ]
        super().__init__(*layers, *([nn.BatchNorm2d(outputs)] if norm else []))

    @property
    def convolution(self) -> nn.Conv2d:
        """The block's convolution."""
        layer = self[1]
        assert isinstance(layer, nn.Conv2d)
        return layer


# Of half-covered faces four in five have a confidence of 0.88; of 960 things that are no faces none has.
@register(ModelSpec("consensus", CONSENSUS_LABELS, thresholds=Thresholds(0.78, low_confidence=0.88)))
class Consensus(nn.Module):
    """(N, 3, S, S) float32 in -1..1 -> logits (N, labels, S, S); S a multiple of 4, at least 24.

    Args:
        labels: classes.
        width: channels of the first convolution, 64 in the paper; a multiple of 4. Everything else follows from it.
        regularised: dropout before the decoder (table 1's "+reg.").
    """

    def __init__(self, labels: int, width: int = 64, regularised: bool = False) -> None:
        super().__init__()
        w, w2, w4, w8 = width, 2 * width, 4 * width, 8 * width
        self.encoder = nn.Sequential(
            Block(3, w, norm=False),  # 1-3
            Block(w, w2, stride=2),  # 4-7
            Block(w2, w2),  # 8-11
            Block(w2, w2),  # 12-15
            Block(w2, w4, stride=2),  # 16-19
        )
        self.sub_encoder = nn.Sequential(Block(w4, w4, dilation=4), Block(w4, w4, dilation=3))  # 20-27
        self.dropout = nn.Dropout(_DROPOUT if regularised else 0.0)
        self.decoder = nn.Sequential(
            Block(w8, w8),  # 28-31
            nn.PixelShuffle(2),  # 32
            Block(w2, w2),  # 33-36
            Block(w2, w2),  # 37-40
            nn.PixelShuffle(2),  # 41
            Block(w // 2, w // 2, norm=False),  # 42-44
            Block(w // 2, w // 2, norm=False),  # 45-47
            nn.Conv2d(w // 2, labels, 3, padding=1),  # 48
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_normal_(module.weight, gain=math.sqrt(2))
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # every convolution here has one

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """The features that the decoder reads."""
        near = self.encoder(x)
        wide = self.sub_encoder(near)
        return (torch.cat([near, wide], dim=1),)

    def decode(self, features: tuple[Tensor, ...]) -> Tensor:
        """Logits from what `encode` returned."""
        return self.decoder(self.dropout(*features))

    def for_inference(self) -> Consensus:
        """A copy for inference in which every BatchNorm that can go is part of the next convolution.

        BatchNorm stands after the activation, so it is an affine of each channel in front of the next block's padding
        and convolution; reflection keeps an affine, zero padding would not. The two before a PixelShuffle stay: after
        it a channel mixes four of their channels.
        """
        network = copy.deepcopy(self).eval()
        blocks = [
            module for module in network.modules() if isinstance(module, Block)
        ]  # encoder 5, sub-encoder 2, decoder 5
        half = blocks[4].convolution.out_channels
        followers = {
            1: [(2, 0)],
            2: [(3, 0)],
            3: [(4, 0)],
            4: [(5, 0), (7, 0)],
            5: [(6, 0)],
            6: [(7, half)],
            8: [(9, 0)],
        }
        with torch.no_grad():
            for index, readers in followers.items():
                _fold(blocks[index], [(blocks[reader], start) for reader, start in readers])
        return network


def _fold(block: Block, followers: list[tuple[Block, int]]) -> None:
    """Move a block's BatchNorm into the convolutions that read it, from the given input channel on."""
    norm = block[3]
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_var is not None and norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    for follower, start in followers:
        convolution = follower.convolution
        part = convolution.weight[:, start : start + len(scale)]
        assert convolution.bias is not None
        convolution.bias += torch.einsum("oihw,i->o", part, shift)
        part *= scale[None, :, None, None]
    block[3] = nn.Identity()
