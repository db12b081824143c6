"""Hands that are drawn: unions of tapered capsules, lit from a side, in any posture and skin tone.

The cut-outs have veins, creases and sharp outlines. A webcam in soft light often shows a hand with none of them.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from train.heads.landmarks import Points
from train.occluders.scene import Patch, Scene
from train.occluders.shapes import texture

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

# In units of half a palm, y upwards: where fingers begin, how long and how thick they are.
_KNUCKLES = ((-0.42, 0.45), (-0.14, 0.53), (0.14, 0.50), (0.40, 0.36))
_LENGTHS, _RADII = (0.95, 1.08, 1.0, 0.76), (0.145, 0.15, 0.145, 0.125)
_FOREARM_LENGTH = 7.0  # long enough to leave the crop
_FINGER_BONES = slice(0, 8)  # of `_random_bones`: two for each finger, from the knuckle to the tip


def drawn_hand(scene: Scene, rng: Rng) -> Patch:
    """A drawn hand in about the skin tone of the face, half of them with the fingers at the eyes."""
    centre, up_the_hand = scene.random_point(rng), 0.0
    if rng.random() < 0.5:
        eyes = np.concatenate(scene.eye_corners()).mean(axis=0)
        centre = eyes + rng.normal(0, 0.2, 2).astype(np.float32) * scene.face_side
        up_the_hand = rng.uniform(0.5, 1.5)
    skin = scene.skin_lab()
    cloth = texture(scene.size_px, rng, skin)
    rgb, alpha = draw_hand(scene.size_px, centre, scene.face_side, skin, cloth, rng, up_the_hand)
    return Patch.from_straight_alpha(rgb, alpha)


def draw_hand(
    size_px: int, centre: Points, face_side: float, skin_lab: F32, cloth: F32, rng: Rng, up_the_hand: float = 0.0
) -> tuple[F32, F32]:
    """Draw a hand with a bare or a sleeved forearm.

    Args:
        size_px: side of the crop.
        centre: (2,) pixel of the crop where the middle of the palm lies.
        face_side: side of the face's box, in pixels.
        skin_lab: (3,) median Lab colour of the face, 0..255; the hand's own is near it.
        cloth: (size_px, size_px, 3) float32 RGB of the sleeve.
        up_the_hand: which point of the hand lies at `centre` instead, in half palms above the middle of the palm; the
            fingers begin at 0.5.

    Returns:
        (size_px, size_px, 3) float32 RGB, 0..255, and (size_px, size_px) float32 alpha, 0..1.
    """
    unit_px = face_side * rng.uniform(0.14, 0.32)  # half a palm is a fifth of a face; nearer to the camera it is more
    x, y = _hand_coordinates(size_px, centre, unit_px, rng)
    y += np.float32(up_the_hand)
    hand_bones = _random_bones(rng)
    forearm = np.array([[0, -0.5, rng.normal(0, 0.6), -_FOREARM_LENGTH, 0.42, 0.5]], np.float32)
    hand_distance, hand_height = _capsule_union(x, y, hand_bones)
    sleeve_distance, sleeve_height = _capsule_union(x, y, forearm)
    light = rng.normal(0, 1, 2)
    light = np.append(light / np.linalg.norm(light) * rng.uniform(0.2, 0.8), 0.7)
    ambient = rng.uniform(0.35, 0.7)
    skin = _skin(x, y, hand_bones[_FINGER_BONES], skin_lab, rng)
    sleeve = cloth if rng.random() < 0.6 else skin
    rgb = skin * _shading(hand_height, light, ambient, unit_px)[:, :, None]
    sleeve_alpha = np.clip(0.5 - sleeve_distance * unit_px, 0, 1) * (y < rng.uniform(-1.9, -0.9))
    sleeve_rgb = sleeve * _shading(sleeve_height, light, ambient, unit_px)[:, :, None]
    rgb += (sleeve_rgb - rgb) * sleeve_alpha[:, :, None]
    alpha = np.maximum(np.clip(0.5 - hand_distance * unit_px, 0, 1), sleeve_alpha)
    return np.clip(rgb, 0, 255).astype(np.float32), alpha.astype(np.float32)


def _hand_coordinates(size_px: int, centre: Points, unit_px: float, rng: Rng) -> tuple[F32, F32]:
    """(S, S) x and y of each pixel in the hand's units; a left or right hand, mostly from below."""
    angle = rng.uniform(-math.pi, math.pi) if rng.random() < 0.25 else rng.normal(0, 0.9)
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    pixels = np.arange(size_px, dtype=np.float32)
    dx, dy = (pixels[None] - centre[0]) / unit_px, (centre[1] - pixels[:, None]) / unit_px
    x = (dx * math.cos(angle) + dy * math.sin(angle)) * mirror
    return x.astype(np.float32), (dy * math.cos(angle) - dx * math.sin(angle)).astype(np.float32)


