"""The texture of a synthetic face: skin, lips, lashes, beard, brows, freckles and wrinkles.

Its first row is v = 1 of the head's texture coordinates. The atlas of labels has twice its resolution and begins
at v = 0.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import U8
from train.parts import head_regions as regions
from train.parts.landmark_outlines import polygon_mask
from train.parts.synthetic import noise

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

_PAINT_PX = 512  # side of the texture
_SHAPE = (_PAINT_PX, _PAINT_PX)
_EAR_TIPS = (regions.LEFT_EAR, regions.RIGHT_EAR, regions.NOSE)
# Outlines in texture coordinates, the subject's right half.
_BEARD_UV = ((0.5, 0.535), (0.40, 0.525), (0.36, 0.45), (0.28, 0.42), (0.18, 0.47), (0.12, 0.52), (0.105, 0.46),
             (0.13, 0.35), (0.25, 0.24), (0.35, 0.19), (0.5, 0.17))  # fmt: skip
_UPPER_LID_UV = ((0.313, 0.7205), (0.325, 0.7245), (0.34, 0.7265), (0.355, 0.727), (0.37, 0.7265), (0.385, 0.7235))
_LOWER_LID_UV = ((0.318, 0.7125), (0.34, 0.7105), (0.365, 0.7105), (0.385, 0.7115))
_CHEEK_UV, _LID_UV, _UNDER_EYE_UV = (0.32, 0.56), (0.36, 0.717), (0.36, 0.685)


def linear(srgb: npt.ArrayLike) -> F32:
    """sRGB 0..255 -> linear 0..1."""
    return ((np.asarray(srgb, np.float32) / 255) ** 2.2).astype(np.float32)


def painted(tone: F32, dark: F32, atlas: U8, brows: F32, rng: Rng) -> F32:
    """(P, P, 3) linear: the texture of a random face.

    Args:
        tone: (3,) linear, of the skin.
        dark: (3,) linear, of brows and beard.
        atlas: (A, A) labels.
        brows: (A, A) density of the brows, 0..1.
    """
    paint = np.tile(tone, (*_SHAPE, 1))
    paint *= (1 + rng.uniform(0.01, 0.05) * noise.fractal(rng, _SHAPE, 6, 5))[:, :, None]
    red = _spots([_CHEEK_UV], (0.09, 0.07)) + _smaller(np.isin(atlas, _EAR_TIPS), 9)
    _tint(paint, red * rng.uniform(0, 1), (1.04, 0.82, 0.80))
    _tint(paint, _spots([_UNDER_EYE_UV], (0.05, 0.018)) * rng.uniform(0, 1), (0.80, 0.74, 0.80))
    _wrinkle(paint, rng)
    _freckle(paint, rng)
    _paint_lips(paint, atlas, rng)
    _paint_beard(paint, dark, atlas, rng)
    corners = np.isin(atlas, (regions.LEFT_EYE, regions.RIGHT_EYE))
    _cover(paint, _smaller(corners, 0.8), linear((200, 120, 112)))
    # Lashes and their shadow: a dark rim around the eye.
    _tint(paint, _spots([_LID_UV], (0.047, 0.014)) * rng.uniform(0.3, 1), (0.35, 0.3, 0.3))
    _paint_lashes(paint, rng)
    hairs = 1 + 0.3 * noise.smooth(rng, _SHAPE, (90, 200))
    cover = cv2.resize(brows[::-1], _SHAPE, interpolation=cv2.INTER_AREA) * rng.uniform(0.45, 1.0)
    _cover(paint, np.clip(cover * hairs, 0, 1), dark)
    return np.clip(paint, 0.002, 0.95).astype(np.float32)


def _paint_lips(paint: F32, atlas: U8, rng: Rng) -> None:
    lips = _smaller(np.isin(atlas, (regions.UPPER_LIP, regions.LOWER_LIP)), 1.2)
    if rng.random() < 0.2:  # painted ones
        _cover(
            paint,
            lips * rng.uniform(0.5, 0.95),
            linear((rng.uniform(90, 220), rng.uniform(10, 90), rng.uniform(20, 110))),
        )
    else:
        _tint(paint, lips * rng.uniform(0.3, 1.0), (0.95, 0.58, 0.60))


def _paint_lashes(paint: F32, rng: Rng) -> None:
    for lid, width, strength in ((_UPPER_LID_UV, 3, rng.uniform(0.5, 1)), (_LOWER_LID_UV, 1, rng.uniform(0.1, 0.6))):
        rim = np.zeros(_SHAPE, np.float32)
        for side in (-1, 1):
            _stroke(rim, [(0.5 + side * (0.5 - u), v) for u, v in lid], width)
        _tint(paint, cv2.GaussianBlur(rim, (0, 0), 0.8) * strength, (0.12, 0.10, 0.10))


def _paint_beard(paint: F32, dark: F32, atlas: U8, rng: Rng) -> None:
    """A beard, from stubble to full. Its label stays skin, as in photographs."""
    if rng.random() > 0.35:
        return
    ring = np.array(_BEARD_UV, np.float32)
    ring = np.concatenate([ring, (ring * (-1, 1) + (1, 0))[::-1]])
    zone = polygon_mask((ring * (1, -1) + (0, 1)).astype(np.float32) * _PAINT_PX, _SHAPE).astype(np.float32)
    lips = _smaller(np.isin(atlas, (regions.UPPER_LIP, regions.LOWER_LIP)), 1.0)
    zone = cv2.GaussianBlur(zone, (0, 0), rng.uniform(4, 12)) * (1 - lips)
    if rng.random() < 0.3:  # around the mouth only
        zone *= _spots([(0.5, 0.40)], (0.13, 0.13)) / 2
    grain = 1 + 0.4 * noise.smooth(rng, _SHAPE, (220, 220)) + 0.3 * noise.fractal(rng, _SHAPE, 8, 3)
    _cover(paint, np.clip(zone * grain * rng.uniform(0.1, 0.9), 0, 1), dark)


def _wrinkle(paint: F32, rng: Rng) -> None:
    strength = rng.beta(1, 3) * 0.5
    lines = np.zeros(_SHAPE, np.float32)
    for row in rng.uniform(0.04, 0.16, rng.integers(2, 5)):  # across the forehead
        _stroke(
            lines, [(u, 1 - row - 0.02 * (u - 0.5) ** 2 * 8 + rng.normal(0, 0.003)) for u in np.linspace(0.3, 0.7, 9)]
        )
    for side in (-1, 1):
        fold = [(0.085, 0.57), (0.115, 0.52), (0.135, 0.46), (0.14, 0.41)]
        _stroke(lines, [(0.5 + side * u, v) for u, v in fold])
        for down in (-0.025, 0.0, 0.022):
            _stroke(lines, [(0.5 + side * u, 0.715 + down * (u - 0.2) * 20) for u in (0.215, 0.235, 0.255)])
    _tint(paint, cv2.GaussianBlur(lines, (0, 0), 1.2) * strength, (0.5, 0.45, 0.45))


def _stroke(plane: F32, uv: list[tuple[float, float]], width: int = 2) -> None:
    points = np.array([(u * _PAINT_PX, (1 - v) * _PAINT_PX) for u, v in uv])
    cv2.polylines(plane, [np.round(points * 16).astype(np.int32)], False, 1.0, width, cv2.LINE_AA, 4)


def _freckle(paint: F32, rng: Rng) -> None:
    if rng.random() < 0.3:
        dots = noise.smooth(rng, _SHAPE, (150, 150)) > rng.uniform(1.0, 1.6)
        zone = _spots([_CHEEK_UV, (0.45, 0.64)], (0.14, 0.09))
        _tint(paint, cv2.GaussianBlur(dots * zone, (0, 0), 0.7) * rng.uniform(0.2, 0.8), (0.65, 0.5, 0.42))
    moles = np.zeros(_SHAPE, np.float32)
    for u, v in rng.uniform((0.2, 0.2), (0.8, 0.95), (rng.poisson(1.5), 2)):
        cv2.circle(
            moles, (round(u * _PAINT_PX), round((1 - v) * _PAINT_PX)), int(rng.integers(1, 3)), 1.0, -1, cv2.LINE_AA
        )
    _tint(paint, moles * rng.uniform(0.4, 0.9), (0.4, 0.3, 0.28))


def _spots(centres_uv: list[tuple[float, float]], radii_uv: tuple[float, float]) -> F32:
    """Soft ellipses on both sides of the face."""
    v, u = np.mgrid[1 : 0 : _PAINT_PX * 1j, 0 : 1 : _PAINT_PX * 1j].astype(np.float32)
    total = np.zeros(_SHAPE, np.float32)
    for at_u, at_v in centres_uv:
        for side in (u, 1 - u):
            total += np.exp(-(((side - at_u) / radii_uv[0]) ** 2) - ((v - at_v) / radii_uv[1]) ** 2)
    return np.minimum(total, 1) if len(centres_uv) > 1 or centres_uv[0][0] != 0.5 else total


def _smaller(mask: npt.NDArray[np.bool_], blur: float) -> F32:
    """A mask of the atlas, resized and flipped to the texture, with soft edges."""
    return cv2.GaussianBlur(
        cv2.resize(mask[::-1].astype(np.float32), _SHAPE, interpolation=cv2.INTER_AREA), (0, 0), blur
    )


def _tint(paint: F32, strength: F32, by: tuple[float, float, float]) -> None:
    paint *= 1 + np.clip(strength, 0, 1)[:, :, None] * (np.array(by, np.float32) - 1)


def _cover(paint: F32, strength: F32, colour: F32) -> None:
    paint += strength[:, :, None] * (colour - paint)


def sampled(paint: F32, uv: F32) -> F32:
    """(N, 3) colour at (N, 2) texture coordinates, interpolated bilinearly."""
    at = (uv * (1, -1) + (0, 1)).astype(np.float32) * _PAINT_PX - 0.5
    width = 4096  # cv2.remap needs a plane, with no side longer than 32767
    padded = np.zeros((-(-len(at) // width) * width, 2), np.float32)
    padded[: len(at)] = at
    planes = padded.reshape(-1, width, 2)
    found = cv2.remap(paint, planes, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(-1, 3)[: len(at)].astype(np.float32)
