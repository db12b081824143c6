"""Two things that pass in front of a face in the sample clip, drawn from formulas: a hand and a microphone.

Each is a sprite, `(H, W, 4) float32`: RGB 0..255 multiplied by alpha, and alpha 0..1. Shapes are unions of tapered
capsules; their height above the picture gives the shading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
_SEAM = 0.029  # how far two bones flow into each other, in units
_LIGHT = np.array([-0.42, 0.50, 0.76], np.float32)  # from the upper left, as in the portrait
_SKIN, _FLUSH, _NAIL = np.array([[230, 168, 132], [208, 118, 92], [238, 196, 182]], np.float32)


@dataclass(frozen=True)
class Bone:
    """A tapered capsule: two ends and their radii, in units of half a palm (y upwards)."""

    start: tuple[float, float]
    end: tuple[float, float]
    start_radius: float
    end_radius: float


@dataclass(frozen=True)
class Canvas:
    """A sprite's raster: (x, y) of each pixel's centre in units, y upwards."""

    unit_px: float
    left: float
    top: float
    right: float
    bottom: float

    def grid(self) -> tuple[F32, F32]:
        """x and y, each (H, W) float32."""
        width, height = (round((high - low) * self.unit_px) for low, high in
                         ((self.left, self.right), (self.bottom, self.top)))  # fmt: skip
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        return (x + 0.5) / self.unit_px + self.left, self.top - (y + 0.5) / self.unit_px

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies in the sprite, in pixels."""
        return (x - self.left) * self.unit_px, (self.top - y) * self.unit_px


HAND = Canvas(unit_px=185, left=-1.45, top=1.75, right=1.45, bottom=-3.0)
MICROPHONE = Canvas(unit_px=118, left=-1.0, top=1.1, right=1.0, bottom=-3.4)

_KNUCKLES = ((-0.43, 0.42), (-0.15, 0.52), (0.14, 0.48), (0.41, 0.33))
# degrees from upright, length, radius
_FINGERS = ((-12.0, 0.98, 0.142), (-3.0, 1.10, 0.146), (6.0, 1.02, 0.140), (17.0, 0.78, 0.120))


def hand() -> F32:
    """The back of a right hand with spread fingers, in a dark sleeve with a white cuff."""
    x, y = HAND.grid()
    fingers = [_finger(root, *shape) for root, shape in zip(_KNUCKLES, _FINGERS, strict=True)]
    thumb = [Bone((-0.36, -0.52), (-0.72, -0.10), 0.24, 0.17), Bone((-0.72, -0.10), (-0.94, 0.36), 0.165, 0.118)]
    palm = [Bone((knuckle_x * 0.62, -0.62), (knuckle_x, knuckle_y), 0.24, 0.17) for knuckle_x, knuckle_y in _KNUCKLES]
    wrist = [Bone((0.0, -0.55), (0.03, -1.7), 0.40, 0.33)]
    distance, height = _union(x, y, [*palm, *wrist, *thumb, *(bone for finger in fingers for bone in finger)])
    skin = _skin(x, y, [*fingers, thumb]) * _shading(height, HAND)
    sprite = _over(None, skin, _coverage(distance, HAND))
    for colour, opening_y, radius in (((236, 236, 232), -1.36, 0.45), ((34, 36, 52), -1.52, 0.53)):
        distance, height = _union(x, y, [Bone((0.03, opening_y), (0.20, -7.0), radius, radius + 0.35)])
        distance = np.maximum(distance, y - opening_y - 0.03 * np.cos(4 * x))  # cut straight at the opening, not round
        cloth = _cloth(x, y, opening_y, colour) * _shading(height, HAND)
        sprite = _over(sprite, cloth, _coverage(distance, HAND))
    return sprite


def microphone() -> F32:
    """A reporter's microphone: a foam ball, a printed cube, a long handle."""
    x, y = MICROPHONE.grid()
    distance, height = _union(x, y, [Bone((0, -0.5), (0, -7.0), 0.24, 0.20)])
    gleam = 80 * _smooth(-abs(x + 0.09), -0.07, 0.0)[..., None]
    handle = _plain((52, 54, 60), x, grain_px=2, strength=0.03) * _shading(height, MICROPHONE) + gleam
    sprite = _over(None, handle, _coverage(distance, MICROPHONE))
    distance, height = _union(x, y, [Bone((0, -0.02), (0, 0.22), 0.66, 0.70)])
    foam = _plain((74, 76, 84), x, grain_px=2, strength=0.15) * _shading(height, MICROPHONE)
    sprite = _over(sprite, foam, _coverage(distance, MICROPHONE))
    across, up = abs(x), abs(y + 1.12)  # from the cube's middle
    bars = ((up < 0.20) & (abs(abs(across - 0.09) - 0.09) < 0.05))[..., None]
    cube = np.where(bars, (178.0, 44.0, 52.0), (228.0, 230.0, 232.0))
    cube = cube * np.where((across < 0.40) & (up < 0.33), 1.0, 0.86)[..., None]
    cube = cube * (1.02 - 0.22 * _smooth(x, -0.5, 0.5))[..., None]
    return _over(sprite, cube.astype(np.float32), _coverage(np.maximum(across - 0.47, up - 0.40), MICROPHONE))


def _finger(root: tuple[float, float], degrees: float, length: float, radius: float) -> list[Bone]:
    """Three bones from a knuckle, each a little thinner and a little more bent towards the middle."""
    bones, (x, y) = [], root
    for share, thick, thin, bend in ((0.46, 1.06, 0.98, 1.0), (0.30, 0.98, 0.90, 0.85), (0.24, 0.90, 0.78, 0.7)):
        angle = np.radians(degrees * bend)
        tip = (x + length * share * np.sin(angle), y + length * share * np.cos(angle))
        bones.append(Bone((x, y), tip, radius * thick, radius * thin))
        x, y = tip
    return bones


