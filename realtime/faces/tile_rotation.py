"""Which tiles of a video's frames to search for small faces: each in its turn, unless nothing has moved in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from realtime.faces.tiles import tiles_of_frame
from realtime.frames.types import U8, Frame, Region

_CELLS = 40  # along a tile's side; the least face that a tile shows covers three or four of them
_STILL = 6  # grey levels: no cell of a tile that stands still differs by more, with a camera's noise and a codec's
MOST_SKIPPED = 3  # turns in a row: what convinced nobody once has another chance


class TileRotation:
    """All tiles of the first frame, then a few in turn. One instance belongs to one video.

    Args:
        most_skipped: turns in a row that a tile may be left out; 0: it has each of its turns.
    """

    def __init__(self, most_skipped: int = MOST_SKIPPED) -> None:
        self._most_skipped = most_skipped
        self._next: int | None = None
        self._size_wh = (0, 0)
        self._tiles: list[Region] = []
        self._looks: dict[Region, _Look] = {}

    def take(self, frame: Frame, count: int) -> list[Region]:
        """Those of the next `count` tiles that may show something new; all tiles the first time."""
        if frame.size_wh != self._size_wh:  # frames of one source may change in size
            self._size_wh, self._tiles, self._looks = frame.size_wh, tiles_of_frame(frame.size_wh), {}
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
        """Look at every tile when its turn comes: a face that was followed in one may be there to be found again."""
        self._looks.clear()

    def _may_show_something_new(self, frame: Frame, tile: Region) -> bool:
        cells, last = _cells(frame, tile), self._looks.get(tile)
        if last and last.skipped < self._most_skipped and cv2.norm(cells, last.cells, cv2.NORM_INF) <= _STILL:
            self._looks[tile] = _Look(last.cells, last.skipped + 1)
            return False
        self._looks[tile] = _Look(cells)
        return True


@dataclass(frozen=True, eq=False)
class _Look:
    """How a tile was when it was looked at."""

    cells: U8
    """(_CELLS, _CELLS) or (_CELLS, _CELLS, C)"""
    skipped: int = 0
    """Turns since then."""


def _cells(frame: Frame, tile: Region) -> U8:
    """A tile's coarse picture: its luma, or all channels of a frame of one plane."""
    left, top, right, bottom = (max(0, round(edge)) for edge in tile.box_xyxy)
    part = frame.planes[0][top:bottom, left:right]
    return np.asarray(cv2.resize(part, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA), np.uint8)
