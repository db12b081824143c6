"""Outlines of the parts of a face on the ICT head, in the texture coordinates (u, v) of its material M_Face.

They were drawn by hand on renders of the neutral head with a grid of u and v, along the Multi-PIE landmarks where there
are any. Only the subject's right side (u < 0.5) is given; the texture is symmetric, and `mirrored` gives the left side.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import BACKGROUND, PART_LABELS
from realtime.frames.types import U8

Outline = Sequence[tuple[float, float]]
F32 = npt.NDArray[np.float32]

SKIN, LEFT_BROW, RIGHT_BROW, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR, NOSE, MOUTH, UPPER_LIP, LOWER_LIP, HAIR = range(
    1, len(PART_LABELS)
)

_TO_THE_BORDER = -0.02
# The face's side of the ear: from the front of the helix's root over the tragus to the lobe, and all behind that line.
EAR: Outline = (
    (0.040, 0.712), (0.072, 0.680), (0.088, 0.653), (0.098, 0.625), (0.107, 0.600), (0.113, 0.580), (0.114, 0.545),
    (0.111, 0.510), (0.108, 0.485), (0.107, 0.455), (0.100, 0.438), (0.084, 0.4285), (0.064, 0.4216),
    (_TO_THE_BORDER, 0.4150), (_TO_THE_BORDER, 0.712),
)  # fmt: skip
# The ear's back is on M_BackHead: from where it leaves the skull to the rim.
EAR_BACK: Outline = (
    (0.185, 0.552), (0.191, 0.535), (0.196, 0.518), (0.2015, 0.498), (0.204, 0.480), (0.2045, 0.452), (0.203, 0.422),
    (0.1985, 0.386), (0.190, 0.369), (0.179, 0.366), (0.0, 0.366), (0.0, 0.552),
)  # fmt: skip
# Bridge between the eyes, its side, the crease around the wing, the sill of the nostril, the columella. The other side
# closes it.
NOSE_SIDE: Outline = (
    (0.500, 0.738), (0.475, 0.736), (0.463, 0.702), (0.449, 0.662), (0.430, 0.632), (0.411, 0.613), (0.401, 0.592),
    (0.402, 0.568), (0.418, 0.551), (0.440, 0.547), (0.468, 0.547), (0.500, 0.545),
)  # fmt: skip
# From the middle to the corner of the mouth along the outer edge, and back along the seam of the lips.
UPPER_LIP_SIDE: Outline = (
    (0.500, 0.506), (0.484, 0.511), (0.468, 0.512), (0.446, 0.503), (0.424, 0.488), (0.404, 0.464), (0.388, 0.4425),
    (0.411, 0.434), (0.450, 0.431), (0.500, 0.431),
)  # fmt: skip
LOWER_LIP_SIDE: Outline = (
    (0.500, 0.431), (0.450, 0.431), (0.411, 0.434), (0.388, 0.4425), (0.396, 0.410), (0.408, 0.388), (0.424, 0.372),
    (0.445, 0.363), (0.472, 0.3605), (0.500, 0.3605),
)  # fmt: skip
# The corners of the eye, next to the eyeball.
EYE_INNER: Outline = ((0.378, 0.7245), (0.397, 0.7200), (0.4035, 0.7148), (0.399, 0.7118), (0.378, 0.7112))
EYE_OUTER: Outline = ((0.303, 0.7205), (0.322, 0.7240), (0.322, 0.7135), (0.311, 0.7160))
# Below the ridge of chin and jaw, up to the lobe: neck.
NECK_SIDE: Outline = (
    (0.500, 0.238), (0.420, 0.240), (0.300, 0.243), (0.220, 0.262), (0.160, 0.302), (0.118, 0.362), (0.100, 0.410),
    (0.090, 0.4285), (0.064, 0.4216), (_TO_THE_BORDER, 0.4150), (_TO_THE_BORDER, _TO_THE_BORDER),
    (0.500, _TO_THE_BORDER),
)  # fmt: skip


def mirrored(outline: Outline) -> list[tuple[float, float]]:
    """The same outline on the subject's left side."""
    return [(1 - u, v) for u, v in outline]


def fill(atlas: npt.NDArray[np.generic], outline: Outline, value: int) -> None:
    """Fill an outline in an (A, A) atlas, whose rows run along v from 0 to 1 and columns along u."""
    shift, side = 4, atlas.shape[0]
    corners = np.round((np.array(outline) * side - 0.5) * (1 << shift)).astype(np.int32)
    cv2.fillPoly(atlas, [corners], value, shift=shift)


def face_atlas(side_px: int) -> U8:
    """(A, A) uint8 part of each texel of M_Face, without brows, whose shape varies from head to head."""
    atlas = np.full((side_px, side_px), SKIN, np.uint8)
    for outline, right, left in (
        (NECK_SIDE, BACKGROUND, BACKGROUND), (NOSE_SIDE, NOSE, NOSE), (UPPER_LIP_SIDE, UPPER_LIP, UPPER_LIP),
        (LOWER_LIP_SIDE, LOWER_LIP, LOWER_LIP), (EYE_INNER, RIGHT_EYE, LEFT_EYE), (EYE_OUTER, RIGHT_EYE, LEFT_EYE),
        (EAR, RIGHT_EAR, LEFT_EAR),
    ):  # fmt: skip
        fill(atlas, outline, right)
        fill(atlas, mirrored(outline), left)
    return atlas


# The middle line of the brow, from its inner to its outer end, and its half thickness there.
_BROW_MIDDLE = ((0.452, 0.789), (0.428, 0.795), (0.390, 0.801), (0.350, 0.804), (0.305, 0.801), (0.262, 0.789),
                (0.235, 0.776))  # fmt: skip
_BROW_HALF = (0.009, 0.0155, 0.0165, 0.0155, 0.012, 0.007, 0.0025)


def brow(*, thickness: float = 1.0, length: float = 1.0, rise: float = 0.0, arch: float = 0.0) -> Outline:
    """The outline of the right brow.

    Args:
        thickness: a factor.
        length: a factor, from the inner end.
        rise: shift upwards, in v.
        arch: how far the outer half is raised above the ends, in v.
    """
    middle, half = np.array(_BROW_MIDDLE), np.array(_BROW_HALF) * thickness
    along = np.linspace(0, 1, len(middle))
    middle[:, 0] = middle[0, 0] + (middle[:, 0] - middle[0, 0]) * length
    middle[:, 1] += rise + arch * np.sin(np.pi * along**1.3)
    fine = np.linspace(0, 1, 24)
    u, v, width = (np.interp(fine, along, values) for values in (middle[:, 0], middle[:, 1], half))
    upper, lower = zip(u, v + width, strict=True), zip(u[::-1], (v - width)[::-1], strict=True)
    return [(float(x), float(y)) for x, y in (*upper, *lower)]
