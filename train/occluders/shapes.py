"""Occluders that are drawn: blobs, polygons, bars, microphones, sunglasses, and what fills them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from train.heads.contour import Points

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

_SHIFT = 4  # polygons are drawn with 1/16 pixel corners


def random_shape(size: int, centre: Points, face_side: float, rng: Rng) -> F32:
    """(size, size) float32 alpha of a blob, a polygon or a bar near `centre`."""
    radius = rng.uniform(0.12, 0.5) * face_side
    kind = rng.random()
    if kind < 0.35:  # a bar: an arm, a stick, a strap
        angle, width = rng.uniform(0, math.pi), rng.uniform(0.05, 0.5) * face_side
        along = np.array([math.cos(angle), math.sin(angle)])
        ends = centre - along * radius * rng.uniform(1, 4), centre + along * radius * rng.uniform(0.5, 4)
        return _line(size, ends[0], ends[1], width)
    angles = np.sort(rng.uniform(0, 2 * math.pi, rng.integers(3, 8)))
    if kind < 0.6:  # a polygon
        radii = radius * rng.uniform(0.6, 1.4, len(angles))
    else:  # a smooth blob
        angles = np.linspace(0, 2 * math.pi, 48, endpoint=False)
        waves = sum(rng.normal(0, 0.25 / k) * np.cos(k * angles + rng.uniform(0, 6.3)) for k in range(1, 5))
        radii = radius * np.clip(1 + waves, 0.2, 2)
    corners = centre + np.stack([np.cos(angles) * radii * rng.uniform(0.6, 1.6), np.sin(angles) * radii], axis=1)
    return polygon(size, corners)


def polygon(size: int, corners: npt.NDArray[np.floating]) -> F32:
    """(size, size) float32 alpha of a filled polygon with smooth edges."""
    mask = np.zeros((size, size), np.uint8)
    points = np.round(corners * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(mask, [points], 255, lineType=cv2.LINE_AA, shift=_SHIFT)
    return mask.astype(np.float32) / 255


def texture(size: int, rng: Rng, skin_lab: F32) -> F32:
    """(size, size, 3) float32 RGB 0..255: flat, graded, noisy, striped, or like the face's own skin."""
    colour = rng.uniform(0, 255, 3)
    if rng.random() < 0.3:
        lab = np.clip(skin_lab + rng.normal(0, (14, 3, 4)), 0, 255).astype(np.uint8)
        colour = cv2.cvtColor(lab[None, None], cv2.COLOR_LAB2RGB)[0, 0].astype(np.float64)
    filled = _shaded(colour, _ramp(size, rng, rng.uniform(0, 0.6)))
    kind = rng.random()
    if kind < 0.35:  # noise at some scale
        cells = int(rng.integers(3, 48))
        noise = rng.normal(0, rng.uniform(5, 60), (cells, cells, 3)).astype(np.float32)
        filled += cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)
    elif kind < 0.55:  # stripes
        angle, period = rng.uniform(0, math.pi), rng.uniform(3, 24)
        steps = np.arange(size, dtype=np.float32) * np.float32(2 * math.pi / period)
        wave = np.sin(steps[:, None] * np.float32(math.sin(angle)) + steps * np.float32(math.cos(angle)))
        filled += _shaded(rng.normal(0, 50, 3), wave)
    return np.minimum(np.maximum(filled, 0), 255)


def microphone(size: int, tip: Points, face_side: float, rng: Rng) -> tuple[F32, F32]:
    """A round head and a handle that leads out of the picture below. Returns (rgb, alpha)."""
    radius = rng.uniform(0.08, 0.2) * face_side
    lean = rng.normal(0, 0.5)
    direction = np.array([math.sin(lean), math.cos(lean)])
    columns = np.arange(size, dtype=np.float32)
    rows = columns[:, None]
    distance = np.hypot(columns - tip[0], rows - tip[1])
    head = np.clip(radius - distance + 0.5, 0, 1)
    handle = _line(size, tip, tip + direction * size * 2, radius * rng.uniform(0.8, 1.5))
    shade = np.clip(1.2 - np.hypot(columns - tip[0] + radius / 3, rows - tip[1] + radius / 3) / (2 * radius), 0.3, 1.2)
    grille = rng.normal(0, 14, (size, size)).astype(np.float32)
    colour_head = rng.uniform(20, 190) if rng.random() < 0.6 else rng.uniform(0, 255, 3)
    colour_handle = rng.uniform(0, 80) + rng.normal(0, 10, 3)
    rgb = np.ones((size, size, 3), np.float32) * np.float32(colour_handle)
    rgb = np.where(head[:, :, None] > 0, (np.float32(colour_head) * shade[:, :, None] + grille[:, :, None]), rgb)
    return np.clip(rgb, 0, 255).astype(np.float32), np.maximum(head, handle)


