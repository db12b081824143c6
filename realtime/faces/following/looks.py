"""What a face looks like in colour, so that one who comes out from behind another is known again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from realtime.faces.following.overlap import FACE_ASPECT
from realtime.frames.crop import crop_rgb
from realtime.frames.types import F32, Frame, Region

Look = F32
"""The square roots of the shares of a face's pixels that have each colour: their products with those of another face
add up to 1 where the two are alike (Bhattacharyya's coefficient)."""

LookOf = Callable[[Region], Look]
"""The look of the face in a region of the frame."""

_SAMPLED_PX = 32  # across the face: a histogram needs no more, and the look costs as little as a tenth of a parse
_BINS, _RANGES = (6, 12, 12), (0, 256, 64, 192, 64, 192)  # lightness, and the two opponent colours of skin and hair


def look_of(frame: Frame, region: Region, crop_scale: float) -> Look:
    """The look of the face in a region of a frame: (6, 12, 12) float32."""
    face = crop_rgb(frame, replace(region, side=region.side / crop_scale), _SAMPLED_PX)
    beside = round(_SAMPLED_PX * (1 - FACE_ASPECT) / 2)
    lab = cv2.cvtColor(np.ascontiguousarray(face[:, beside : _SAMPLED_PX - beside]), cv2.COLOR_RGB2LAB)
    counts = cv2.calcHist([lab], [0, 1, 2], None, list(_BINS), list(_RANGES))
    return np.sqrt(counts / max(float(counts.sum()), 1.0), dtype=np.float32)


def likeness(one: Look, other: Look) -> float:
    """How much two looks have in common, 0..1."""
    return float((one * other).sum())
