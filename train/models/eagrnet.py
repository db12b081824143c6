"""`eagrnet`: EAGRNet (Te et al., Edge-aware Graph Representation Learning and Reasoning for Face Parsing, ECCV 2020).

ResNet-101 with pyramid pooling, an edge branch on its first three stages, graph reasoning over regions that the edges
choose, on the deep features and on those of the first stage, and a decoder that joins the two. What that paper leaves
open is decided so: widths are those of PSPNet and CE2P, from which it descends; 4x4 vertices; the edge map steers the
graph but learns from its own loss alone; a vertex is the mean over its pixels, not the sum, so that the size of the
picture can vary. BatchNorm with leaky ReLU stands in the place of a kind that needs CUDA.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engines.spec import PART_LABELS, ModelSpec
from train.models.blocks import ConvNormLeaky, initialise
from train.models.edge_graph import EdgeBranch, GraphReasoning
from train.models.heads import Heads, Parser, enlarge
from train.models.registry import register
from train.models.resnet import resnet101

_PYRAMID = (1, 2, 3, 6)


@register(ModelSpec("eagrnet", PART_LABELS, 480, crop_scale=2.0))  # 473 there; here sizes are multiples of 16
class EAGRNet(Parser):
    """(N, 3, S, S) float32 in -1..1 -> logits (N, labels, S, S).

    66,723,037 parameters at width 64 with 13 labels.

    Args:
        labels: classes.
        width: channels of the stem, 64 in the paper; a multiple of 4. Everything else follows from it.
    """

    sgd_rate = 1e-3

    def __init__(self, labels: int, width: int = 64) -> None:
        super().__init__()
        w4, w8, w16, w32 = 4 * width, 8 * width, 16 * width, 32 * width
        self.backbone = resnet101(width)
        self.pyramid = PyramidPooling(w32, w8)
        self.edges = EdgeBranch((w4, w8, w16), w4)
        self.deep_graph, self.fine_graph = GraphReasoning(w8, 2 * width), GraphReasoning(w4, width)
        self.decoder = Decoder(w8, w4, labels)
        initialise(self)

    def heads(self, x: Tensor) -> Heads:
        first, second, third, fourth = self.backbone(x)
        edge = self.edges(first, second, third)
        deep = self.deep_graph(self.pyramid(fourth), edge.detach())
        fine = self.fine_graph(first, edge.detach())
        features = self.decoder(deep, fine)
        return Heads(enlarge(features, x), features, edge=enlarge(edge, x))


class PyramidPooling(nn.Module):
    """Features joined with their means over grids of 1, 2, 3 and 6 cells a side (Zhao et al., PSPNet, figure 3)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(cells), ConvNormLeaky(inputs, outputs)) for cells in _PYRAMID
        )
        self.join = ConvNormLeaky(inputs + len(_PYRAMID) * outputs, outputs, kernel=3)

    def forward(self, x: Tensor) -> Tensor:
        return self.join(torch.cat([*(enlarge(level(x), x) for level in self.levels), x], dim=1))


class Decoder(nn.Module):
    """Deep features at /8 and fine ones at /4 -> logits at /4."""

    def __init__(self, deep: int, fine: int, labels: int) -> None:
        super().__init__()
        few = 3 * fine // 16  # 48 of 256: the fine features add boundaries, not meaning
        self.deep, self.fine = ConvNormLeaky(deep, fine), ConvNormLeaky(fine, few)
        self.join = nn.Sequential(ConvNormLeaky(fine + few, fine), ConvNormLeaky(fine, fine))
        self.classify = nn.Conv2d(fine, labels, 1)

    def forward(self, deep: Tensor, fine: Tensor) -> Tensor:
        return self.classify(self.join(torch.cat([enlarge(self.deep(deep), fine), self.fine(fine)], dim=1)))