def _union(x: F32, y: F32, bones: list[Bone]) -> tuple[F32, F32]:
    """Signed distance to the union (negative inside) and its height above the picture, both in units."""
    near, high = np.zeros_like(x), np.zeros_like(x)
    for bone in bones:
        length = float(np.hypot(*np.subtract(bone.end, bone.start)))
        forward, sideways = _beside(x, y, bone, bone.start)
        along = np.clip(forward / length, 0, 1)
        off_axis = np.hypot(forward - along * length, sideways)
        radius = bone.start_radius + along * (bone.end_radius - bone.start_radius)
        near += np.exp(np.clip((radius - off_axis) / _SEAM, -60, 60))
        high += np.exp(np.sqrt(np.maximum(radius * radius - off_axis * off_axis, 0)) * 0.8 / _SEAM)
    return -_SEAM * np.log(near), _SEAM * np.log(high / len(bones))


def _skin(x: F32, y: F32, fingers: list[list[Bone]]) -> F32:
    """(H, W, 3): skin, redder at the joints, with creases over the joints and nails."""
    flush = 0.10 * _grain(x.shape, 40, 1.0)
    dark, nail = np.ones_like(x), np.zeros_like(x)
    for bones in fingers:
        for bone in bones:
            flush += 0.38 * np.exp(-((x - bone.start[0]) ** 2 + (y - bone.start[1]) ** 2) / 0.022)
        for bone in bones[1:]:
            forward, sideways = _beside(x, y, bone, bone.start)
            for offset in (-0.05, 0.03):
                crease = np.exp(-(((forward - offset + 1.2 * sideways**2) / 0.012) ** 2))
                dark -= 0.16 * crease * (abs(sideways) < 0.10)
        forward, sideways = _beside(x, y, bones[-1], bones[-1].end)
        radius = bones[-1].end_radius
        outside = (abs(forward) / (radius * 0.80)) ** 3 + (abs(sideways) / (radius * 0.62)) ** 3
        nail = np.maximum(nail, 0.85 * _smooth(1 - outside, 0.0, 0.35))
    colour = _mix(_SKIN, _FLUSH, np.clip(flush, 0, 0.8)) * (dark * _grain(x.shape, 1.2, 0.035))[..., None]
    return colour * (1 - nail[..., None]) + nail[..., None] * _NAIL


def _cloth(x: F32, y: F32, opening_y: float, colour: tuple[int, int, int]) -> F32:
    """(H, W, 3): a sleeve with folds, darker inside its opening."""
    folds = 1 + 0.10 * np.sin(5 * y + 3 * np.sin(2 * x)) * _smooth(opening_y - y, 0.0, 0.8)
    light = folds * (0.55 + 0.45 * _smooth(opening_y - y, 0.0, 0.12))
    return _plain(colour, x, grain_px=1, strength=0.05) * light[..., None]


def _beside(x: F32, y: F32, bone: Bone, origin: tuple[float, float]) -> tuple[F32, F32]:
    """Position relative to a point, along the bone's direction and across it."""
    along_x, along_y = np.subtract(bone.end, bone.start) / np.hypot(*np.subtract(bone.end, bone.start))
    from_x, from_y = x - origin[0], y - origin[1]
    return from_x * along_x + from_y * along_y, from_x * along_y - from_y * along_x


def _shading(height: F32, canvas: Canvas) -> F32:
    """(H, W, 1): light from `_LIGHT` on a height field, dimmer in creases."""
    soft = cv2.GaussianBlur(height, (0, 0), canvas.unit_px * 0.022)
    slope_y, slope_x = np.gradient(soft, 1 / canvas.unit_px)
    normal = np.dstack([-slope_x, slope_y, np.ones_like(soft)])
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    light = np.clip(normal @ (_LIGHT / np.linalg.norm(_LIGHT)), 0, 1)
    crease = np.clip((cv2.GaussianBlur(soft, (0, 0), canvas.unit_px * 0.06) - soft) * 3, 0, 0.25)
    return (0.34 + 0.78 * light - crease)[..., None].astype(np.float32)


def _coverage(distance: F32, canvas: Canvas) -> F32:
    """Alpha 0..1 from a signed distance, with an edge about two pixels wide, as soft as the portrait's."""
    return _smooth(-distance * canvas.unit_px, -1.2, 1.2)


def _over(below: F32 | None, colour: F32, alpha: F32) -> F32:
    """A layer put over a sprite (both with RGB multiplied by alpha)."""
    layer = np.dstack([np.clip(colour, 0, 255) * alpha[..., None], alpha]).astype(np.float32)
    return layer if below is None else layer + below * (1 - alpha[..., None])


def _mix(first: F32, second: F32, share: F32) -> F32:
    """(H, W, 3): two colours, mixed by a map of shares 0..1."""
    return (first * (1 - share[..., None]) + second * share[..., None]).astype(np.float32)


def _plain(colour: tuple[int, int, int], like: F32, *, grain_px: float, strength: float) -> F32:
    """(H, W, 3): one colour with grain."""
    return (np.array(colour) * _grain(like.shape, grain_px, strength)[..., None]).astype(np.float32)


def _smooth(value: npt.NDArray[Any], low: float, high: float) -> F32:
    """0 below `low`, 1 above `high`, smooth between (Hermite)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _grain(shape: tuple[int, ...], size_px: float, strength: float) -> F32:
    """Noise around 1, the same at every call, with grains of about `size_px`."""
    noise = np.random.default_rng(7).standard_normal(shape).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), size_px)
    return (1 + blurred * (strength / blurred.std())).astype(np.float32)
