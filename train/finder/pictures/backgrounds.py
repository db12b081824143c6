"""Backgrounds without a face: parts of scenes, what lies beside the face in portraits, and drawn walls and rooms."""

from __future__ import annotations

import math

import cv2
import numpy as np

from realtime.frames.types import U8
from train.finder.pictures.canvas import Canvas, similarity
from train.finder.pictures.portraits import Portrait
from train.finder.pictures.sources import Sources
from train.finder.pictures.upright_box import full_outline
from train.heads.landmarks import Points
from train.occluders.shapes import random_shape, texture

Rng = np.random.Generator
_SHARES = {"scene": 0.36, "beside": 0.28, "texture": 0.12, "room": 0.12, "noise": 0.07, "plain": 0.05}
_LEAST_STRIP_PX = 24
_MARGIN = 0.22  # of the face's outline, around it: ears and most of the hair


def background(sources: Sources, size_px: int, rng: Rng) -> Canvas:
    """A canvas without a face."""
    kinds = [kind for kind in _SHARES if kind != "scene" or sources.scenes]
    shares = np.array([_SHARES[kind] for kind in kinds])
    kind = str(rng.choice(kinds, p=shares / shares.sum()))
    if kind == "scene":
        rgb = _scene(sources, size_px, rng)
    elif kind == "beside":
        rgb = _beside(sources, size_px, rng)
    elif kind == "texture":
        rgb = _texture(size_px, rng)
    elif kind == "room":
        rgb = _room(size_px, rng)
    elif kind == "noise":
        rgb = _noise(size_px, rng)
    else:
        rgb = np.full((size_px, size_px, 3), rng.integers(0, 256, 3), np.uint8)
    return Canvas(rgb)


def clutter(canvas: Canvas, sources: Sources, rng: Rng, most: int) -> None:
    """Paste some hands, objects and drawn shapes anywhere."""
    for _ in range(int(rng.integers(0, most + 1))):
        if rng.random() < 0.2:
            _paste_shape(canvas, rng)
            continue
        hands = rng.random() < 0.4
        pictures = sources.hands if hands else sources.objects
        rgba = pictures[rng.integers(len(pictures))]
        side = math.exp(rng.uniform(math.log(12), math.log(1.2 * canvas.size_px)))
        degrees = rng.uniform(-180, 180) if rng.random() < 0.5 else rng.normal(0, 20)
        target = rng.uniform(0, canvas.size_px, 2).astype(np.float32)
        middle = np.array(rgba.shape[1::-1], np.float32) / 2
        affine = similarity(side / max(rgba.shape[:2]), degrees, rng.random() < 0.5, middle, target)
        canvas.paste_cutout(rgba, affine, _recolouring(hands, rng) if rng.random() < 0.6 else None)


def _recolouring(skin: bool, rng: Rng) -> U8:
    """(1, 256, 3): for a hand another skin tone, for an object any gain and gamma of each channel."""
    values = np.arange(256)[:, None] / 255
    gain = math.exp(rng.normal(-0.15, 0.45)) * np.exp(rng.normal(0, 0.06 if skin else 0.3, 3))
    gamma = math.exp(rng.normal(0, 0.3))
    return np.clip(values**gamma * gain * 255, 0, 255).astype(np.uint8)[None]


def strip_beside(portrait: Portrait, rng: Rng) -> U8 | None:
    """A part of a portrait that shows nothing of the face; None where there is hardly any."""
    rgb, outline = portrait.levels[0], full_outline(portrait.landmarks)
    height, width = rgb.shape[:2]
    low, high = outline.min(axis=0), outline.max(axis=0)
    margin = _MARGIN * (high - low)
    (left, top), (right, bottom) = np.round(low - margin).astype(int), np.round(high + margin * (1, 0.4)).astype(int)
    strips = [(0, 0, left, height), (right, 0, width, height), (0, 0, width, top), (0, bottom, width, height)]
    wide = [s for s in strips if min(s[2] - s[0], s[3] - s[1]) >= _LEAST_STRIP_PX]
    if not wide:
        return None
    x0, y0, x1, y1 = wide[rng.integers(len(wide))]
    x0, y0 = max(0, int(x0)), max(0, int(y0))
    w, h = (int(length * rng.uniform(0.5, 1)) for length in (int(x1) - x0, int(y1) - y0))
    x, y = x0 + int(rng.integers(0, int(x1) - x0 - w + 1)), y0 + int(rng.integers(0, int(y1) - y0 - h + 1))
    return np.ascontiguousarray(rgb[y : y + h, x : x + w, :3])


def _scene(sources: Sources, size_px: int, rng: Rng) -> U8:
    rgb = sources.scenes[rng.integers(len(sources.scenes))]
    shorter = min(rgb.shape[:2])
    side = int(max(32, shorter * rng.uniform(0.25, 1)))
    y, x = (int(rng.integers(0, length - min(side, length) + 1)) for length in rgb.shape[:2])
    return _fit(rgb[y : y + side, x : x + side], size_px, rng)


