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

_SIDE_PX = 160
_LEAST_SIDE = 1 / 4  # of the frame's longer side, so that frames of any size have at most 25 tiles, of 16:9 at most 15
_OVERLAP = 1 / 4  # of a tile: a face up to this wide lies in one of them, whole
# Of 80 faces that lie half beyond an edge, the full range finds 16 % in tiles that end with the frame, and 60 % in
# tiles that stick out of it by this much of their side.
_OUTSIDE = 0.3
_PADDED = (1.25, 2.0)  # sides of the padded views of a whole frame, in sides of the frame
_WORTHWHILE = 1.25  # a frame no longer than this many tiles gains nothing from tiles
# Heights of the faces to take from a tile, of its side. Smaller ones are mostly blobs of texture, larger ones
# are for the whole frame, and so are the parts of one.
_LEAST_FACE, _MOST_FACE = 0.085, 0.6
# No box of the full range is less than 10 of its pixels high: in a whole 720p frame a face of 40 px is missed or has a
# box of 71-89 px. A box below this share of the frame's longer side says where a face is, not how large.
_COARSE = 0.08
_CELLS = 40  # along a tile's side; the smallest face that a tile shows covers three or four of them
_STILL = 6  # grey levels: no cell of an unchanged tile differs by more, with a camera's noise and a codec's
RENEW_AFTER = 60
"""Turns after which an unchanged tile is searched again: the parser may accept a face there now."""


def tiles_of_frame(size_wh: tuple[int, int]) -> list[Region]:
    """The tiles that cover a frame, row by row; none where they would show no more than the whole frame."""
    side = _side(size_wh)
    if max(size_wh) <= _WORTHWHILE * side:
        return []
    return _grid(size_wh, side)


def padded_views(size_wh: tuple[int, int]) -> list[Region]:
    """Views of the whole frame, and of its border, that stick out of it: black surrounds them.

    They show faces that fill the frame or are cut by its edge, which the networks miss without that.
    """
    width, height = size_wh
    longer = max(size_wh)
    side = max(_SIDE_PX, longer / 2)
    border = [view for view in _grid(size_wh, side) if not _is_inside(view, size_wh)] if side < longer else []
    return [*(Region(width / 2, height / 2, padded * longer) for padded in _PADDED), *border]


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
    """Chooses the tiles to search in each turn: all in the first one, then those that changed, the oldest search first.

    Views that stick out of the frame have their turns, too. One instance belongs to one video.

    Args:
        renew_after: turns after which an unchanged tile is searched again; 0: no tile is left out.
    """

    def __init__(self, renew_after: int = RENEW_AFTER) -> None:
        self._renew_after = renew_after
        self._turn = 0
        self._size_wh = (0, 0)
        self._searched: dict[Region, _SearchedTile] = {}

    def take(self, frame: Frame, count: int) -> list[Region]:
        """The `count` tiles that may show something new and were searched longest ago; all tiles the first time."""
        if frame.size_wh != self._size_wh:  # frames of one source may change in size
            self._size_wh, self._searched = frame.size_wh, {}
        if not count and self._turn:
            return []
        # In small frames the tiles at the border are views of the border, too.
        tiles = list(dict.fromkeys([*tiles_of_frame(frame.size_wh), *padded_views(frame.size_wh)]))
        cells = _Cells.of(frame)
        self._turn += 1
        if self._turn == 1:
            due = tiles
        else:
            new = [tile for tile in tiles if self._may_show_something_new(tile, cells)]
            due = sorted(new, key=lambda tile: self._searched[tile].turn if tile in self._searched else 0)[:count]
        self._searched |= {tile: _SearchedTile(cells, self._turn) for tile in due}
        return due

    def forget(self) -> None:
        """Search every tile when its turn comes, changed or not: a face that was followed may be found there again."""
        self._searched.clear()

    def _may_show_something_new(self, tile: Region, cells: _Cells) -> bool:
        last = self._searched.get(tile)
        if last is None or self._turn - last.turn > self._renew_after:
            return True
        return bool(cv2.norm(cells.within(tile), last.cells.within(tile), cv2.NORM_INF) > _STILL)


@dataclass(frozen=True, eq=False)
class _Cells:
    """A frame's coarse picture: its luma, or all channels of a frame of one plane."""

    values: U8
    per_px: float

    @classmethod
    def of(cls, frame: Frame) -> _Cells:
        width, height = frame.size_wh
        per_px = min(1.0, _CELLS / _side(frame.size_wh))
        size_wh = max(1, round(width * per_px)), max(1, round(height * per_px))
        return cls(np.asarray(cv2.resize(frame.planes[0], size_wh, interpolation=cv2.INTER_AREA), np.uint8), per_px)

    def within(self, tile: Region) -> U8:
        left, top, right, bottom = (max(0, round(edge * self.per_px)) for edge in tile.box_xyxy)
        return self.values[top:bottom, left:right]


@dataclass(frozen=True, eq=False)
class _SearchedTile:
    """The frame in which a tile was last searched, and the turn."""

    cells: _Cells
    turn: int


def _side(size_wh: tuple[int, int]) -> float:
    return max(_SIDE_PX, max(size_wh) * _LEAST_SIDE)


def _grid(size_wh: tuple[int, int], side: float) -> list[Region]:
    """Overlapping tiles, row by row, that cover a frame and a margin around it."""
    width, height = size_wh
    return [Region(x, y, side) for y in _centres(height, side) for x in _centres(width, side)]


def _is_inside(tile: Region, size_wh: tuple[int, int]) -> bool:
    left, top, right, bottom = tile.box_xyxy
    return left >= 0 and top >= 0 and right <= size_wh[0] and bottom <= size_wh[1]


def _centres(length: int, side: float) -> list[float]:
    """Evenly spaced centres of tiles that cover a length. The first and the last stick out of its ends."""
    first, last = side * (1 / 2 - _OUTSIDE), length - side * (1 / 2 - _OUTSIDE)
    if last - first <= 0:
        return [length / 2]
    count = math.ceil((last - first) / (side * (1 - _OVERLAP))) + 1
    return [float(centre) for centre in np.linspace(first, last, count)]
