"""Unveil's Python interface: parse pictures, follow faces through videos, mask files. See docs/python.md.

import unveil

parser = unveil.load("consensus-lite")
for face in parser(frame_rgb):
    print(face.box_xyxy, face.confidence, face.mask("face").sum())
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from os import PathLike
from pathlib import Path

import numpy as np

from engines.closing import Closing
from engines.engine import Engine
from engines.errors import (
    EngineError,
    SinkError,
    SourceError,
    UnknownModel,
    UnveilError,
    UsageError,
)
from engines.zoo import DEFAULT_MODEL
from realtime.buffer import Buffer, Policy
from realtime.faces.composed import load_model
from realtime.faces.face_parser import FaceParser
from realtime.faces.finding.detectors import open_detector
from realtime.faces.held_back import HELD_FRAMES
from realtime.faces.smooth import new_smoothing
from realtime.frames.types import Frame, Rgb
from realtime.pipeline import Options, Summary
from realtime.pipeline import run as run_pipeline
from realtime.render.face import Face, faces_on_frame
from realtime.run.batch import process
from realtime.run.jobs import plan
from realtime.run.masked import Masked, MaskError, masked
from realtime.video.av_frame import rgb_from_frame
from realtime.video.sinks.base import Sink
from realtime.video.sources.base import Source
from realtime.video.sources.open import open_source

__all__ = [
    "EngineError",
    "Face",
    "Frame",
    "MaskError",
    "Masked",
    "Parser",
    "Sink",
    "SinkError",
    "SourceError",
    "Summary",
    "UnknownModel",
    "UnveilError",
    "UsageError",
    "load",
    "mask",
    "run",
    "to_rgb",
    "video",
]

Model = str | PathLike[str]
"""A model that ships with Unveil ("consensus-lite"), or the folder of an engine."""


class Parser(Closing):
    """A loaded model. `load` makes one; call it with a picture. For one thread at a time."""

    def __init__(self, engine: Engine, max_faces: int | None = None) -> None:
        self._engine, self._detector, self._max_faces = engine, open_detector(), max_faces
        self._search_thread = ThreadPoolExecutor(1, "search")
        self._tracked: FaceParser | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the class ids, from 0."""
        return self._engine.spec.labels

    @property
    def description(self) -> str:
        """Which engine runs, and on what."""
        return self._engine.description

    def __call__(self, frame_rgb: Rgb) -> list[Face]:
        """The faces of one picture, the clearest first. Nothing is remembered from other pictures.

        Args:
            frame_rgb: (H, W, 3) uint8, RGB, not BGR as OpenCV reads it.
        """
        frame = _frame(frame_rgb)
        with FaceParser(self._engine, self._detector, max_faces=self._max_faces) as parser:
            return faces_on_frame(parser.step(frame), frame, self._engine.spec)

    def track(self, frame_rgb: Rgb) -> list[Face]:
        """The faces of the next frame of a video. They keep their `track_id`, and their masks are steadied over time.

        It is quicker than parsing each frame by itself. Call `reset` before another video.
        """
        frame = _frame(frame_rgb)
        if self._tracked is None:
            self._tracked = self._follow(smooth=True)
        return faces_on_frame(self._tracked.step(frame), frame, self._engine.spec)

    def reset(self) -> None:
        """Forget the frames that `track` was given: the next one begins another video."""
        if self._tracked is not None:
            self._tracked.close()
            self._tracked = None

    def close(self) -> None:
        """Release the engine."""
        self.reset()
        self._search_thread.shutdown()
        self._engine.close()

    def _follow(self, smooth: bool, hold_frames: int = 0) -> FaceParser:
        """Begins another video."""
        return FaceParser(
            self._engine,
            self._detector,
            max_faces=self._max_faces,
            hold_frames=hold_frames,
            smoothing=new_smoothing() if smooth else None,
            search_thread=self._search_thread,
        )


def load(model: Model = DEFAULT_MODEL, *, threads: int | None = None, max_faces: int | None = None) -> Parser:
    """Load a model.

    Args:
        model: a model that ships ("consensus", "consensus-lite", "parts", "parts-depth", "parts+consensus"), or the
            folder of an engine that `unveil compile` built.
        threads: CPU threads for the network; None: as many as its work is worth.
        max_faces: the most faces that are returned, the largest ones; None: all.

    Raises:
        UnknownModel: there is no such model or folder.
        EngineError: the engine is damaged, or this machine cannot run it.
    """
    if str(model).endswith(".safetensors"):
        raise UsageError(f"{model} is a checkpoint; build its engine with 'unveil compile' and load that folder")
    return Parser(load_model(str(model), threads=threads), max_faces)


