"""Fakes for the four seams of the pipeline - source, detector, engine, sink - and pictures that they understand:
a face is a red ellipse, and what covers it is blue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import cv2
import numpy as np

from engines.engine import Parsed
from engines.spec import CONSENSUS_LABELS, ModelSpec
from realtime.frames.colour import yuv_from_rgb
from realtime.frames.types import U8, Detection, Frame, Region
from realtime.video.sinks.base import Sink
from realtime.video.sources.base import SourceInfo
from tests.fakes.video import ListSource

SPEC = ModelSpec("fake", CONSENSUS_LABELS)
RED, BLUE, GREY = (200, 40, 40), (40, 40, 200), (120, 120, 120)
FACE_WH = (0.72, 1.0)  # of the height


def scene(
    size_wh: tuple[int, int] = (320, 240),
    faces: Sequence[tuple[float, float, float]] = ((160, 120, 80),),
    covers: Sequence[tuple[int, int, int, int]] = (),
) -> U8:
    """(H, W, 3) uint8 RGB: faces as (centre x, centre y, height), covers as (left, top, right, bottom)."""
    picture = np.full((size_wh[1], size_wh[0], 3), GREY, np.uint8)
    for x, y, height in faces:
        axes = (round(height * FACE_WH[0] / 2 * 16), round(height * FACE_WH[1] / 2 * 16))
        centre = (round((x - 0.5) * 16), round((y - 0.5) * 16))
        cv2.ellipse(picture, centre, axes, 0, 0, 360, RED, -1, cv2.LINE_AA, 4)
    for left, top, right, bottom in covers:
        picture[top:bottom, left:right] = BLUE
    return picture


def rgb_frame(picture: U8, index: int = 0) -> Frame:
    """A frame of a 25 fps video."""
    return Frame((picture,), "rgb", index=index, pts=index, time_base=Fraction(1, 25))


def yuv_frame(picture: U8, index: int = 0) -> Frame:
    """The same as yuv420p (BT.709, video range)."""
    y, u, v = cv2.split(cv2.transform(picture, yuv_from_rgb("bt709", False)))
    half = ((picture.shape[1] + 1) // 2, (picture.shape[0] + 1) // 2)
    chroma = [cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in (u, v)]
    return Frame((y, *chroma), "yuv420p", index=index, pts=index, time_base=Fraction(1, 25))


def face_box(x: float, y: float, height: float) -> tuple[float, float, float, float]:
    """The full-face box of a face of `scene`."""
    half_width, half_height = height * FACE_WH[0] / 2, height * FACE_WH[1] / 2
    return x - half_width, y - half_height, x + half_width, y + half_height


class FakeSource(ListSource):
    """Gives frames at 25 fps; raises `error` after the last one if there is one."""

    def __init__(self, frames: Sequence[Frame], *, kind: str = "video", error: Exception | None = None) -> None:
        super().__init__([*frames, error] if error else frames)
        size_wh = frames[0].size_wh if frames else (320, 240)
        self.info = SourceInfo("fake source", kind, size_wh, frames=len(frames), fps=25)  # type: ignore[arg-type]


class FakeDetector:
    """Finds what it was told to find, in the whole frame and in tiles; counts how often it was asked."""

    def __init__(self, detections: Sequence[Detection] = (), small: Sequence[Detection] = ()) -> None:
        self.detections, self.small = detections, small
        self.calls = 0
        self.tiles: list[int] = []

    def detect(self, frame: Frame, *, low_confidence: bool = False) -> list[Detection]:
        self.calls += 1
        sure = [detection for detection in self.detections if detection.score >= 0.5]
        return sure or (
            [replace(detection, low_confidence=True) for detection in self.detections] if low_confidence else []
        )

    def detect_in_tiles(
        self, frame: Frame, tiles: Sequence[Region], *, low_confidence: bool = False
    ) -> list[Detection]:
        self.tiles.append(len(tiles))
        return list(self.small) if tiles else []


class FakeEngine:
    """Red is face, blue is occlusion, the rest background. Edges are as soft as those of a real network."""

    spec = SPEC
    manifest = SimpleNamespace(batch=1, files={"fake.bin": "0" * 64})
    name = "fake"
    description = "fake engine"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, crops: U8) -> Parsed:
        self.batches.append(len(crops))
        probabilities = np.zeros((*crops.shape[:3], 3), np.uint8)
        for crop, parsed in zip(crops, probabilities, strict=True):
            red, blue = (crop[:, :, channel].astype(int) - crop[:, :, 2 - channel] > 60 for channel in (0, 2))
            face, occlusion = (cv2.blur((mask * 255).astype(np.uint8), (3, 3)) for mask in (red, blue))
            parsed[:] = cv2.merge([255 - cv2.add(face, occlusion), face, occlusion])
        return Parsed(probabilities.argmax(-1).astype(np.uint8), probabilities)

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> FakeEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class LowConfidenceEngine(FakeEngine):
    """Sees the same face, with less confidence."""

    def __call__(self, crops: U8) -> Parsed:
        parsed = super().__call__(crops)
        likely = parsed.probabilities.astype(np.float32)
        return Parsed(parsed.labels, (likely * 0.5 + 255 / likely.shape[3] * 0.5).astype(np.uint8))


class FakeSink(Sink):
    """Keeps the frames; raises `error` at the given frame if there is one."""

    def __init__(
        self, *, fail_at: int | None = None, error: Exception | None = None, enough: int | None = None
    ) -> None:
        self.frames: list[Frame] = []
        self.closed = self.aborted = False
        self._fail_at, self._error, self._enough = fail_at, error, enough

    def write(self, frame: Frame) -> None:
        if self._error and len(self.frames) == self._fail_at:
            raise self._error
        self.frames.append(frame)
        self.wants_more = self._enough is None or len(self.frames) < self._enough

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True
