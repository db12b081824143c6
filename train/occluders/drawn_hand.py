"""Hands that are drawn: unions of tapered capsules, shaded as if lit from a side, in any posture and skin.

Photographed hands have veins, creases and hard outlines; what a webcam shows of a hand in soft light often has none.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from train.heads.contour import Points

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

# In units of half a palm, y upwards: where fingers begin, how long and how thick they are.
_KNUCKLES = ((-0.42, 0.45), (-0.14, 0.53), (0.14, 0.50), (0.40, 0.36))
_LENGTHS, _RADII = (0.95, 1.08, 1.0, 0.76), (0.145, 0.15, 0.145, 0.125)
_LONGEST_BONE = 7.0  # of the forearm, which leads out of the picture
_FINGERS = slice(0, 8)  # of `_bones`: two bones each, from the knuckle to the tip


def drawn_hand(
    size: int, at: Points, face_side: float, skin_lab: F32, cloth: F32, rng: Rng, up_the_hand: float = 0.0
) -> tuple[F32, F32]:
    """A hand before a face, with a bare or a sleeved forearm.

    Args:
        size: side of the crop.
        at: (2,) where the middle of the palm is.
        face_side: of the face's box, in pixels.
        skin_lab: (3,) median Lab colour of the face, 0..255; the hand's own lies around it.
        cloth: (size, size, 3) float32 RGB, of the sleeve.
        up_the_hand: what lies at `at` in place of the palm, in half palms from its middle: the fingers from 0.5 on.

    Returns:
        (size, size, 3) float32 RGB 0..255, and (size, size) float32 alpha 0..1.
    """
    unit_px = face_side * rng.uniform(0.14, 0.32)  # half a palm is a fifth of a face; held before it, it looks larger
    x, y = _grid(size, at, unit_px, rng)
    y += np.float32(up_the_hand)
    hand, arm = _bones(rng), np.array([[0, -0.5, rng.normal(0, 0.6), -_LONGEST_BONE, 0.42, 0.5]], np.float32)
    distance, height = _union(x, y, hand)
    sleeve_distance, sleeve_height = _union(x, y, arm)
    light = rng.normal(0, 1, 2)
    light = np.append(light / np.linalg.norm(light) * rng.uniform(0.2, 0.8), 0.7)
    ambient = rng.uniform(0.35, 0.7)
    skin = _skin(x, y, hand[_FINGERS], skin_lab, rng)
    sleeve = cloth if rng.random() < 0.6 else skin
    rgb = skin * _shading(height, light, ambient, unit_px)[:, :, None]
    covered = np.clip(0.5 - sleeve_distance * unit_px, 0, 1) * (y < rng.uniform(-1.9, -0.9))
    dressed = sleeve * _shading(sleeve_height, light, ambient, unit_px)[:, :, None]
    rgb += (dressed - rgb) * covered[:, :, None]
    alpha = np.maximum(np.clip(0.5 - distance * unit_px, 0, 1), covered)
    return np.clip(rgb, 0, 255).astype(np.float32), alpha.astype(np.float32)


def _grid(size: int, at: Points, unit_px: float, rng: Rng) -> tuple[F32, F32]:
    """(size, size) x and y of each pixel in the hand's own units; either hand, any direction, mostly from below."""
    angle = rng.uniform(-math.pi, math.pi) if rng.random() < 0.25 else rng.normal(0, 0.9)
    mirrored = -1.0 if rng.random() < 0.5 else 1.0
    steps = np.arange(size, dtype=np.float32)
    dx, dy = (steps[None] - at[0]) / unit_px, (at[1] - steps[:, None]) / unit_px
    x = (dx * math.cos(angle) + dy * math.sin(angle)) * mirrored
    return x.astype(np.float32), (dy * math.cos(angle) - dx * math.sin(angle)).astype(np.float32)


def _bones(rng: Rng) -> F32:
    """(B, 6): x, y of both ends and their radii; the fingers' first."""
    spread, curl = rng.uniform(-0.03, 0.22), rng.uniform(0.25, 1.0) if rng.random() < 0.5 else 1.0
    fingers, palm = [], []
    for index, ((x, y), length, radius) in enumerate(zip(_KNUCKLES, _LENGTHS, _RADII, strict=True)):
        length *= max(0.2, curl * rng.uniform(0.8, 1.1))
        angle = (index - 1.4) * spread + rng.normal(0, 0.08)
        bend = angle + rng.normal(0, 0.12)
        middle = (x + 0.5 * length * math.sin(angle), y + 0.5 * length * math.cos(angle))
        end = (middle[0] + 0.5 * length * math.sin(bend), middle[1] + 0.5 * length * math.cos(bend))
        fingers += [(x, y, *middle, radius * 1.1, radius), (*middle, *end, radius, radius * 0.85)]
        palm.append((x * 0.6, -0.6, x, y, 0.26, 0.18))
    out, up = rng.uniform(0.55, 1.05), rng.uniform(-0.15, 0.45)
    thumb = [(-0.34, -0.5, -out * 0.75, up - 0.35, 0.25, 0.17), (-out * 0.75, up - 0.35, -out, up, 0.165, 0.12)]
    wrist = (0, -0.55, 0.03, -2.2, 0.40, 0.33)
    return np.array([*fingers, *palm, *thumb, wrist], np.float32) * np.float32(rng.uniform(0.92, 1.08))


