"""From what the face finder's network returns to faces: cells, boxes, directions and suppression."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from realtime.faces.finding.blazeface import F32, SAME_FACE_IOU, iou

STRIDES = (8, 16, 32)
"""Pixels per cell of each of the network's grids."""
_MOST_CANDIDATES = 1000  # the best cells of one picture: sixty faces have about four each


@dataclass(frozen=True, eq=False)
class FoundFaces:
    """N faces, best first, in pixels of the network's input."""

    boxes: F32
    """(N, 4): centre x, centre y, width and height along the face's own axes."""
    up: F32
    """(N, 2): the face's upward direction, of length 1; x to the right, y downwards."""
    scores: F32
    """(N,) 0..1"""

    def angles_deg(self) -> F32:
        """(N,) how far the faces are turned clockwise from the picture's upright, -180..180."""
        return np.degrees(np.arctan2(self.up[:, 0], -self.up[:, 1]))


@functools.cache
def cells(size_px: int) -> F32:
    """(cells, 3): x and y of each cell's middle and its grid's stride in pixels: the finest grid first, row by row."""
    grids = []
    for stride in STRIDES:
        middles = (np.arange(size_px // stride, dtype=np.float32) + 0.5) * stride
        x, y = np.meshgrid(middles, middles)
        grids.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride, np.float32)], axis=1))
    return np.concatenate(grids)


def decode(values: F32, size_px: int, min_score: float) -> FoundFaces:
    """The cells that score at least `min_score`, best first, one face each.

    Args:
        values: (cells, 7) of the network: logit; x and y from the cell's middle, log width and log height, in strides;
            cosine and sine of the direction.
        size_px: side of the network's input.
        min_score: 0..1, inclusive.
    """
    least = np.log(min_score / (1 - min_score))
    rows = np.flatnonzero(values[:, 0] >= least)
    rows = rows[np.argsort(-values[rows, 0], kind="stable")][:_MOST_CANDIDATES]
    grid, found = cells(size_px)[rows], values[rows]
    strides = grid[:, 2:]
    centres = grid[:, :2] + found[:, 1:3] * strides
    sides = np.exp(np.clip(found[:, 3:5], -5, 5)) * strides
    up = np.stack([found[:, 6], -found[:, 5]], axis=1)
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), np.float32(1e-6))
    scores = 1 / (1 + np.exp(-np.clip(found[:, 0], -30, 30)))
    return FoundFaces(np.hstack([centres, sides]), up, scores.astype(np.float32))


def merged(faces: FoundFaces, same_face_iou: float = SAME_FACE_IOU) -> FoundFaces:
    """One face for all that overlap: their mean, weighted by the scores, with the best score.

    Overlap is that of squares of the boxes' areas, so that it does not depend on directions.

    Args:
        same_face_iou: boxes that overlap by more are one face.
    """
    half = np.sqrt(np.prod(faces.boxes[:, 2:], axis=1, keepdims=True)) / 2
    squares = np.hstack([faces.boxes[:, :2] - half, faces.boxes[:, :2] + half])
    left = np.argsort(-faces.scores, kind="stable")
    boxes, ups, scores = [], [], []
    while left.size:
        same = iou(squares[left[0]], squares[left]) > same_face_iou
        same[0] = True
        members, best = left[same], left[0]
        weights = faces.scores[members]
        boxes.append(np.average(faces.boxes[members], axis=0, weights=weights))
        up = np.average(faces.up[members], axis=0, weights=weights)
        ups.append(up / max(float(np.linalg.norm(up)), 1e-6))
        scores.append(faces.scores[best])
        left = left[~same]
    return FoundFaces(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(ups, np.float32).reshape(-1, 2),
        np.array(scores, np.float32),
    )