def sunglasses(size: int, eyes: Sequence[Points], rng: Rng) -> tuple[F32, F32]:
    """Two lenses, a bridge and temples. `eyes` holds (2, 2) outer and inner corner of each. Returns (rgb, alpha)."""
    lenses, frame = _glasses(size, eyes, rng)
    colour = rng.uniform(0, 70, 3) if rng.random() < 0.75 else rng.uniform(0, 255, 3)
    rgb = _shaded(colour, _ramp(size, rng, 0.5))
    return np.clip(rgb, 0, 255).astype(np.float32), np.maximum(lenses * rng.uniform(0.88, 1.0), frame)


def eyewear(size: int, eyes: Sequence[Points], rng: Rng) -> tuple[F32, F32]:
    """Glasses whose lenses fade, mirror or reflect, in a frame of another colour; otherwise as `sunglasses`."""
    lenses, frame = _glasses(size, eyes, rng, thick=rng.uniform(0.4, 2.0))
    middle = np.mean(np.concatenate(list(eyes)), axis=0)
    reach = float(np.linalg.norm(eyes[0][0] - eyes[0][1])) + 1e-3
    steps = np.clip((np.arange(size, dtype=np.float32) - middle[1]) / (2 * reach) + 0.5, 0, 1)  # 0 at the top
    down = steps[:, None] * np.ones(size, np.float32)
    top, bottom = rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)
    if rng.random() < 0.5:  # fading, dark at the top
        top, bottom = rng.uniform(0, 60, 3), rng.uniform(40, 170, 3)
        lenses = lenses * np.float32(1 - rng.uniform(0, 0.4) * down)
    lens = _shaded(top, 1 - down) + _shaded(bottom, down)
    if rng.random() < 0.5:  # the world before it
        lens += np.float32(rng.uniform(0.1, 0.5)) * (texture(size, rng, np.array((128, 128, 128), np.float32)) - 128)
    for _ in range(rng.integers(0, 3)):  # windows and lamps
        light = random_shape(size, middle + rng.normal(0, reach, 2), reach, rng)
        lens += light[:, :, None] * np.float32(rng.uniform(20, 160))
    colour = rng.uniform(0, 60, 3) if rng.random() < 0.5 else rng.uniform(0, 255, 3)
    rgb = np.where(lenses[:, :, None] > 0.3, lens, _shaded(colour, _ramp(size, rng, 0.3)))
    return np.clip(rgb, 0, 255).astype(np.float32), np.maximum(lenses * np.float32(rng.uniform(0.85, 1.0)), frame)


def clear_glasses(size: int, eyes: Sequence[Points], rng: Rng) -> tuple[F32, F32]:
    """Glasses that one sees through: rims, some of them only above, bridge, temples, and what the lenses reflect."""
    lenses, frame = _glasses(size, eyes, rng, thick=rng.uniform(0.2, 0.9))
    reach = float(np.linalg.norm(eyes[0][0] - eyes[0][1])) + 1e-3
    rim = max(0.6, rng.uniform(0.02, 0.14) * reach)
    inner = cv2.erode(lenses, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(rim) + 1,) * 2))
    rims = np.clip(lenses - inner, 0, 1) * np.float32(min(1.0, rim))
    if rng.random() < 0.4:  # none below
        middle = np.float32(np.mean(np.concatenate(list(eyes)), axis=0)[1])
        rows = np.arange(size, dtype=np.float32)[:, None]
        rims = rims * np.clip(0.5 + (middle - rows) / reach, rng.uniform(0, 0.5), 1)
    glare = lenses * random_shape(size, eyes[int(rng.integers(2))].mean(axis=0), 2 * reach, rng)
    alpha = np.maximum(np.maximum(rims, frame * rng.uniform(0.5, 1)), lenses * rng.uniform(0, 0.12))
    shine = np.float32(rng.uniform(0, 0.4) if rng.random() < 0.3 else 0.0)
    colour = rng.uniform(0, 60, 3) if rng.random() < 0.6 else rng.uniform(0, 255, 3)
    rgb = _shaded(colour, _ramp(size, rng, 0.3))
    rgb += (rng.uniform(180, 255) - rgb) * (glare * inner)[:, :, None]
    return np.clip(rgb, 0, 255).astype(np.float32), np.maximum(alpha, glare * shine).astype(np.float32)