def _random_bones(rng: Rng) -> F32:
    """(B, 6): x, y of both ends of each bone, and the radius at each end; the fingers' bones come first."""
    spread, curl = rng.uniform(-0.03, 0.22), rng.uniform(0.25, 1.0) if rng.random() < 0.5 else 1.0
    fingers, palm = [], []
    for index, ((x, y), length, radius) in enumerate(zip(_KNUCKLES, _LENGTHS, _RADII, strict=True)):
        length *= max(0.2, curl * rng.uniform(0.8, 1.1))
        angle = (index - 1.4) * spread + rng.normal(0, 0.08)
        bend = angle + rng.normal(0, 0.12)
        middle = (x + 0.5 * length * math.sin(angle), y + 0.5 * length * math.cos(angle))
        tip = (middle[0] + 0.5 * length * math.sin(bend), middle[1] + 0.5 * length * math.cos(bend))
        fingers += [(x, y, *middle, radius * 1.1, radius), (*middle, *tip, radius, radius * 0.85)]
        palm.append((x * 0.6, -0.6, x, y, 0.26, 0.18))
    out, up = rng.uniform(0.55, 1.05), rng.uniform(-0.15, 0.45)
    thumb = [(-0.34, -0.5, -out * 0.75, up - 0.35, 0.25, 0.17), (-out * 0.75, up - 0.35, -out, up, 0.165, 0.12)]
    wrist = (0, -0.55, 0.03, -2.2, 0.40, 0.33)
    return np.array([*fingers, *palm, *thumb, wrist], np.float32) * np.float32(rng.uniform(0.92, 1.08))


def _capsule_union(x: F32, y: F32, bones: F32) -> tuple[F32, F32]:
    """(S, S) signed distance to the outline of the bones, and height of their surface, in the hand's units."""
    distance, height = np.full(x.shape, 9.0, np.float32), np.zeros(x.shape, np.float32)
    for x0, y0, x1, y1, first_radius, last_radius in bones.tolist():
        dx, dy = x1 - x0, y1 - y0
        along = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        from_axis = np.hypot(x - x0 - along * dx, y - y0 - along * dy)
        radius = first_radius + (last_radius - first_radius) * along
        distance = np.minimum(distance, from_axis - radius)
        height = np.maximum(height, np.sqrt(np.maximum(radius * radius - from_axis * from_axis, 0)))
    return distance, height


def _shading(height: F32, light: npt.NDArray[np.floating], ambient: float, unit_px: float) -> F32:
    """(S, S) brightness, about 1, of a surface of this height; darker where fingers meet."""
    height_px = cv2.GaussianBlur(height, (0, 0), max(0.3, 0.04 * unit_px)) * np.float32(unit_px)
    slope_x, slope_y = cv2.Scharr(height_px, -1, 1, 0, scale=1 / 32), cv2.Scharr(height_px, -1, 0, 1, scale=1 / 32)
    facing = (light[2] - light[0] * slope_x - light[1] * slope_y) / np.sqrt(1 + slope_x**2 + slope_y**2)
    mean_height = cv2.GaussianBlur(height, (0, 0), max(0.5, 0.1 * unit_px))
    creases = np.clip(2 * (mean_height - height), 0, 0.25)
    return (ambient + (1 - ambient) * np.clip(facing / light[2], 0, 1.6) - creases).astype(np.float32)


def _skin(x: F32, y: F32, finger_bones: F32, skin_lab: F32, rng: Rng) -> F32:
    """(S, S, 3) RGB: mottled, redder and creased at the joints; with nails where the back of the hand is seen."""
    blush = rng.uniform(0, 0.25) * _mottling(x.shape, rng)
    brightness, nails = np.ones_like(x), np.zeros(x.shape, bool)
    joint_blush, crease_depth, from_the_back = rng.uniform(0, 0.5), rng.uniform(0, 0.3), rng.random() < 0.6
    for index, (x0, y0, x1, y1, first_radius, last_radius) in enumerate(finger_bones.tolist()):
        along, across = _bone_coordinates(x, y, (x0, y0), (x1, y1))
        blush += joint_blush * np.exp(-(along**2 + across**2) / 0.03)
        brightness -= crease_depth * np.exp(-((along / 0.03) ** 2)) * (np.abs(across) < first_radius)
        if from_the_back and index % 2:  # the last bone of a finger
            along, across = _bone_coordinates(x, y, (x1, y1), (2 * x1 - x0, 2 * y1 - y0))
            nails |= (along / (0.8 * last_radius)) ** 2 + (across / (0.65 * last_radius)) ** 2 < 1
    tone, blush_tone = _random_tones(skin_lab, rng)
    skin = tone + (blush_tone - tone) * np.clip(blush, 0, 1)[:, :, None]
    nail = tone * rng.uniform(0.95, 1.2) + rng.uniform(0, 25)
    skin = np.where(nails[:, :, None], nail, skin)
    grain = rng.normal(1, rng.uniform(0, 0.03), x.shape)
    return (skin * (brightness * grain)[:, :, None]).astype(np.float32)


def _bone_coordinates(x: F32, y: F32, start: tuple[float, float], end: tuple[float, float]) -> tuple[F32, F32]:
    """(S, S) each: distance of each pixel from a bone's start along the bone, and across it."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = max(1e-3, math.hypot(dx, dy))
    along = ((x - start[0]) * dx + (y - start[1]) * dy) / length
    across = ((x - start[0]) * dy - (y - start[1]) * dx) / length
    return along, across


def _mottling(shape: tuple[int, ...], rng: Rng) -> F32:
    """(H, W) float32 smooth noise, 0..1."""
    cells = rng.random((int(rng.integers(6, 24)),) * 2, dtype=np.float32)
    return np.asarray(cv2.resize(cells, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32).clip(0, 1)


def _random_tones(skin_lab: F32, rng: Rng) -> tuple[F32, F32]:
    """(3,) RGB each: the skin, near the face's own and mostly a little lighter, and the skin where it blushes."""
    lab = skin_lab + rng.normal((12, 1, 0), (15, 3, 4))
    blush = np.array([rng.uniform(-25, 0), rng.uniform(4, 18), rng.uniform(-4, 6)])
    both = np.clip([lab, lab + blush], 0, 255).astype(np.uint8)
    tone, blush_tone = np.asarray(cv2.cvtColor(both[None], cv2.COLOR_LAB2RGB)[0], np.float32)
    return tone, blush_tone
