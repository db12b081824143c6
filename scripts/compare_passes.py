"""The ways through a clip that compare_facemesh.py times: FaceMesh's, Unveil's, and one that masks nothing."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from engines.engine import Engine
from engines.errors import DataError, SinkError
from realtime.faces.detect import DetectsFaces
from realtime.frames.types import U8
from realtime.pipeline import Options, run
from realtime.render.palette import FACE_RGB
from realtime.run.batch import process_file
from realtime.run.jobs import Job
from realtime.tools.bench import copy
from realtime.video.codecs import CRF
from realtime.video.sinks.open import NullSink, open_sink
from realtime.video.sources.open import open_source

_WARM_UP_FRAMES = 10
_OPACITY = 0.5  # as Unveil's own overlay

Write = Callable[[U8], None]
OpenWriter = Callable[[Path, float, tuple[int, int]], AbstractContextManager[Write]]
"""Takes the output, frames per second and (width, height). The writer that it opens takes (H, W, 3) uint8 BGR."""


@dataclass(frozen=True)
class Pass:
    """One way through the clip."""

    frames: int
    seconds: float
    """From opening the clip to the output closed."""
    cpu_seconds: float
    """CPU time of all threads meanwhile: a busy machine changes it least."""
    frames_without_face: int | None = None
    """None where no faces are searched for."""

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.frames / self.seconds


class Clock:
    """A clock that runs from its construction."""

    def __init__(self) -> None:
        self._started, self._cpu_started = time.perf_counter(), time.process_time()

    def stop(self, frames: int, frames_without_face: int | None = None) -> Pass:
        """The pass since the construction."""
        cpu_seconds = time.process_time() - self._cpu_started
        return Pass(frames, time.perf_counter() - self._started, cpu_seconds, frames_without_face)


def facemesh(clip: Path, output: Path, open_writer: OpenWriter) -> Pass:
    """MediaPipe FaceMesh, frame by frame: read, find landmarks, tint the oval of the face, write."""
    from mediapipe.python.solutions.face_mesh import FaceMesh

    oval = _oval()
    cv2.setNumThreads(-1)  # Unveil sets one thread; FaceMesh gets OpenCV's default back
    with warnings.catch_warnings(), FaceMesh(static_image_mode=False, max_num_faces=1, refine_landmarks=False) as mesh:
        warnings.simplefilter("ignore")  # protobuf's deprecation notice, once per call
        for bgr in islice(_pictures(cv2.VideoCapture(str(clip))), _WARM_UP_FRAMES):
            mesh.process(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
        frames = without_face = 0
        clock = Clock()
        capture = cv2.VideoCapture(str(clip))
        size_wh = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        with open_writer(output, capture.get(cv2.CAP_PROP_FPS), size_wh) as write:
            for bgr in _pictures(capture):
                rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
                rgb.flags.writeable = False  # spares MediaPipe a copy
                faces = mesh.process(rgb).multi_face_landmarks
                if faces:
                    landmarks = faces[0].landmark
                    points = np.array([(landmarks[corner].x, landmarks[corner].y) for corner in oval])
                    tint(bgr, np.round(points * size_wh).astype(np.int32))
                write(bgr)
                frames += 1
                without_face += not faces
        return clock.stop(frames, without_face)


def tint(bgr: U8, corners: npt.NDArray[np.int32]) -> None:
    """Blend a colour over a polygon, in place; only the rectangle around it is touched.

    Args:
        bgr: (H, W, 3) uint8.
        corners: (N, 2) int32: x, y in pixels, perhaps outside of the picture.
    """
    left, top = np.maximum(corners.min(axis=0), 0)
    right, bottom = np.maximum(corners.max(axis=0) + 1, 0)
    window = bgr[top:bottom, left:right]
    if not window.size:
        return
    inside = np.zeros(window.shape[:2], np.uint8)
    cv2.fillPoly(inside, [corners - (left, top)], 255)
    colour = np.full_like(window, FACE_RGB[::-1])
    cv2.copyTo(cv2.addWeighted(window, 1 - _OPACITY, colour, _OPACITY, 0), inside, window)


@contextmanager
def cv2_writer(output: Path, fps: float, size_wh: tuple[int, int], codec: str = "mp4v") -> Iterator[Write]:
    """OpenCV's own writer. Raises SinkError where this build of OpenCV has no encoder for the codec."""
    writer = cv2.VideoWriter(str(output), cv2.VideoWriter.fourcc(*codec), fps, size_wh)
    try:
        if not writer.isOpened():
            raise SinkError(f"this build of OpenCV cannot write {codec} to {output}")
        yield writer.write
    finally:
        writer.release()


@contextmanager
def x264_writer(output: Path, fps: float, size_wh: tuple[int, int], preset: str) -> Iterator[Write]:
    """x264 by PyAV, with the settings of Unveil's own sink."""
    with av.open(str(output), "w") as container:
        options = {"preset": preset, "crf": str(CRF)}
        stream: Any = container.add_stream("libx264", Fraction(fps).limit_denominator(10_000), options)
        stream.width, stream.height, stream.pix_fmt = *size_wh, "yuv420p"
        stream.codec_context.thread_type = "AUTO"
        yield lambda bgr: container.mux(stream.encode(av.VideoFrame.from_ndarray(bgr, format="bgr24")))
        container.mux(stream.encode(None))


def unveil(clip: Path, output: Path, preset: str, engine: Engine, detector: DetectsFaces) -> Pass:
    """What `unveil process` does with one file. Raises DataError where it fails."""
    clock = Clock()
    outcome = process_file(Job(clip, output), engine, Options(preset=preset, encoder="x264"), detector)
    if outcome.summary is None or outcome.error:
        raise DataError(f"{outcome.error}; compare on a whole video")
    return clock.stop(outcome.summary.frames, outcome.summary.frames_without_face)


def unveil_labels(clip: Path, _: Path, engine: Engine, detector: DetectsFaces, limit: int | None = None) -> Pass:
    """Class ids of every frame, and nothing written."""
    clock = Clock()
    with open_source(clip) as source:
        summary = run(source, engine, NullSink(), Options("labels", limit=limit), detector=detector)
    return clock.stop(summary.frames, summary.frames_without_face)


def transcode(clip: Path, output: Path, preset: str) -> Pass:
    """The limit: nothing is masked; Unveil's source and sink (PyAV, each in a thread of its own)."""
    clock = Clock()
    with open_source(clip) as source:
        frames = copy(source, open_sink(output, source.info, preset=preset, encoder="x264"))
    return clock.stop(frames)


def warm_up(clip: Path, engine: Engine, detector: DetectsFaces) -> None:
    """Run Unveil's first calls, which are slower. FaceMesh has its own before each pass."""
    unveil_labels(clip, clip, engine, detector, limit=_WARM_UP_FRAMES)


def _pictures(capture: cv2.VideoCapture) -> Iterator[U8]:
    try:
        while True:
            there, bgr = capture.read()
            if not there:
                return
            yield bgr
    finally:
        capture.release()


def _oval() -> list[int]:
    """Landmarks around the face, in their order."""
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_FACE_OVAL

    following, top = dict(FACEMESH_FACE_OVAL), 10
    corners = [top]
    while following[corners[-1]] != top:
        corners.append(following[corners[-1]])
    return corners
