"""A contact sheet of what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from realtime.frames.types import U8, Frame
from realtime.video.av_frame import rgb_from_frame
from train.measure.label_pictures import overlay, write_grid
from train.measure.video.scenes.truth import Observed, Truth
from train.measure.video.scores import face_stories, ghost_frames, late_frames, lost_frames

_TILE_WH = (320, 240)
_COLUMNS = 4
_MOST_OF_A_SCENARIO = 8
_WHITE, _BLACK, _RED = (255, 255, 255), (0, 0, 0), (255, 0, 0)


@dataclass
class Failures:
    """Tiles of frames in which something failed: what was shown in colour, the outline of the true face in red.

    Args:
        wanted: if False, nothing is kept.
    """

    wanted: bool
    tiles: list[U8] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, title: str, frames: Sequence[Frame], truths: Sequence[Truth], observed: Sequence[Observed]) -> None:
        """Keep the first frame of each kind of failure of a scene, if there is one.

        Args:
            title: the scenario's name, and the scene's number.
        """
        scenario = title.rsplit(maxsplit=1)[0]
        if not self.wanted:
            return
        for what, at in _first_failures(truths, observed).items():
            if self.counts.get(scenario, 0) < _MOST_OF_A_SCENARIO:
                self.counts[scenario] = self.counts.get(scenario, 0) + 1
                picture = rgb_from_frame(frames[at])
                self.tiles.append(_tile(f"{title}: {what}, frame {at}", picture, truths[at], observed[at]))

    def write(self, path: Path) -> Path:
        """Write the sheet. Raises DataError if the folder is not writable."""
        tiles = self.tiles or [_captioned(np.zeros((*_TILE_WH[::-1], 3), np.uint8), "nothing failed")]
        return write_grid(tiles, path, min(_COLUMNS, len(tiles)))


def _first_failures(truths: Sequence[Truth], observed: Sequence[Observed]) -> dict[str, int]:
    found = {"ghost": ghost_frames(truths, observed)}
    stories = face_stories(truths, observed).values()
    found["late"] = [story.visible.index(True) for story in stories if late_frames(story)]
    found["lost"] = [frame for story in stories for frame in lost_frames(story)[:1]]
    return {what: frames[0] for what, frames in found.items() if frames}


def _tile(title: str, picture: U8, truth: Truth, shown: Observed) -> U8:
    drawn = overlay(picture, shown.labels, 0.4)
    outlines, _ = cv2.findContours((truth.ids > 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, outlines, -1, _RED, max(1, picture.shape[0] // 240))
    return _captioned(np.asarray(cv2.resize(drawn, _TILE_WH, interpolation=cv2.INTER_AREA), np.uint8), title)


def _captioned(tile: U8, text: str) -> U8:
    for colour, width in ((_BLACK, 3), (_WHITE, 1)):
        cv2.putText(tile, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, width, cv2.LINE_AA)
    return tile
