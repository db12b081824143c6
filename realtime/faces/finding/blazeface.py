"""BlazeFace's arithmetic: anchors, decoding, suppression (Bazarevsky et al. 2019, "BlazeFace: Sub-millisecond Neural
Face Detection on Mobile GPUs"). The networks themselves come with MediaPipe; `realtime.faces.detect` runs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
SAME_FACE_IOU = 0.3  # boxes that overlap more than this are one face (section 4, "post-processing")


@dataclass(frozen=True)
class FullFaceFromRaw:
    """Maps a network's own box (brows to chin) to the full-face box, in units of the raw box's width and height."""

    shift_xy: tuple[float, float]
    scale_xy: tuple[float, float]

    def __call__(self, boxes_xyxy: F32, up: F32 | None = None) -> F32:
        """(N, 4) raw boxes -> (N, 4) full-face boxes, both left, top, right, bottom.

        Args:
            up: (N, 2) the upward direction of faces that are turned; None: all are upright.
        """
        size = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
        shift = size * np.array(self.shift_xy, np.float32)
        if up is not None:
            right = np.stack([-up[:, 1], up[:, 0]], axis=1)
            shift = shift[:, :1] * right - shift[:, 1:] * up
        centre = (boxes_xyxy[:, 2:] + boxes_xyxy[:, :2]) / 2 + shift
        half = size * np.array(self.scale_xy, np.float32) / 2
        return np.hstack([centre - half, centre + half])


@dataclass(frozen=True)
class BlazeFace:
    """One of MediaPipe's two face detection networks."""

    file_name: str
    size_px: int
    """Side of its square input, RGB in -1..1."""
    grids: tuple[tuple[int, int], ...]
    """(stride in pixels, anchors per cell) of each output grid, in the order of the outputs."""
    full_face_from_raw: FullFaceFromRaw

    def anchors(self) -> F32:
        """(A, 2): x, y of each anchor's centre in pixels of the input. Anchors have no size of their own."""
        return np.concatenate([_grid(self.size_px, stride, per_cell) for stride, per_cell in self.grids])


def decode(regressors: F32, logits: F32, anchors: F32, min_score: float) -> tuple[F32, F32]:
    """The candidates that score at least `min_score`.

    Args:
        regressors: (A, 16), in pixels of the input: centre x, y from the anchor, width, height, then six key points.
        logits: (A,).
        anchors: (A, 2).
        min_score: 0..1, inclusive.

    Returns:
        (N, 16) in pixels of the input: left, top, right, bottom of a box, then x, y of right eye, left eye, tip of the
        nose, mouth, right ear and left ear; and scores (N,) in 0..1.
    """
    found = logits >= np.log(min_score / (1 - min_score))
    scores = 1 / (1 + np.exp(-np.clip(logits[found], -100, 100)))
    centre = regressors[found, :2] + anchors[found]
    half = regressors[found, 2:4] / 2
    key_points = regressors[found, 4:] + np.tile(anchors[found], 6)
    return np.hstack([centre - half, centre + half, key_points]), scores.astype(np.float32)


def upward(key_points: F32) -> F32:
    """(N, 2): the upward direction of faces, of length 1; x to the right, y downwards.

    It comes from the line between the eyes and the one from them to the mouth: each is short in some profiles.

    Args:
        key_points: (N, 12), as `decode` returns them after the boxes.
    """
    right_eye, left_eye, _, mouth, _, _ = np.split(key_points, 6, axis=1)
    down = mouth - (right_eye + left_eye) / 2
    across = left_eye - right_eye + np.stack([down[:, 1], -down[:, 0]], axis=1)
    up = np.stack([across[:, 1], -across[:, 0]], axis=1)
    return up / np.maximum(np.linalg.norm(up, axis=1, keepdims=True), np.float32(1e-6))


def angle_deg(up: F32) -> F32:
    """(N,): how far upward directions (N, 2) are turned clockwise from the picture's, -180..180."""
    return np.degrees(np.arctan2(up[:, 0], -up[:, 1]))


def weighted_nms(boxes_xyxy: F32, scores: F32, same_face_iou: float = SAME_FACE_IOU) -> tuple[F32, F32]:
    """One box per face, best first: the mean of the boxes that overlap the best one, weighted by their scores.

    The mean jitters less from frame to frame than the best box alone (section 4 of the paper).

    Args:
        boxes_xyxy: (N, 4), or more columns that are averaged likewise.
        scores: (N,).
        same_face_iou: boxes that overlap by more are one face.

    Returns:
        (M, 4), or as many columns, and (M,), M <= N; the score is the best of those that were merged.
    """
    left = np.argsort(-scores, kind="stable")
    boxes, best_scores = [], []
    while left.size:
        same = iou(boxes_xyxy[left[0], :4], boxes_xyxy[left, :4]) > same_face_iou
        same[0] = True
        members = left[same]
        boxes.append(np.average(boxes_xyxy[members], axis=0, weights=scores[members]))
        best_scores.append(scores[left[0]])
        left = left[~same]
    return np.array(boxes, np.float32).reshape(-1, boxes_xyxy.shape[1]), np.array(best_scores, np.float32)


def iou(box_xyxy: F32, boxes_xyxy: F32) -> F32:
    """(N,) intersection over union of one box with (N, 4) others; 0 where a box is empty."""
    overlap = np.minimum(box_xyxy[2:], boxes_xyxy[:, 2:]) - np.maximum(box_xyxy[:2], boxes_xyxy[:, :2])
    intersection = np.prod(np.maximum(overlap, 0), axis=1)
    areas = np.prod(np.maximum(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 0), axis=1)
    union = np.prod(np.maximum(box_xyxy[2:] - box_xyxy[:2], 0)) + areas - intersection
    return intersection / np.maximum(union, np.float32(1e-9))


def _grid(size_px: int, stride: int, per_cell: int) -> F32:
    centres = (np.arange(size_px // stride, dtype=np.float32) + 0.5) * stride
    x, y = np.meshgrid(centres, centres)
    return np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), per_cell, axis=0)


def replaced(faces: F32, scores: F32, turned: F32, turned_scores: F32) -> tuple[F32, F32]:
    """The faces of a search, best first, with turned ones in place of those whose middle lies in them."""
    if not len(turned):
        return faces, scores
    middle = (faces[:, None, :2] + faces[:, None, 2:4]) / 2
    others = ~((middle > turned[:, :2]) & (middle < turned[:, 2:4])).all(axis=2).any(axis=1)
    scores = np.concatenate([scores[others], turned_scores])
    best_first = np.argsort(-scores, kind="stable")
    return np.concatenate([faces[others], turned])[best_first], scores[best_first]


def same_face(face: F32, faces: F32) -> npt.NDArray[np.bool_]:
    """(N,) bool: which of some faces overlap with one so much that they are the same."""
    return iou(face[:4], faces[:, :4]) > SAME_FACE_IOU