def _glasses(size: int, eyes: Sequence[Points], rng: Rng, thick: float = 1.0) -> tuple[F32, F32]:
    """(size, size) float32 alpha of two lenses, and of their bridge and temples."""
    roundness = rng.uniform(2, 5)
    angles = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    cos, sin = np.cos(angles), np.sin(angles)
    ring = np.stack(
        [np.sign(cos) * np.abs(cos) ** (2 / roundness), np.sign(sin) * np.abs(sin) ** (2 / roundness)], axis=1
    )
    wide, high, drop = rng.uniform(0.9, 1.25), rng.uniform(0.7, 1.15), rng.uniform(0, 0.25)
    lenses = np.zeros((size, size), np.float32)
    frame = np.zeros((size, size), np.float32)
    for outer, inner in eyes:
        along = outer - inner
        length = float(np.linalg.norm(along)) + 1e-3
        axis = along / length
        normal = np.array([-axis[1], axis[0]]) * (1 if axis[0] > 0 else -1)
        centre = (outer + inner) / 2 + normal * drop * length
        corners = centre + ring[:, :1] * axis * length * wide + ring[:, 1:] * normal * length * high
        lenses = np.maximum(lenses, polygon(size, corners))
        frame = np.maximum(frame, _line(size, outer, outer + axis * length * 1.6, 0.12 * thick * length))
    width = 0.14 * thick * float(np.linalg.norm(eyes[0][0] - eyes[0][1]))
    return lenses, np.maximum(frame, _line(size, eyes[0][1], eyes[1][1], width))


def headwear(size: int, brow: Points, across: Points, up: Points, rng: Rng) -> F32:
    """(size, size) float32 alpha of a cap, a hat or a band whose lower edge crosses the forehead.

    Args:
        brow: (2,) the middle of the lower edge.
        across: (2,) half of the face's width, from the middle to one side.
        up: (2,) the face's height, from chin to forehead.
    """
    steps = np.linspace(-1, 1, 15)[:, None]
    wide, arch, drop = rng.uniform(1.0, 1.4), rng.normal(0.0, 0.08), rng.uniform(0.0, 0.12)
    lower = brow + steps * across * wide + (arch * (1 - steps**2) - drop * steps**2) * up
    tall = rng.uniform(0.1, 0.25) if rng.random() < 0.25 else rng.uniform(0.4, 0.9)
    upper = brow + steps[::-1] * across * wide * rng.uniform(0.7, 1.1) + tall * np.sqrt(1.05 - steps**2) * up
    alpha = polygon(size, np.concatenate([lower, upper]))
    if rng.random() < 0.4:  # a brim
        ends = brow - across * wide * 1.15, brow + across * wide * 1.15
        alpha = np.maximum(alpha, _line(size, ends[0], ends[1], rng.uniform(0.03, 0.12) * float(np.linalg.norm(up))))
    return alpha


def scarf(size: int, edge: Points, across: Points, up: Points, rng: Rng) -> F32:
    """(size, size) float32 alpha of cloth from below up to an edge that crosses the face; as `headwear` otherwise."""
    steps = np.linspace(-1, 1, 15)[:, None]
    wide, sag = rng.uniform(1.0, 1.3), rng.normal(0.0, 0.1)
    upper = edge + steps * across * wide + sag * (1 - steps**2) * up
    lower = edge + steps[::-1] * across * wide * rng.uniform(0.6, 1.8) - rng.uniform(0.5, 1.5) * up
    return polygon(size, np.concatenate([upper, lower]))


def motion_kernel(length: int, degrees: float) -> F32:
    """(length, length) float32: a line that sums to one."""
    kernel = np.zeros((length, length), np.float32)
    middle = (length - 1) / 2
    dx, dy = math.cos(math.radians(degrees)) * middle, math.sin(math.radians(degrees)) * middle
    cv2.line(kernel, (round(middle - dx), round(middle - dy)), (round(middle + dx), round(middle + dy)), 1.0)
    return kernel / kernel.sum()


def _ramp(size: int, rng: Rng, strength: float) -> F32:
    """(size, size) float32 around 1: light that falls off in a random direction."""
    angle = rng.uniform(0, 2 * math.pi)
    steps = np.linspace(-1, 1, size, dtype=np.float32)
    steps *= np.float32(strength)
    return 1 + steps * np.float32(math.cos(angle)) + steps[:, None] * np.float32(math.sin(angle))


def _shaded(colour: npt.NDArray[np.floating], light: F32) -> F32:
    """(size, size, 3) float32: a colour times the light at each pixel."""
    return cv2.merge([light * np.float32(value) for value in colour])


def _line(size: int, start: npt.NDArray[np.floating], end: npt.NDArray[np.floating], width: float) -> F32:
    """(size, size) float32 alpha of a thick line with round ends."""
    mask = np.zeros((size, size), np.uint8)
    points = [tuple(int(v) for v in np.clip(np.round(p * (1 << _SHIFT)), -(1 << 14), 1 << 14)) for p in (start, end)]
    cv2.line(mask, points[0], points[1], 255, max(1, round(width)), cv2.LINE_AA, _SHIFT)
    return mask.astype(np.float32) / 255
