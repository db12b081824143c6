"""Random hairstyles, and the hairline.

The hairline is a curve around the head: the height at which hair begins, for each angle from the front. The distance of
a point inside it, in centimetres, determines how thick hair is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

_RADIUS_CM = 8.0  # of the cylinder on which the hairline is drawn
_STEP_CM = 0.1
_LOW, _HIGH = -12.0, 18.0  # y, centimetres
# (degrees from the front, y): above an ear, behind it, the nape
_HAIRLINE_BACK = ((86, 3.6), (92, 4.2), (101, 4.0), (108, 0.5), (120, -2.5), (140, -4.5), (180, -5.0))


@dataclass(frozen=True)
class HairStyle:
    """A hairstyle; lengths in centimetres."""

    thickness: float
    top: float
    """Factor of the thickness on top."""
    front: float
    """y where hair begins above the nose."""
    recess: float
    """How much higher the hairline is at the temples."""
    sideburn: float
    """y where the sideburn ends."""
    parting: float
    """How much lower the hairline is on the left than on the right."""
    fringe: bool
    hangs_to: float | None
    """y where long hair ends; None for short hair."""
    hangs_from_deg: float
    """Angle from the front where long hair begins."""
    wave: float
    curl: float
    rough: float
    """How far the hairline frays."""


def random_style(rng: Rng) -> HairStyle | None:
    """A random hairstyle; None for a bald head."""
    if rng.random() < 0.07:
        return None
    kind = rng.choice(5, p=(0.12, 0.38, 0.2, 0.22, 0.08))  # cropped, short, full, long, round and curly
    thickness = float((rng.uniform(0.15, 0.4), rng.uniform(0.5, 1.6), rng.uniform(1.2, 2.6), rng.uniform(0.6, 1.6),
                       rng.uniform(2.5, 6.0))[kind])  # fmt: skip
    long = kind == 3 or (kind == 2 and rng.random() < 0.4)
    fringe = bool(rng.random() < (0.3 if kind in (1, 2, 3) else 0))
    return HairStyle(
        thickness=thickness,
        top=float(rng.uniform(1.0, 1.8)),
        front=float(rng.uniform(6.0, 9.0) if fringe else np.clip(rng.normal(11.4, 0.8), 9.3, 13.5)),
        recess=0.0 if fringe else float(rng.gamma(1.2, 0.7)),
        sideburn=float(rng.uniform(-2, 2.5)),
        parting=float(rng.normal(0, 1.2)) if rng.random() < 0.5 else 0.0,
        fringe=fringe,
        hangs_to=float(rng.choice([rng.uniform(-9, -3), rng.uniform(-28, -9)])) if long else None,
        hangs_from_deg=float(rng.uniform(58, 108)),
        wave=float(rng.gamma(1.0, 0.25)),
        curl=float(rng.uniform(0.5, 1)) if kind == 4 else float(rng.random() < 0.2) * float(rng.uniform(0.2, 0.8)),
        rough=float(rng.uniform(0.15, 0.7)),
    )


def inside_hairline(style: HairStyle, neutral: F32) -> F32:
    """(V,) distance of each vertex of the mean head inside the hairline, in centimetres; negative outside."""
    across = round(2 * np.pi * _RADIUS_CM / _STEP_CM)
    degrees = np.linspace(-180, 180, across, endpoint=False)
    known, high = np.array(_curve(style)).T
    begins = np.interp(np.abs(degrees), known, high)
    begins = begins - style.parting * np.sin(np.radians(np.clip(degrees * 2.2, -180, 180))) * (np.abs(degrees) < 80)
    rows = np.arange(_HIGH, _LOW, -_STEP_CM)
    hairy = (rows[:, None] > begins[None]).astype(np.uint8)
    padded = np.hstack([hairy, hairy, hairy])
    signed = cv2.distanceTransform(padded, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - padded, cv2.DIST_L2, 5)
    signed = signed[:, across : 2 * across] * np.float32(_STEP_CM)
    around = np.degrees(np.arctan2(neutral[:, 0], neutral[:, 2]))
    column = ((around + 180) / 360 * across).astype(np.int64) % across
    row = np.clip((_HIGH - neutral[:, 1]) / _STEP_CM, 0, len(rows) - 1).astype(np.int64)
    return signed[row, column].astype(np.float32)


def _curve(style: HairStyle) -> list[tuple[float, float]]:
    front, up = style.front, style.recess
    if style.fringe:
        return [(0, front), (30, front + 0.3), (50, front - 0.5), (62, 4.5), (72, 3.0), (74, style.sideburn),
                (80, style.sideburn), *_HAIRLINE_BACK]  # fmt: skip
    return [(0, front), (20, front + 0.2 + 0.5 * up), (34, front - 0.3 + up), (48, front - 2.2 + 0.8 * up), (58, 7.0),
            (67, 5.6), (72, 3.5), (74, style.sideburn), (81, style.sideburn), *_HAIRLINE_BACK]  # fmt: skip
