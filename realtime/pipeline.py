"""The loop: source -> buffer -> detect or track -> crop -> parse -> buffer -> smooth -> draw -> sink."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import cv2

from engines.engine import Engine
from engines.errors import UsageError
from realtime.buffer import Buffer, Policy
from realtime.faces.detect import Detector, DetectorModel, DetectsFaces
from realtime.faces.fragments import without_fragments
from realtime.faces.parse import parse_frame
from realtime.faces.smooth import Smoother
from realtime.faces.tracker import Tracker
from realtime.frames.types import Frame, ParsedFace, Render
from realtime.render.draw import render
from realtime.timing import StageTimer
from realtime.video.sinks.base import Sink
from realtime.video.sinks.video import CRF, ENCODERS, PRESET, PRESETS, Encoder
from realtime.video.sources.base import Source


@dataclass(frozen=True)
class Options:
    """How frames are to be processed."""

    render: Render = "overlay"
    detector: DetectorModel = "auto"
    redetect_every: int | None = None
    """Frames between two searches for new faces; None: 15, but 1 for `blur`, where no face may show even briefly."""
    max_faces: int | None = None
    """The most faces that are followed, those found first; None: all."""
    smooth: bool = True
    """Steady the masks of a video over time. Images are never smoothed."""
    policy: Policy | None = None
    """What happens when frames come faster than they can be processed; None: live sources drop, files wait."""
    limit: int | None = None
    """Frames after which to stop; None: at the end."""
    start_seconds: float = 0.0
    """Start of the part of a video that is processed."""
    end_seconds: float | None = None
    """End of that part; None: the end of the video."""
    crf: int = CRF
    """x264 quality, 0 to 51. Lower is better."""
    preset: str = PRESET
    """Of x264, where whoever opens the sink writes H.264: the quicker, the larger the file."""
    encoder: Encoder = "auto"
    """Of H.264, likewise."""

    def __post_init__(self) -> None:
        for name in ("redetect_every", "max_faces", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}; expected 1 or more")
        if not 0 <= self.crf <= 51:
            raise UsageError(f"crf is {self.crf}; expected 0 to 51")
        if self.start_seconds < 0 or (self.end_seconds is not None and self.end_seconds <= self.start_seconds):
            raise UsageError(f"the part ends at {self.end_seconds} s; expected after its start, {self.start_seconds} s")
        if self.preset not in PRESETS:
            raise UsageError(f"preset {self.preset!r} is unknown; expected one of {', '.join(PRESETS)}")
        if self.encoder not in ENCODERS:
            raise UsageError(f"encoder {self.encoder!r} is unknown; expected one of {', '.join(ENCODERS)}")

    @property
    def search_interval(self) -> int:
        """Frames between two searches for new faces."""
        return self.redetect_every or (1 if self.render == "blur" else 15)


@dataclass(frozen=True)
class Summary:
    """What a run did."""

    source: str
    size_wh: tuple[int, int]
    render: str
    engine: str
    """The engine's own description."""
    depth: str | None
    """Where measured depth came from, and its scale; None where the network saw colour."""
    frames: int
    faces: int
    """Different faces that were followed."""
    frames_without_face: int
    dropped: int
    """Frames of a live source that came too fast."""
    damage: str | None
    """Why the source broke off before its end (a cut file, a lost stream); what came before was processed."""
    wall_seconds: float
    """From the first frame asked for to the output closed."""
    fps: float
    """Frames per second of that time."""
    latency_ms: dict[str, float | None]
    """p50 and p95 from reading a frame to handing it to the sink."""
    stages_ms: dict[str, Any]
    """Per stage. Decoding, searching, parsing (`detect` to `track`), drawing and encoding have a thread each, so that
    the stages add up to more than the time. `detect` is what the parser waits for a search."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return asdict(self)


def run(
    source: Source,
    engine: Engine,
    sink: Sink,
    options: Options | None = None,
    *,
    detector: DetectsFaces | None = None,
    timer: StageTimer | None = None,
    on_frame: Callable[[StageTimer], None] | None = None,
) -> Summary:
    """Process a source from its first frame to its last.

    Args:
        source: open; the caller closes it.
        engine: loaded; the caller closes it.
        sink: closed at the end, aborted on an error: an encoder's last frames belong to the time of the run.
        detector: what finds faces; None: the one that the options name.
        timer: collects the times; give the one that the sink reports its encoding to.
        on_frame: called after each frame, for a progress bar.
    """
    cv2.setNumThreads(1)  # OpenCV's own threads would take the cores from the network, the decoder and the encoder
    options, timer = options or Options(), timer or StageTimer()
    tracker = Tracker(detector or Detector(options.detector), engine.spec, options.search_interval, options.max_faces)
    smoother = Smoother() if options.smooth and source.info.kind != "image" else None
    policy = options.policy or (Policy.DROP_OLDEST if source.info.live else Policy.WAIT)
    faces_seen: set[int] = set()
    frames_without_face = 0
    stopped = False  # before the source's end: what was read ahead does not count
    start = time.perf_counter()
    with (
        sink,
        tracker,
        Buffer(source, policy, timer) as frames,
        Buffer(_Parsing(frames, tracker, engine, timer), capacity=1, name="parser") as parsed,
    ):
        for frame, faces in parsed:
            with timer.stage("smooth"):
                steady = smoother.smooth(faces) if smoother else faces
                faces = without_fragments(steady, engine.spec, of_face=options.render != "blur")
            with timer.stage("draw"):
                drawn = render(frame, faces, options.render, engine.spec)
            with timer.stage("write"):
                sink.write(drawn)
            timer.frame_done(frame.captured_at)
            faces_seen.update(face.track_id for face in faces)
            frames_without_face += not faces
            if on_frame:
                on_frame(timer)
            if stopped := timer.frames == options.limit or not sink.wants_more:
                break
        if stopped or frames.damage or parsed.damage:
            sink.cut_sound()
    wall_seconds = time.perf_counter() - start
    times = timer.to_json()
    return Summary(
        source=source.info.name,
        size_wh=source.info.size_wh,
        render=options.render,
        engine=engine.description,
        depth=source.info.depth,
        frames=timer.frames,
        faces=len(faces_seen),
        frames_without_face=frames_without_face,
        dropped=frames.dropped,
        damage=None if stopped else frames.damage or parsed.damage,
        wall_seconds=round(wall_seconds, 3),
        fps=round(timer.frames / wall_seconds, 2),
        latency_ms=times["latency_ms"],
        stages_ms=times["stages_ms"],
    )


@dataclass(frozen=True)
class _Parsing:
    """Frames in, and each with its parsed faces out. A buffer's thread iterates, so that drawing overlaps with it."""

    frames: Buffer[Frame]
    tracker: Tracker
    engine: Engine
    timer: StageTimer

    def __iter__(self) -> Iterator[tuple[Frame, list[ParsedFace]]]:
        for frame in self.frames:
            yield frame, parse_frame(frame, self.tracker, self.engine, self.timer)

    def stop(self) -> None:
        self.frames.close()
