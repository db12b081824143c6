"""EAGRNet's own two parts: the edge branch, and reasoning over a graph whose vertices the edges choose."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from train.models.blocks import ConvNorm, ConvNormLeaky
from train.models.heads import enlarge

_SIDE = 4  # vertices: a grid of so many a side


class EdgeBranch(nn.Module):
    """Three stages of the backbone -> logits of (no boundary, boundary) at the finest one's size, (N, 2, H, W).

    One 3x3 convolution, shared by the stages, decides what a boundary is.
    """

    def __init__(self, inputs: tuple[int, int, int], width: int) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(ConvNormLeaky(count, width) for count in inputs)
        self.classify = nn.Conv2d(width, 2, 3, padding=1)
        self.fuse = nn.Conv2d(2 * len(inputs), 2, 1)

    def forward(self, *stages: Tensor) -> Tensor:
        logits = [self.classify(reduce(stage)) for reduce, stage in zip(self.reduce, stages, strict=True)]
        return self.fuse(torch.cat([enlarge(each, stages[0]) for each in logits], dim=1))


class GraphReasoning(nn.Module):
    """Pixels are gathered on a few vertices, reasoned about there, and handed back (section 3.3 there).

    Args:
        inputs: channels in and out.
        state: channels of a vertex.
    """

    def __init__(self, inputs: int, state: int) -> None:
        super().__init__()
        self.state, self.project = nn.Conv2d(inputs, state, 1), nn.Conv2d(inputs, state, 1)
        # A ring of cells more than is used: a picture's rim is no region of a face.
        self.cells = nn.AdaptiveAvgPool2d(_SIDE + 2)
        self.reason = GraphConvolution(_SIDE**2, state)
        self.extend = ConvNorm(state, inputs, kernel=1)

    def forward(self, x: Tensor, edge: Tensor) -> Tensor:
        """Features (N, C, H, W) and edge logits (N, 2, any, any) -> features (N, C, H, W)."""
        boundary = enlarge(edge, x).softmax(dim=1)[:, 1:]
        projected = self.project(x)
        anchors = self.cells(projected * boundary)[:, :, 1:-1, 1:-1].flatten(2)  # (N, state, vertices)
        pixels, states = projected.flatten(2), self.state(x).flatten(2)  # (N, state, H * W)
        share = torch.softmax(anchors.transpose(1, 2) @ pixels, dim=1)  # of each vertex in a pixel
        vertices = states @ share.transpose(1, 2) / states.shape[2]
        reasoned = self.reason(vertices) @ share
        return x + self.extend(reasoned.unflatten(2, x.shape[2:]))


class GraphConvolution(nn.Module):
    """ReLU((I - A) X W) with a learned adjacency A, as two convolutions over (N, state, vertices)."""

    def __init__(self, vertices: int, state: int) -> None:
        super().__init__()
        self.adjacency = nn.Conv1d(vertices, vertices, 1)
        self.weight = nn.Conv1d(state, state, 1, bias=False)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        neighbours = self.adjacency(x.transpose(1, 2)).transpose(1, 2)
        return self.relu(self.weight(x - neighbours))
