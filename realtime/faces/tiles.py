"""Small faces: the frame is looked at once more in overlapping square tiles, where they are large enough to be seen.

The full-range network needs a face of about 24 pixels of its 192: in a whole 720p frame that is one of 160 px. In a
tile of 320 px it is one of 40.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from realtime.faces.blazeface import F32
from realtime.frames.types import Region

Box = tuple[float, float, float, float]

_SIDE_PX = 320  # the network sees 0.6 of a pixel of the frame as one of its own: less detail would be no gain
_LEAST_SIDE = 1 / 4  # of the frame's longer side, so that frames of any size have at most 25 tiles, of 16:9 at most 15
_OVERLAP = 1 / 4  # of a tile: a face up to this wide lies in one of them, whole
_WORTHWHILE = 1.25  # a frame that is no longer than this many tiles is seen as well whole
# Heights of the faces to take from a tile, of its side. Smaller ones are mostly blobs of texture, larger ones
# are for the whole frame, and so are the parts of one.
_LEAST_FACE, _MOST_FACE = 0.085, 0.6
# No box of the full range is less than 10 of its pixels high: in a whole 720p frame a face of 40 px is missed or has a
# box of 71-89 px. A box below this share of the frame's longer side says where a face is, not how large.
_COARSE = 0.08


def tiles_of_frame(size_wh: tuple[int, int]) -> list[Region]:
    """The tiles that cover a frame, row by row; none where they would show no more than the whole frame does."""
    width, height = size_wh
    side = _side(size_wh)
    if max(size_wh) <= _WORTHWHILE * side:
        return []
    return [Region(x, y, side) for y in _centres(height, side) for x in _centres(width, side)]


def is_coarse(box_xyxy: Box, size_wh: tuple[int, int]) -> bool:
    """Whether a face was found in the whole frame but must be looked at in a tile (`close_up`) to get its size."""
    return box_xyxy[3] - box_xyxy[1] < _COARSE * max(size_wh) and bool(tiles_of_frame(size_wh))


def close_up(box_xyxy: Box, size_wh: tuple[int, int]) -> Region:
    """A tile with this box in its middle."""
    left, top, right, bottom = box_xyxy
    return Region((left + right) / 2, (top + bottom) / 2, _side(size_wh))


def whole_in_tile(boxes_xyxy: F32, tile: Region, size_wh: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """(N,) bool: the boxes to take from a tile: those of small faces that no border of it cuts.

    A neighbour has the rest of a face that is cut. At the frame's own border there is none, and the box may reach it.
    """
    left, top, right, bottom = tile.box_xyxy
    width, height = size_wh
    inner = np.array([left if left > 0 else -math.inf, top if top > 0 else -math.inf], np.float32)
    outer = np.array([right if right < width else math.inf, bottom if bottom < height else math.inf], np.float32)
    whole = (boxes_xyxy[:, :2] > inner).all(axis=1) & (boxes_xyxy[:, 2:] < outer).all(axis=1)
    share = (boxes_xyxy[:, 3] - boxes_xyxy[:, 1]) / np.float32(tile.side)
    return whole & (share > _LEAST_FACE) & (share < _MOST_FACE)


def _side(size_wh: tuple[int, int]) -> float:
    return max(_SIDE_PX, max(size_wh) * _LEAST_SIDE)


def _centres(length: int, side: float) -> list[float]:
    """Evenly spaced centres of tiles that cover a length, the first and the last flush with its ends."""
    if length <= side:
        return [length / 2]
    count = math.ceil((length - side) / (side * (1 - _OVERLAP))) + 1
    return [float(centre) for centre in np.linspace(side / 2, length - side / 2, count)]
