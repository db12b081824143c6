"""How a tracker's crop frames what it follows: random place, size and angle; and what a camera does to it."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import U8
from train.data.augment import random_look
from train.occluders import shapes

Rng = np.random.Generator
Affine = npt.NDArray[np.float64]

_UPRIGHT_SHARE = 0.5
_FAR_OFF_SHARE = 0.2
_LEAST_ZOOM, _MOST_ZOOM = 0.62, 1.5  # a tracker's region drifts by a factor of 1.6 at most
_SMALLEST_PX = 20
_LEAST_CONTRAST, _TRIES = 8.0, 8  # standard deviation of the crop's values
_SMALL_SHARE, _DARK_SHARE, _MOVED_SHARE, _EDGE_SHARE = 0.15, 0.08, 0.1, 0.12


def random_angle(rng: Rng) -> float:
    """Degrees, clockwise: near upright half of the time, else any angle."""
    return float(rng.normal(0, 12) if rng.random() < _UPRIGHT_SHARE else rng.uniform(-180, 180))


def tracked_framing(rng: Rng, crop_scale: float) -> Affine:
    """A random framing of a face, as a tracker's drift makes it: up to 40 % of the crop beside the middle.

    Returns:
        (3, 3) affine in units of the full-face box's longer side, about the box's centre.
    """
    zoom = math.exp(rng.uniform(math.log(_LEAST_ZOOM), math.log(_MOST_ZOOM)))
    if rng.random() < _FAR_OFF_SHARE:
        direction, reach = rng.uniform(0, 2 * math.pi), rng.uniform(0.15, 0.4) * crop_scale
        shift = reach * np.array([math.cos(direction), math.sin(direction)])
    else:
        shift = rng.normal(0, 0.08, 2)
    stretch = np.diag([math.exp(rng.normal(0, 0.05)) * (-1 if rng.random() < 0.5 else 1), 1.0])
    framing = np.eye(3)
    framing[:2, :2] = zoom * turn(random_angle(rng)) @ stretch
    framing[:2, 2] = shift
    return framing


def turn(degrees: float) -> Affine:
    """(2, 2): a turn clockwise in the picture, whose y points down."""
    angle = math.radians(degrees)
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def filled_outside(rgb: U8, inside: U8, rng: Rng) -> U8:
    """A crop in which what lies outside its picture is a texture; or black, as at run time.

    Args:
        rgb: (S, S, 3) uint8, black outside.
        inside: (S, S) uint8: 255 inside the picture.
    """
    if inside.min() == 255 or rng.random() < 0.5:
        return rgb
    filling = shapes.texture(rgb.shape[0], rng, np.array((128, 128, 128), np.float32))
    return cv2.copyTo(rgb, (inside >= 253).astype(np.uint8), filling.astype(np.uint8))


def camera_look(rgb: U8, rng: Rng) -> U8:
    """A crop as a camera might show it: small, dark, moved, cut by the frame's edge; and all of `random_look`.

    What nobody could see any more in the dark or in glare is shown with another look.
    """
    for _ in range(_TRIES):
        shown = _random_camera(rgb, rng)
        if shown.std() >= min(_LEAST_CONTRAST, rgb.std()):
            break
    return shown


def _random_camera(rgb: U8, rng: Rng) -> U8:
    size_px = rgb.shape[0]
    if rng.random() < _MOVED_SHARE:
        rgb = _moved(rgb, rng)
    if rng.random() < _SMALL_SHARE:
        small = int(rng.integers(_SMALLEST_PX, size_px // 2))
        reduced = cv2.resize(rgb, (small, small), interpolation=cv2.INTER_AREA)
        rgb = cv2.resize(reduced, (size_px, size_px), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    if rng.random() < _DARK_SHARE:
        rgb = cv2.convertScaleAbs(rgb, alpha=rng.uniform(0.06, 0.3))
    rgb = random_look(rgb, rng)
    return _cut_by_edge(rgb, rng) if rng.random() < _EDGE_SHARE else rgb


def _moved(rgb: U8, rng: Rng) -> U8:
    length = int(rng.integers(3, rgb.shape[0] // 8))
    kernel = np.zeros((length, length), np.float32)
    middle = (length - 1) / 2
    across, down = turn(rng.uniform(0, 180))[:, 0] * middle
    ends = [(round(middle - sign * across), round(middle - sign * down)) for sign in (1, -1)]
    cv2.line(kernel, *ends, 1.0)
    return cv2.filter2D(rgb, -1, kernel / kernel.sum()).astype(np.uint8)


def _cut_by_edge(rgb: U8, rng: Rng) -> U8:
    """Black beyond an edge of the frame, which lies up to a third of the crop inside."""
    cut = int(rng.uniform(0.03, 0.33) * rgb.shape[0])
    quarters = int(rng.integers(4))
    turned = np.rot90(rgb, quarters).copy()
    turned[:cut] = 0
    return np.ascontiguousarray(np.rot90(turned, -quarters))
