"""Depth where a photograph shows the head: the fitted surface, cut and filled to the labels' outlines."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import PART_LABELS
from realtime.frames.types import U8
from train.parts.photo.hair_shell import extended, hair_depth
from train.parts.photo.mesh import FRONT, LEFT_EAR, NECK, RIGHT_EAR, SKULL

F32 = npt.NDArray[np.float32]

_HAIR = PART_LABELS.index("hair")
_THROAT_CM = 1.5  # the fitted chin may reach that far below the one that is seen
_EARS = ((PART_LABELS.index("left ear"), LEFT_EAR), (PART_LABELS.index("right ear"), RIGHT_EAR))


def depth_cm(surface: F32, region: U8, parts: U8, covered: U8, px_per_cm: float) -> F32:
    """Depth of what the labels say, and of the neck.

    The head's outlines are off by a few pixels: where a label reaches beyond its surface, that surface's nearest depth
    goes on; where the surface reaches beyond the label, nothing is measured.

    Args:
        surface: (H, W) float32 centimetres: the fitted head without hair; 0 for none.
        region: (H, W) uint8: which part of the mesh that is, as `photo_mesh` numbers them.
        parts: (H, W) uint8: PART_LABELS' ids.
        covered: (H, W) uint8: 1 where something is before the face; how far away it is, nobody knows.
        px_per_cm: of the picture, at the head.

    Returns:
        (H, W) float32 centimetres; 0 where nothing is known.
    """
    depth = np.where((region == NECK) & (parts == 0) & (covered == 0), surface, 0).astype(np.float32)
    throat = (region == FRONT) & (parts == 0) & (covered == 0)
    throat &= cv2.distanceTransform((region != NECK).astype(np.uint8), cv2.DIST_L2, 3) < _THROAT_CM * px_per_cm
    _fill(depth, throat, surface, region == NECK)
    ears = [number for number, _ in _EARS]
    _fill(depth, (parts > 0) & (parts != _HAIR) & ~np.isin(parts, ears), surface, (region == FRONT) | (region == SKULL))
    for number, ear in _EARS:
        _fill(depth, parts == number, surface, region == ear)
    return np.where(parts == _HAIR, hair_depth(surface, (parts == _HAIR).astype(np.uint8), px_per_cm), depth)


def _fill(depth: F32, where: npt.NDArray[np.bool_], surface: F32, of: npt.NDArray[np.bool_]) -> None:
    if where.any() and (of & (surface > 0)).any():
        depth[where] = extended(np.where(of, surface, 0).astype(np.float32))[where]