def _union(x: F32, y: F32, bones: F32) -> tuple[F32, F32]:
    """(H, W) signed distance to the outline, and height above the picture, in units."""
    distance, height = np.full(x.shape, 9.0, np.float32), np.zeros(x.shape, np.float32)
    for ax, ay, bx, by, start, end in bones.tolist():
        dx, dy = bx - ax, by - ay
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
        away = np.hypot(x - ax - along * dx, y - ay - along * dy)
        radius = start + (end - start) * along
        distance = np.minimum(distance, away - radius)
        height = np.maximum(height, np.sqrt(np.maximum(radius * radius - away * away, 0)))
    return distance, height


def _shading(height: F32, light: npt.NDArray[np.floating], ambient: float, unit_px: float) -> F32:
    """(H, W) around 1: how bright a surface of that height is; darker where fingers meet."""
    soft = cv2.GaussianBlur(height, (0, 0), max(0.3, 0.04 * unit_px)) * np.float32(unit_px)
    slope_x, slope_y = cv2.Scharr(soft, -1, 1, 0, scale=1 / 32), cv2.Scharr(soft, -1, 0, 1, scale=1 / 32)
    facing = (light[2] - light[0] * slope_x - light[1] * slope_y) / np.sqrt(1 + slope_x**2 + slope_y**2)
    around = cv2.GaussianBlur(height, (0, 0), max(0.5, 0.1 * unit_px))
    creases = np.clip(2 * (around - height), 0, 0.25)
    return (ambient + (1 - ambient) * np.clip(facing / light[2], 0, 1.6) - creases).astype(np.float32)


def _skin(x: F32, y: F32, fingers: F32, skin_lab: F32, rng: Rng) -> F32:
    """(H, W, 3) RGB: mottled, redder at the joints, with creases over them; nails where the back of the hand shows."""
    blush = rng.uniform(0, 0.25) * _mottle(x.shape, rng)
    dark, nails = np.ones_like(x), np.zeros(x.shape, bool)
    at_joints, depth, back = rng.uniform(0, 0.5), rng.uniform(0, 0.3), rng.random() < 0.6
    for index, (ax, ay, bx, by, radius, end) in enumerate(fingers.tolist()):
        along, across = _beside(x, y, (ax, ay), (bx, by))
        blush += at_joints * np.exp(-(along**2 + across**2) / 0.03)
        dark -= depth * np.exp(-((along / 0.03) ** 2)) * (np.abs(across) < radius)
        if back and index % 2:  # the last bone
            along, across = _beside(x, y, (bx, by), (2 * bx - ax, 2 * by - ay))
            nails |= (along / (0.8 * end)) ** 2 + (across / (0.65 * end)) ** 2 < 1
    tone, flushed = _tones(skin_lab, rng)
    skin = tone + (flushed - tone) * np.clip(blush, 0, 1)[:, :, None]
    nail = tone * rng.uniform(0.95, 1.2) + rng.uniform(0, 25)
    skin = np.where(nails[:, :, None], nail, skin)
    grain = rng.normal(1, rng.uniform(0, 0.03), x.shape)
    return (skin * (dark * grain)[:, :, None]).astype(np.float32)


def _beside(x: F32, y: F32, start: tuple[float, float], end: tuple[float, float]) -> tuple[F32, F32]:
    """(H, W) each: how far from a bone's start, along it and across."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = max(1e-3, math.hypot(dx, dy))
    along = ((x - start[0]) * dx + (y - start[1]) * dy) / length
    across = ((x - start[0]) * dy - (y - start[1]) * dx) / length
    return along, across


def _mottle(shape: tuple[int, ...], rng: Rng) -> F32:
    """(H, W) float32 0..1, of a cloud's smoothness."""
    cells = rng.random((int(rng.integers(6, 24)),) * 2, dtype=np.float32)
    return np.asarray(cv2.resize(cells, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32).clip(0, 1)


def _tones(skin_lab: F32, rng: Rng) -> tuple[F32, F32]:
    """(3,) RGB of the skin, mostly like the face's own, a little lighter, darker or redder; and of its blush."""
    lab = skin_lab + rng.normal((12, 1, 0), (15, 3, 4))
    blush = np.array([rng.uniform(-25, 0), rng.uniform(4, 18), rng.uniform(-4, 6)])
    both = np.clip([lab, lab + blush], 0, 255).astype(np.uint8)
    tone, flushed = np.asarray(cv2.cvtColor(both[None], cv2.COLOR_LAB2RGB)[0], np.float32)
    return tone, flushed
