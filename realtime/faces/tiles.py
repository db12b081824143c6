"""Small faces: the frame is searched once more in overlapping square tiles, where they are large enough to be seen.

The full-range network needs a face of about 24 pixels of its 192: in a whole 720p frame that is one of 160 px. In a
tile of 320 px it is one of 40.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from realtime.faces.finding.blazeface import F32
from realtime.frames.types import U8, Frame, Region

Box = tuple[float, float, float, float]

_SIDE_PX = 320  # the network sees 0.6 of a pixel of the frame as one of its own: less detail would be no gain
_LEAST_SIDE = 1 / 4  # of the frame's longer side, so that frames of any size have at most 25 tiles, of 16:9 at most 15
_OVERLAP = 1 / 4  # of a tile: a face up to this wide lies in one of them, whole
_WORTHWHILE = 1.25  # a frame no longer than this many tiles gains nothing from tiles
# Heights of the faces to take from a tile, of its side. Smaller ones are mostly blobs of texture, larger ones
# are for the whole frame, and so are the parts of one.
_LEAST_FACE, _MOST_FACE = 0.085, 0.6
# No box of the full range is less than 10 of its pixels high: in a whole 720p frame a face of 40 px is missed or has a
# box of 71-89 px. A box below this share of the frame's longer side says where a face is, not how large.
_COARSE = 0.08
_CELLS = 40  # along a tile's side; the smallest face that a tile shows covers three or four of them
_STILL = 6  # grey levels: no cell of an unchanged tile differs by more, with a camera's noise and a codec's
MOST_SKIPPED = 3
"""Turns in a row that an unchanged tile is left out. Then it is searched again: the parser may accept a face there."""


def tiles_of_frame(size_wh: tuple[int, int]) -> list[Region]:
    """The tiles that cover a frame, row by row; none where they would show no more than the whole frame."""
    width, height = size_wh
    side = _side(size_wh)
    if max(size_wh) <= _WORTHWHILE * side:
        return []
    return [Region(x, y, side) for y in _centres(height, side) for x in _centres(width, side)]


def is_coarse(box_xyxy: Box, size_wh: tuple[int, int]) -> bool:
    """Whether a face that was found in the whole frame needs a search in a tile (`close_up`) to get its size."""
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


class TileRotation:
    """Chooses the tiles to search in each frame: all in the first frame, then a few in turn, without unchanged ones.

    One instance belongs to one video.

    Args:
        most_skipped: turns in a row that an unchanged tile may be left out; 0: no tile is left out.
    """

    def __init__(self, most_skipped: int = MOST_SKIPPED) -> None:
        self._most_skipped = most_skipped
        self._next: int | None = None
        self._size_wh = (0, 0)
        self._tiles: list[Region] = []
        self._searched: dict[Region, _SearchedTile] = {}

    def take(self, frame: Frame, count: int) -> list[Region]:
        """Those of the next `count` tiles that may show something new; all tiles the first time."""
        if frame.size_wh != self._size_wh:  # frames of one source may change in size
            self._size_wh, self._tiles, self._searched = frame.size_wh, tiles_of_frame(frame.size_wh), {}
        tiles = self._tiles
        if self._next is None or not tiles:
            self._next = 0
            due = tiles
        else:
            start = self._next % len(tiles)
            self._next = (start + count) % len(tiles)
            due = (tiles + tiles)[start : start + min(count, len(tiles))]
        return [tile for tile in due if self._may_show_something_new(frame, tile)]

    def forget(self) -> None:
        """Search every tile when its turn comes, changed or not: a face that was followed may be found there again."""
        self._searched.clear()

    def _may_show_something_new(self, frame: Frame, tile: Region) -> bool:
        cells, last = _cells(frame, tile), self._searched.get(tile)
        if last and last.skipped < self._most_skipped and cv2.norm(cells, last.cells, cv2.NORM_INF) <= _STILL:
            self._searched[tile] = _SearchedTile(last.cells, last.skipped + 1)
            return False
        self._searched[tile] = _SearchedTile(cells)
        return True


@dataclass(frozen=True, eq=False)
class _SearchedTile:
    """A tile as it was when it was last searched."""

    cells: U8
    """(_CELLS, _CELLS) or (_CELLS, _CELLS, C)"""
    skipped: int = 0
    """Turns since then."""


def _cells(frame: Frame, tile: Region) -> U8:
    """A tile's coarse picture: its luma, or all channels of a frame of one plane."""
    left, top, right, bottom = (max(0, round(edge)) for edge in tile.box_xyxy)
    part = frame.planes[0][top:bottom, left:right]
    return np.asarray(cv2.resize(part, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA), np.uint8)


def _side(size_wh: tuple[int, int]) -> float:
    return max(_SIDE_PX, max(size_wh) * _LEAST_SIDE)


def _centres(length: int, side: float) -> list[float]:
    """Evenly spaced centres of tiles that cover a length, the first and the last flush with its ends."""
    if length <= side:
        return [length / 2]
    count = math.ceil((length - side) / (side * (1 - _OVERLAP))) + 1
    return [float(centre) for centre in np.linspace(side / 2, length - side / 2, count)]