def video(
    source: str | PathLike[str] | int, model: Model | Parser = DEFAULT_MODEL, *, smooth: bool = True
) -> Iterator[tuple[Rgb, list[Face]]]:
    """Iterate over a video: each frame, (H, W, 3) uint8 RGB, with its faces.

    Args:
        source: a file, the URL of a stream, or a camera's number. A camera or a stream drops frames that come too fast.
        model: what to load, or a loaded parser, which stays open.
        smooth: steady the masks over time.

    Raises:
        SourceError: at once where the source cannot be opened; after the last frame where it breaks off.
    """
    with ExitStack() as stack:
        opened = stack.enter_context(_open(source))
        parser = model if isinstance(model, Parser) else stack.enter_context(load(model))
        return _frames(parser, opened, smooth, stack.pop_all())


def mask(
    inputs: str | PathLike[str] | Sequence[str | PathLike[str]],
    output: str | PathLike[str],
    *,
    render: str = "overlay",
    keep_occluders: bool = False,
    model: Model | Parser = DEFAULT_MODEL,
    max_faces: int | None = None,
    smooth: bool = True,
    overwrite: bool = False,
) -> list[Masked]:
    """Mask videos and images, as `unveil process` does.

    Args:
        inputs: a file, a folder or a glob, or several of them.
        output: the folder of the outputs, which keep the stems of their inputs; or one file, for one input.
        render: "overlay", "cutout", "labels", "alpha" or "blur".
        keep_occluders: "blur" spares what lies on a face, such as hands.
        model: what to load, or a loaded parser, which stays open.
        max_faces: the most faces that are masked, the largest; None: all. A face that it leaves visible fails "blur".
        smooth: steady the masks of a video over time.
        overwrite: replace outputs that are already there.

    Returns:
        One result per file.

    Raises:
        MaskError: files failed or were damaged. The others are done; `results` names all of them.
        UsageError: no input gives any file, or there is no such render.
    """
    options = Options(render, keep_occluders=keep_occluders, max_faces=max_faces, smooth=smooth)
    given = [inputs] if isinstance(inputs, str | PathLike) else list(inputs)
    paths = [path if isinstance(path, str) else Path(path) for path in given]
    jobs = plan(paths, Path(output), options.render, overwrite=overwrite)
    with ExitStack() as opened:
        engine = _engine(model, opened)
        results = [masked(outcome) for outcome in process(jobs, engine, options)]
    if any(result.error for result in results):
        raise MaskError(results)
    return results


def run(
    source: str | PathLike[str] | int,
    sink: Sink,
    *,
    render: str = "overlay",
    keep_occluders: bool = False,
    model: Model | Parser = DEFAULT_MODEL,
    max_faces: int | None = None,
    smooth: bool = True,
) -> Summary:
    """Draw every frame of a source and hand it to a sink of your own.

    Args:
        source: a file, the URL of a stream, or a camera's number.
        sink: gets each drawn frame in order. It is closed at the end and aborted on an error. The run ends early
            where its `wants_more` turns False.

    Returns:
        What was done. Its `damage` says why the source broke off, `left_out` what `max_faces` left unmasked.
    """
    with ExitStack() as opened:
        not_begun = opened.enter_context(ExitStack())
        not_begun.callback(sink.abort)
        options = Options(render, keep_occluders=keep_occluders, max_faces=max_faces, smooth=smooth)
        opened_source = opened.enter_context(_open(source))
        engine = _engine(model, opened)
        not_begun.pop_all()  # from here on the pipeline closes the sink
        return run_pipeline(opened_source, engine, sink, options)


def to_rgb(frame: Frame) -> Rgb:
    """(H, W, 3) uint8 RGB: a frame that a sink was given, converted. The array is the caller's own."""
    rgb = rgb_from_frame(frame)
    return rgb.copy() if frame.layout == "rgb" else rgb


def _frames(parser: Parser, source: Source, smooth: bool, opened: ExitStack) -> Iterator[tuple[Rgb, list[Face]]]:
    policy = Policy.DROP_OLDEST if source.info.live else Policy.WAIT
    smooth = smooth and source.info.kind != "image"
    hold_frames = HELD_FRAMES if source.info.kind == "video" and not source.info.live else 0
    with opened, parser._follow(smooth, hold_frames) as faces_of, Buffer(source, policy, stop=source.stop) as frames:
        for frame, faces in faces_of.steps(frames):
            yield to_rgb(frame), faces_on_frame(faces, frame, parser._engine.spec)
        if frames.damage:
            raise SourceError(frames.damage)


def _frame(frame_rgb: Rgb) -> Frame:
    pixels = np.asarray(frame_rgb)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise UsageError(f"a picture must be (H, W, 3) uint8 RGB; got {pixels.shape} {pixels.dtype}")
    return Frame((np.ascontiguousarray(pixels),), "rgb")


def _open(source: str | PathLike[str] | int) -> Source:
    return open_source(source if isinstance(source, int | str) else Path(source))


def _engine(model: Model | Parser, opened: ExitStack) -> Engine:
    return (model if isinstance(model, Parser) else opened.enter_context(load(model)))._engine
