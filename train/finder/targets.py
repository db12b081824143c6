"""What the network should say for a picture, cell by cell, and the loss of what it says."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from realtime.faces.finding.found_faces import STRIDES, cells
from train.finder.pictures.compose import Picture, Truth

F32 = npt.NDArray[np.float32]
TARGETS = 9
"""Per cell: the confidence's target; 1 where it counts; weight of the box; x, y from the cell's middle, log width, log
height, in strides; cosine and sine."""
# Longer sides of the faces that each grid finds, in pixels. A face in two grids' range is learned by both.
_SIDES = ((0.0, 40.0), (28.0, 104.0), (72.0, math.inf))
_SPREAD = 0.6  # strides: how fast the confidence falls beside the middle
_BOX_FROM = 0.3  # cells of this confidence learn the box
# The direction's loss is squared: with an absolute one "upright" was the answer to every face, because most are.
_BOX_WEIGHT, _DIRECTION_WEIGHT = 1.0, 1.0


def targets(picture: Picture) -> F32:
    """(cells, TARGETS) float32."""
    grid = cells(picture.rgb.shape[0])
    result = np.zeros((len(grid), TARGETS), np.float32)
    result[:, 1] = 1
    for face in sorted(picture.faces, key=lambda face: -face.box.side):  # where two meet, the smaller one counts
        if face.counts:
            _add(result, grid, face)
    for face in picture.faces:
        if not face.counts:
            near = np.hypot(grid[:, 0] - face.visible_xy[0], grid[:, 1] - face.visible_xy[1])
            result[(near < 0.5 * face.box.side + grid[:, 2] / 2) & (result[:, 0] < _BOX_FROM), 1] = 0
    return result


def loss_terms(found: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """The named terms of the loss, and `total`.

    The confidence is learned by the quality focal loss (Li et al. 2020, "Generalized Focal Loss", equation 2).

    Args:
        found: (N, cells, VALUES) of the network.
        wanted: (N, cells, TARGETS).
    """
    target, counts, weight = wanted[..., 0], wanted[..., 1], wanted[..., 2]
    logit = found[..., 0]
    error = (torch.sigmoid(logit) - target).abs().square()
    faces = weight.sum().clamp(min=1)
    confidence = (F.binary_cross_entropy_with_logits(logit, target, reduction="none") * error * counts).sum() / faces
    side = torch.exp(torch.maximum(wanted[..., 5], wanted[..., 6]))
    shift = (found[..., 1:3] - wanted[..., 3:5]).abs().sum(-1) / side
    shape = (found[..., 3:5] - wanted[..., 5:7]).abs().sum(-1)
    box = ((3 * shift + shape) * weight).sum() / faces
    direction = ((found[..., 5:7] - wanted[..., 7:9]).square().sum(-1) * weight).sum() / faces
    total = confidence + _BOX_WEIGHT * box + _DIRECTION_WEIGHT * direction
    return {"total": total, "confidence": confidence, "box": box, "direction": direction}


def _add(result: F32, grid: F32, face: Truth) -> None:
    box, side = face.box, face.box.side
    angle = math.radians(box.angle_deg)
    for stride, (least, most) in zip(STRIDES, _SIDES, strict=True):
        if not least <= side < most:
            continue
        rows = np.flatnonzero(grid[:, 2] == stride)
        away = ((grid[rows, :2] - np.array(face.visible_xy, np.float32)) / stride) ** 2
        distance = away.sum(axis=1)
        confidence = np.exp((distance.min() - distance) / (2 * _SPREAD**2))
        result[rows, 0] = np.maximum(result[rows, 0], confidence)
        learned = rows[(confidence >= _BOX_FROM)]
        result[learned, 1:3] = 1
        result[learned, 3] = (box.centre_x - grid[learned, 0]) / stride
        result[learned, 4] = (box.centre_y - grid[learned, 1]) / stride
        result[learned, 5:] = (
            math.log(box.width / stride), math.log(box.height / stride), math.cos(angle), math.sin(angle)
        )  # fmt: skip
