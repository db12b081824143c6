"""The project's own face finder: one network over the whole frame and over its tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engines.errors import UsageError
from engines.finder.engine import FinderEngine, load_finder
from realtime.faces.finding.found_faces import FoundFaces, decode, merged
from realtime.frames.crop import aligned, crop_rgb, region_of_frame
from realtime.frames.types import Detection, Frame, Region

_TILE_SHARE = 1 / 2  # of the frame's longer side: 40 px of 1280x720 become 16 of the network's 256
_LEAST_TILE_PX = 256  # a smaller tile would only be enlarged
_MOST_OF_TILE = 0.5  # of its side: larger faces are for the whole frame, and so are the parts of one
_OVERLAP = 1 / 4  # of a tile: a face up to this wide lies in one of them, whole


class FaceFinder:
    """Finds every face of a frame, whichever way it is turned.

    Args:
        engine: None: the finder that ships.
        min_score: the least confidence of a face, 0..1; None: the engine's own.
    """

    def __init__(self, engine: FinderEngine | None = None, min_score: float | None = None) -> None:
        if min_score is not None and not 0 < min_score < 1:
            raise UsageError(f"min_score is {min_score}; expected a value between 0 and 1")
        self._engine = engine or load_finder()
        self._min_score = min_score or self._engine.manifest.threshold

    def detect(self, frame: Frame, *, low_confidence: bool = False) -> list[Detection]:
        """The faces of a frame, best first, each with its full-face box in its own upright frame.

        Args:
            low_confidence: if there is none, return those that score a little less, and let the parser decide.
        """
        found = _detections(merged(self._find(frame, region_of_frame(frame.size_wh), self._least(low_confidence))))
        confident = [detection for detection in found if detection.score >= self._min_score]
        if confident or not low_confidence:
            return confident
        return [replace(detection, low_confidence=True) for detection in found]

    def detect_in_tiles(
        self, frame: Frame, tiles: Sequence[Region], *, low_confidence: bool = False
    ) -> list[Detection]:
        """What may be small faces in some tiles of a frame, best first.

        Args:
            low_confidence: also return what scores a little less, and let the parser decide.
        """
        found = [self._find_in_tile(frame, tile, self._least(low_confidence)) for tile in tiles]
        if not found:
            return []
        parts = ([getattr(faces, name) for faces in found] for name in ("boxes", "up", "scores"))
        detections = _detections(merged(FoundFaces(*(np.concatenate(part) for part in parts))))
        return [replace(each, low_confidence=each.score < self._min_score) for each in detections]

    def _least(self, low_confidence: bool) -> float:
        return min(self._engine.manifest.low_confidence, self._min_score) if low_confidence else self._min_score

    def _find_in_tile(self, frame: Frame, tile: Region, min_score: float) -> FoundFaces:
        faces = merged(self._find(frame, tile, min_score))
        half = faces.boxes[:, 2:] / 2
        corners = np.hstack([faces.boxes[:, :2] - half, faces.boxes[:, :2] + half])
        left, top, right, bottom = tile.box_xyxy
        width, height = frame.size_wh
        # A neighbour has the rest of a face that is cut. At the frame's own border there is none.
        least = np.array([left if left > 0 else -math.inf, top if top > 0 else -math.inf], np.float32)
        most = np.array([right if right < width else math.inf, bottom if bottom < height else math.inf], np.float32)
        whole = (corners[:, :2] > least).all(axis=1) & (corners[:, 2:] < most).all(axis=1)
        return _chosen(faces, np.flatnonzero(whole & (2 * half.max(axis=1) < _MOST_OF_TILE * tile.side)))

    def _find(self, frame: Frame, region: Region, min_score: float) -> FoundFaces:
        """The cells of a region that score enough, in pixels of the frame."""
        size_px = self._engine.manifest.size_px
        region = aligned(region, size_px)
        faces = decode(self._engine(crop_rgb(frame, region, size_px)[None]), size_px, min_score)
        scale = np.float32(region.side / size_px)
        boxes = faces.boxes * scale
        boxes[:, :2] += np.array((region.centre_x, region.centre_y), np.float32) - np.float32(region.side / 2)
        return replace(faces, boxes=boxes)


def tiles_of_frame(size_wh: tuple[int, int]) -> list[Region]:
    """The tiles in which this finder sees small faces, row by row: 6 of a frame of 16:9. None of a small frame."""
    side = max(_LEAST_TILE_PX, max(size_wh) * _TILE_SHARE)
    if max(size_wh) <= side:
        return []
    columns, rows = (_centres(length, side) for length in size_wh)
    return [Region(x, y, side) for y in rows for x in columns]


def _centres(length: int, side: float) -> list[float]:
    """Evenly spaced centres of tiles that cover a length, the first and the last flush with its ends."""
    if length <= side:
        return [length / 2]
    count = math.ceil((length - side) / (side * (1 - _OVERLAP))) + 1
    return [float(centre) for centre in np.linspace(side / 2, length - side / 2, count)]


def _chosen(faces: FoundFaces, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> FoundFaces:
    return FoundFaces(faces.boxes[rows], faces.up[rows], faces.scores[rows])


def _detections(faces: FoundFaces) -> list[Detection]:
    return [
        Detection((x - width / 2, y - height / 2, x + width / 2, y + height / 2), score, angle_deg=angle_deg)
        for (x, y, width, height), score, angle_deg in zip(
            faces.boxes.tolist(), faces.scores.tolist(), faces.angles_deg().tolist(), strict=True
        )
    ]
