"""Small faces: the frame is looked at once more in overlapping square tiles, where they are large enough to be seen.

The full-range network needs a face of about 24 pixels of its 192: in a whole 720p frame that is one of 160 px. In a
tile of 320 px it is one of 40.
"""

from __future__ import annotations

import math

import numpy as np

from realtime.blazeface import F32
from realtime.types import Region

_SIDE_PX = 320  # the network sees 0.6 of a pixel of the frame as one of its own: less detail would be no gain
_LEAST_SIDE = 1 / 4  # of the frame's longer side, so that frames of any size have at most 25 tiles, of 16:9 at most 15
_OVERLAP = 1 / 4  # of a tile: a face up to this wide lies in one of them, whole
_WORTHWHILE = 1.25  # a frame that is no longer than this many tiles is seen as well whole
_MOST_FACE = 0.45  # of a tile's side; larger faces are for the whole frame, and so are the parts of one


def tiles_of_frame(size_wh: tuple[int, int]) -> list[Region]:
    """The tiles that cover a frame, row by row; none where they would show no more than the whole frame does."""
    width, height = size_wh
    side = max(_SIDE_PX, max(size_wh) * _LEAST_SIDE)
    if max(size_wh) <= _WORTHWHILE * side:
        return []
    return [Region(x, y, side) for y in _centres(height, side) for x in _centres(width, side)]


def whole_in_tile(boxes_xyxy: F32, tile: Region, size_wh: tuple[int, int]) -> F32:
    """(N,) bool: the boxes to take from a tile: those of small faces that no border of it cuts.

    A neighbour has the rest of a face that is cut. At the frame's own border there is none, and the box may reach it.
    """
    left, top, right, bottom = tile.box_xyxy
    width, height = size_wh
    inner = np.array([left if left > 0 else -math.inf, top if top > 0 else -math.inf], np.float32)
    outer = np.array([right if right < width else math.inf, bottom if bottom < height else math.inf], np.float32)
    whole = (boxes_xyxy[:, :2] > inner).all(axis=1) & (boxes_xyxy[:, 2:] < outer).all(axis=1)
    return whole & ((boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).max(axis=1) < _MOST_FACE * tile.side)


def _centres(length: int, side: float) -> list[float]:
    """Evenly spaced centres of tiles that cover a length, the first and the last flush with its ends."""
    if length <= side:
        return [length / 2]
    count = math.ceil((length - side) / (side * (1 - _OVERLAP))) + 1
    return [float(centre) for centre in np.linspace(side / 2, length - side / 2, count)]
