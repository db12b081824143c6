"""The contact sheet: moments of a clip, each as a row of frame, labels and cutout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from engines.errors import SourceError
from engines.spec import BACKGROUND, CONSENSUS_LABELS
from realtime.frames.types import U8, Frame
from realtime.render.palette import palette
from realtime.video.av_frame import rgb_from_frame
from realtime.video.sinks.open import ImageSink
from realtime.video.sources.open import open_source

_TILE_WH = (480, 270)
_HEADER, _GAP = 40, 6  # pixels
_TITLES = ("frame", "labels", "cutout")
_BACKGROUND_RGB = (36, 38, 44)  # black would not stand apart from the cutout


def write_sheet(
    path: Path,
    clip: Path,
    labels: Path,
    cutout: Path,
    indices: Sequence[int],
    names: tuple[str, ...] = CONSENSUS_LABELS,
) -> None:
    """Write the sheet as a PNG.

    Args:
        clip: the input video.
        labels: the label video that was made of it.
        cutout: the cutout video that was made of it.
        indices: the frames to show, one per row.
        names: the names of the labels, in the order of their ids.

    Raises:
        SourceError: a video cannot be read, or ends before the last of them.
        SinkError: the sheet cannot be written.
    """
    colours = palette(names).copy()
    colours[BACKGROUND] = _BACKGROUND_RGB
    columns = [
        [_tile(rgb_from_frame(frame)) for frame in pick_frames(clip, indices)],
        [_tile(colours[frame.planes[0]]) for frame in pick_frames(labels, indices)],
        [_tile(rgb_from_frame(frame)) for frame in pick_frames(cutout, indices)],
    ]
    header = np.hstack([_padded(_title(title)) for title in _TITLES])
    rows = [np.hstack([_padded(tile) for tile in row]) for row in zip(*columns, strict=True)]
    with ImageSink(path) as sink:
        sink.write(Frame((np.vstack([header, *rows]),), "rgb"))


def pick_frames(video: Path, indices: Sequence[int]) -> list[Frame]:
    """The frames at these positions, in the order of the video. Raises SourceError where it ends too soon."""
    wanted = set(indices)
    with open_source(video) as source:
        found = []
        for frame in source:
            if frame.index in wanted:
                found.append(frame)
            if len(found) == len(wanted):
                return found
    raise SourceError(f"{video} ends before frame {max(wanted)}; make it again")


def _tile(rgb: U8) -> U8:
    return np.asarray(cv2.resize(rgb, _TILE_WH, interpolation=cv2.INTER_AREA), np.uint8)


def _title(text: str) -> U8:
    strip = np.full((_HEADER, _TILE_WH[0], 3), 255, np.uint8)
    cv2.putText(strip, text, (4, _HEADER - 12), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (40, 40, 40), 2, cv2.LINE_AA)
    return strip


def _padded(tile: U8) -> U8:
    return np.pad(tile, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=255)
