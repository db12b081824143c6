"""Test-time augmentation: a network's prediction for a face, averaged over several crops and their mirror images.

Averaging smooths outlines and outvotes single mistakes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import ModelSpec
from realtime.frames.crop import crop_from_frame, region_from_box
from realtime.frames.resampling import centres, warp
from realtime.frames.types import U8
from train.heads.contour import contour
from train.heads.landmarks import CHIN, FOREHEAD, Points

F32 = npt.NDArray[np.float32]
Affine = npt.NDArray[np.float64]
Parse = Callable[[U8], U8]
"""(N, S, S, 3) uint8 RGB crops -> (N, S, S, K) uint8 probabilities, 0..255."""
ToPlanes = Callable[[U8, bool], F32]
"""(S, S, K) uint8 probabilities of a crop, and whether its face is mirrored -> (S, S, C) float32 planes to average."""


@dataclass(frozen=True)
class Framing:
    """How a crop differs from the upright one that the landmarks give."""

    zoom: float = 1.0
    shift_x: float = 0.0
    """In sides of the face box."""
    shift_y: float = 0.0
    degrees: float = 0.0


# All lie well within the augmentation of training (train/data/augment.py). Each is used mirrored, too.
FRAMINGS = (
    Framing(1.0, 0.0, 0.0, 0.0),
    Framing(1.12, 0.03, 0.02, 5.0),
    Framing(0.9, -0.03, -0.02, -5.0),
    Framing(1.04, 0.05, -0.04, -8.0),
    Framing(0.96, -0.05, 0.04, 8.0),
)
_HAIRLINE = 0.16  # above the oval, of the face height: the boxes in training reach up to the hairline
_BORDER_PX = 4  # at a crop's border a network sees little, so predictions there have less weight
_MAX_PLANES = 4  # that OpenCV warps in one call


def averaged_prediction(parse: Parse, spec: ModelSpec, rgb: U8, landmarks: Points, to_planes: ToPlanes) -> F32:
    """A network's prediction for a face, averaged over all framings and their mirror images.

    Args:
        rgb: (H, W, 3) uint8.
        landmarks: (468 or more, 2 or 3), FaceMesh vertices in pixels.

    Returns:
        (H, W, C) float32; 0 outside all crops.
    """
    affines = [crop_affine(landmarks, spec, framing) for framing in FRAMINGS]
    crops = np.stack([warp(rgb, affine, spec.size_px) for affine in affines])
    probabilities = parse(np.concatenate([crops, crops[:, :, ::-1]]))
    straight, mirrored = probabilities[: len(affines)], probabilities[len(affines) :, :, ::-1]
    planes = [(to_planes(a, False) + to_planes(b, True)) / 2 for a, b in zip(straight, mirrored, strict=True)]
    return average_in_picture(planes, affines, rgb.shape[:2])


def crop_affine(landmarks: Points, spec: ModelSpec, framing: Framing) -> Affine:
    """(2, 3): picture -> crop with the face upright by its landmarks, changed by the framing."""
    up = landmarks[FOREHEAD, :2] - landmarks[CHIN, :2]
    turn = math.atan2(float(up[0]), -float(up[1])) + math.radians(framing.degrees)
    cosine, sine = math.cos(turn), math.sin(turn)
    rotation = np.array([[cosine, sine], [-sine, cosine]])  # turns `up` to (0, -1)
    outline = contour(landmarks, _HAIRLINE) @ rotation.T
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    side = max(right - left, bottom - top)
    dx, dy = framing.shift_x * side, framing.shift_y * side
    box = (left + dx, top + dy, right + dx, bottom + dy)
    crop_from_upright = crop_from_frame(region_from_box(box, spec.crop_scale / framing.zoom), spec.size_px)
    return np.hstack([crop_from_upright[:, :2] @ rotation, crop_from_upright[:, 2:]])


def average_in_picture(crops: list[F32], affines: list[Affine], shape: tuple[int, ...]) -> F32:
    """Warp (S, S, C) planes back to the picture, (H, W, C), and average them where crops overlap."""
    height, width = shape
    total = np.zeros((height, width, crops[0].shape[2]), np.float32)
    total_weight = np.zeros((height, width), np.float32)
    weights = _crop_weights(crops[0].shape[0])
    for crop, affine in zip(crops, affines, strict=True):
        x0, y0, x1, y1 = _window(affine, len(weights), (width, height))
        if x1 <= x0 or y1 <= y0:
            continue
        window_from_crop = cv2.invertAffineTransform(affine)
        window_from_crop[:, 2] -= (x0, y0)
        pixel_affine = centres(window_from_crop)
        total[y0:y1, x0:x1] += _warp_planes(crop * weights[:, :, None], pixel_affine, (x1 - x0, y1 - y0))
        total_weight[y0:y1, x0:x1] += cv2.warpAffine(weights, pixel_affine, (x1 - x0, y1 - y0))
    return total / np.maximum(total_weight, 1e-3)[:, :, None]


def _warp_planes(planes: F32, affine: Affine, size_wh: tuple[int, int]) -> F32:
    """`cv2.warpAffine` for any number of planes."""
    groups = [planes[:, :, k : k + _MAX_PLANES] for k in range(0, planes.shape[2], _MAX_PLANES)]
    return np.dstack([cv2.warpAffine(np.ascontiguousarray(group), affine, size_wh) for group in groups])


def _crop_weights(size_px: int) -> F32:
    """(S, S): 1, and less towards the border."""
    weights = np.zeros((size_px, size_px), np.float32)
    weights[_BORDER_PX:-_BORDER_PX, _BORDER_PX:-_BORDER_PX] = 1
    return cv2.GaussianBlur(weights, (0, 0), 3).astype(np.float32)


def _window(affine: Affine, size_px: int, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the part of the picture that a crop covers."""
    corners = np.array([[0, 0, 1], [size_px, 0, 1], [0, size_px, 1], [size_px, size_px, 1]], float)
    in_picture = corners @ cv2.invertAffineTransform(affine).T
    x0, y0 = np.floor(in_picture.min(axis=0)).astype(int)
    x1, y1 = np.ceil(in_picture.max(axis=0)).astype(int)
    return max(0, x0), max(0, y0), min(size_wh[0], x1), min(size_wh[1], y1)