def _beside(sources: Sources, size_px: int, rng: Rng) -> U8:
    for _ in range(8):
        strip = strip_beside(sources.portraits[int(rng.integers(len(sources.portraits)))], rng)
        if strip is not None and min(strip.shape[:2]) > 8:
            if rng.random() < 0.5:
                return _fit(strip, size_px, rng)
            zoom = rng.uniform(0.7, 2.5)  # mirrored again and again: a pattern
            strip = cv2.resize(strip, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR).astype(np.uint8)
            down, right = (max(0, size_px - length) for length in strip.shape[:2])
            tiled = cv2.copyMakeBorder(strip, 0, down, 0, right, cv2.BORDER_REFLECT)
            return np.ascontiguousarray(tiled[:size_px, :size_px]).astype(np.uint8)
    return _texture(size_px, rng)


def _fit(rgb: U8, size_px: int, rng: Rng) -> U8:
    """Stretch to the canvas, mirrored, turned by right angles and recoloured at random."""
    smaller = rgb.shape[0] > size_px
    picture = cv2.resize(rgb, (size_px, size_px), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    if rng.random() < 0.3:
        picture = np.rot90(picture, int(rng.integers(1, 4)))
    if rng.random() < 0.4:
        picture = cv2.LUT(np.ascontiguousarray(picture), _recolouring(False, rng))
    return np.ascontiguousarray(picture).astype(np.uint8)


def _texture(size_px: int, rng: Rng) -> U8:
    lab = np.array((rng.uniform(30, 230), rng.uniform(120, 150), rng.uniform(120, 160)), np.float32)
    return texture(size_px, rng, lab).astype(np.uint8)


def _noise(size_px: int, rng: Rng) -> U8:
    """Blotches of all sizes, between two or three colours."""
    cv2.setRNGSeed(int(rng.integers(2**31)))
    total = np.zeros((size_px, size_px, 3), np.float32)
    cells, weight = int(rng.integers(2, 6)), 1.0
    while cells <= size_px:
        grid = cv2.randn(np.empty((cells, cells, 3), np.float32), (0.0,) * 4, (1.0,) * 4)
        total += weight * cv2.resize(grid, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
        cells, weight = cells * 2, weight * rng.uniform(0.4, 0.9)
    if rng.random() < 0.6:
        total = total[:, :, :1] * np.exp(rng.normal(0, 0.4, 3)).astype(np.float32)
    return np.clip(rng.uniform(40, 215, 3) + total * rng.uniform(8, 45), 0, 255).astype(np.uint8)


def _room(size_px: int, rng: Rng) -> U8:
    """A wall, a floor, and what stands in a room: boxes, frames, shelves, lamps, all plain or shaded."""
    canvas = Canvas(np.full((size_px, size_px, 3), rng.integers(40, 250, 3), np.uint8))
    floor = int(size_px * rng.uniform(0.5, 1.1))
    canvas.rgb[floor:] = rng.integers(20, 200, 3)
    for _ in range(int(rng.integers(2, 14))):
        x, y = rng.uniform(-0.1, 1, 2) * size_px
        w, h = np.exp(rng.uniform(math.log(0.03), math.log(0.6), 2)) * size_px
        colour = rng.integers(0, 256, 3).tolist()
        corners = (int(x), int(y)), (int(x + w), int(y + h))
        thickness = cv2.FILLED if rng.random() < 0.7 else int(rng.integers(1, 6))
        if rng.random() < 0.25:
            cv2.ellipse(canvas.rgb, corners[0], (int(w / 2), int(h / 2)), 0, 0, 360, colour, thickness, cv2.LINE_AA)
        else:
            cv2.rectangle(canvas.rgb, *corners, colour, thickness, cv2.LINE_AA)
    ramp = np.linspace(rng.uniform(0.5, 1), rng.uniform(0.7, 1.2), size_px, dtype=np.float32)
    light = ramp[:, None] if rng.random() < 0.5 else ramp[None]
    shaded = cv2.multiply(
        canvas.rgb, cv2.merge([np.broadcast_to(light, (size_px, size_px)).copy()] * 3), dtype=cv2.CV_8U
    )
    return cv2.GaussianBlur(shaded, (0, 0), rng.uniform(0.4, 2)).astype(np.uint8)


def _paste_shape(canvas: Canvas, rng: Rng) -> None:
    """A bar, a polygon or a blob, half of them of the colour of skin: what an arm or a shoulder looks like."""
    size_px = canvas.size_px
    centre: Points = rng.uniform(0, size_px, 2).astype(np.float32)
    alpha = random_shape(size_px, centre, float(size_px * rng.uniform(0.15, 0.8)), rng)
    lab = np.array((rng.uniform(50, 215), rng.uniform(131, 150), rng.uniform(132, 158)), np.float32)
    if rng.random() < 0.5:
        skin = cv2.cvtColor(lab.reshape(1, 1, 3).astype(np.uint8), cv2.COLOR_LAB2RGB)[0, 0]
        fill = np.clip(skin + rng.normal(0, 4, (size_px, size_px, 1)), 0, 255).astype(np.uint8)
    else:
        fill = texture(size_px, rng, lab).astype(np.uint8)
    canvas.rgb = cv2.blendLinear(fill, canvas.rgb, alpha, 1 - alpha)
    canvas.owner[alpha > 0.5] = -1
