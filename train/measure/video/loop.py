"""Runs composed scenes through the loop that users run, from memory to memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np
from av.video.frame import VideoFrame

from engines.engine import Engine
from engines.spec import FACE, OCCLUSION
from realtime import pipeline
from realtime.faces.detect import DetectsFaces
from realtime.frames.types import Frame, Rgb
from realtime.options import Options
from realtime.render.draw import Scene as DrawnScene
from realtime.render.face import faces_on_frame
from realtime.render.registry import Renderer, registered
from realtime.video.av_frame import FromAv
from realtime.video.sinks.base import Sink
from realtime.video.sources.base import Source, SourceInfo
from train.measure.video.scenes.composer import Scene, compose
from train.measure.video.scenes.truth import Observed, Truth

FPS = 30
_TRACKS = "labels and tracks"
"""The renderer that shows what was parsed."""


class SceneSource(Source):
    """The frames of a scene, as a decoder would give them. Keeps frames and truths."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(SourceInfo("scene", scene.kind, scene.size_wh, frames=scene.frames, fps=float(FPS)))
        self.scene = scene
        self.frames: list[Frame] = []
        self.truths: list[Truth] = []
        self._planes = FromAv(scene.size_wh)

    def __iter__(self) -> Iterator[Frame]:
        for index, (picture, truth) in enumerate(compose(self.scene)):
            if self._stopped.is_set():
                return
            frame = self._frame(picture, index)
            self.frames.append(frame)
            self.truths.append(truth)
            yield frame

    def close(self) -> None:
        """Nothing is held open."""

    def _frame(self, picture: Rgb, index: int) -> Frame:
        now = time.perf_counter()
        if self.scene.kind == "image":
            return Frame((picture,), "rgb", captured_at=now)
        planes, colour = self._planes(VideoFrame.from_ndarray(picture, "rgb24"))
        # The planes are views of a picture that is freed.
        kept = tuple(plane.copy() for plane in planes)
        return Frame(kept, "yuv420p", index, index, Fraction(1, FPS), now, colour)


class FrameList(Sink):
    """Keeps the drawn frames."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def write(self, frame: Frame) -> None:
        self.frames.append(frame)

    def close(self) -> None:
        """Nothing is held open."""

    def abort(self) -> None:
        """Nothing is held open."""


def observe(scene: Scene, engine: Engine, detector: DetectsFaces) -> tuple[SceneSource, list[Observed]]:
    """Run a scene through the loop with its default options. Returns its source, with truths, and what was shown."""
    with registered(Renderer(_TRACKS, "Labels and tracks, for programs.", _labels_and_tracks)):
        source, drawn = run_scene(scene, engine, detector, _TRACKS)
    return source, [_observed(frame) for frame in drawn]


def run_scene(scene: Scene, engine: Engine, detector: DetectsFaces, render: str) -> tuple[SceneSource, list[Frame]]:
    """Run a scene through the loop with a renderer. Returns its source, with truths, and the drawn frames."""
    source, sink = SceneSource(scene), FrameList()
    pipeline.run(source, engine, sink, Options(render), detector=detector)
    return source, sink.frames


def _labels_and_tracks(scene: DrawnScene) -> Frame:
    """Encode labels in red, and the track's number plus one in green and blue. Later faces cover earlier ones."""
    width, height = scene.frame.size_wh
    planes = [np.zeros((height, width), np.uint8) for _ in range(3)]
    for face in faces_on_frame(scene.faces, scene.frame, scene.spec):
        shown = face.mask("face").astype(np.uint8) * np.uint8(FACE)
        if "occlusion" in face.label_names:
            shown[face.mask("occlusion")] = OCCLUSION
        cv2.copyTo(shown, shown, planes[0])
        for plane, value in zip(planes[1:], divmod(face.track_id + 1, 256), strict=True):
            cv2.copyTo(np.full_like(shown, value), shown, plane)
    return scene.frame.with_planes((cv2.merge(planes),), "rgb")


def _observed(frame: Frame) -> Observed:
    labels, high, low = cv2.split(frame.planes[0])
    return Observed(labels, low.astype(np.uint16) | (high.astype(np.uint16) << 8))
