"""What a run is asked to do (`Options`), and what it did (`Summary`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

from engines.errors import UsageError
from engines.spec import ModelSpec
from realtime.buffer import Policy
from realtime.faces.finding.detectors import DETECTORS
from realtime.faces.search import HELD_SEARCH_INTERVAL, SEARCH_INTERVAL
from realtime.render.background import background_of
from realtime.render.look import VISIBLE_FACE, Look
from realtime.render.registry import find_renderer, renderers
from realtime.video.codecs import CRF, ENCODERS, PRESET, PRESETS, VIDEO_CODECS, Encoder, VideoCodec


@dataclass(frozen=True)
class Options:
    """How frames are processed."""

    render: str = "overlay"
    """The name of a renderer (`realtime.render.registry`)."""
    detector: str = "auto"
    """The name of a detector (`realtime.faces.finding.detectors.DETECTORS`)."""
    redetect_every: int | None = None
    """Frames between two searches for new faces; None: 10 where frames of a file are held back, so that no new face is
    late; 5 live, where it is late by so many frames at most, and for `blur`."""
    max_faces: int | None = None
    """The most faces that are shown, the largest ones; None: all."""
    keep_occluders: bool = False
    """Whether a renderer that hides faces spares what lies on them."""
    data: bool = False
    """Whether the faces of each frame are also written as data, beside an output file (`realtime.render.data`)."""
    label: str = VISIBLE_FACE
    """What a renderer draws that draws one label: a label of the model, or face (the visible face, of every model)."""
    background: str | None = None
    """What is shown in place of all that is no face, as `background_of` takes it; None: the picture's own."""
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
    deinterlace: Literal["auto", "off"] = "auto"
    """Whether interlaced pictures of files become whole, or stay as they are."""
    video_codec: VideoCodec = "h264"
    """How videos for viewing are encoded. Labels and mattes have a codec of their own."""
    audio: Literal["copy", "none"] = "copy"
    """Whether videos keep the sound of their inputs."""
    crf: int = CRF
    """x264 quality, 0 (lossless) to 51, where the sink writes H.264. Lower is better."""
    preset: str = PRESET
    """x264 preset, where the sink writes H.264. Faster presets make larger files."""
    encoder: Encoder = "auto"
    """What encodes H.264."""

    def __post_init__(self) -> None:
        for name in ("redetect_every", "max_faces", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}; expected 1 or more")
        if not 0 <= self.crf <= 51:
            raise UsageError(f"crf is {self.crf}; expected 0 to 51")
        renderer = find_renderer(self.render)
        if self.background is not None and not renderer.for_viewing:
            able = " or ".join(name for name, each in renderers().items() if each.for_viewing)
            raise UsageError(f"--background is for --render {able}; got --render {self.render}")
        if self.keep_occluders and not renderer.keeps_occluders and self.background is None:
            able = " or ".join(name for name, each in renderers().items() if each.keeps_occluders)
            raise UsageError(
                f"--keep-occluders is for --render {able}; {self.render} hides no face, but --background would make "
                "use of it"
            )
        if self.label != VISIBLE_FACE and not renderer.takes_label:
            able = " or ".join(name for name, each in renderers().items() if each.takes_label)
            raise UsageError(f"--label is for --render {able}; got --render {self.render}")
        if self.start_seconds < 0 or (self.end_seconds is not None and self.end_seconds <= self.start_seconds):
            raise UsageError(f"the part ends at {self.end_seconds} s; expected after its start, {self.start_seconds} s")
        if self.detector not in DETECTORS:
            raise UsageError(f"detector {self.detector!r} is unknown; expected one of {', '.join(DETECTORS)}")
        if self.preset not in PRESETS:
            raise UsageError(f"preset {self.preset!r} is unknown; expected one of {', '.join(PRESETS)}")
        if self.video_codec not in VIDEO_CODECS:
            raise UsageError(f"codec {self.video_codec!r} is unknown; expected one of {', '.join(VIDEO_CODECS)}")
        if self.encoder not in ENCODERS:
            raise UsageError(f"encoder {self.encoder!r} is unknown; expected one of {', '.join(ENCODERS)}")
        _ = self.look  # a picture that cannot be read is told before the work

    @cached_property
    def look(self) -> Look:
        """How faces are drawn. Raises UsageError where the background is none."""
        background = None if self.background is None else background_of(self.background)
        return Look(self.render, self.keep_occluders, self.label, background=background)

    def check_model(self, spec: ModelSpec) -> None:
        """Raises UsageError where the model cannot do what is asked for."""
        if self.keep_occluders and "occlusion" not in spec.labels:
            raise UsageError(
                f"--keep-occluders: {spec.name} does not label what lies on a face; use consensus, consensus-lite or "
                "parts+consensus"
            )

        if self.label != VISIBLE_FACE and self.label not in spec.labels[1:]:
            known = ", ".join(dict.fromkeys(("face", *spec.labels[1:])))
            raise UsageError(f"--label {self.label!r} is not a label of {spec.name}; expected one of {known}")

    def search_interval(self, hides_faces: bool, *, frames_are_held: bool) -> int:
        """Frames between two searches for new faces."""
        seldom = frames_are_held and not hides_faces
        return self.redetect_every or (HELD_SEARCH_INTERVAL if seldom else SEARCH_INTERVAL)


@dataclass(frozen=True)
class RunState:
    """What a run knows at the boundary of two segments: enough for another process to go on."""

    frames: int = 0
    """Frames that are done."""
    parser: bytes = b""
    """The state of the face parser (`realtime.faces.face_parser.FaceParser.saved`)."""
    frames_without_face: int = 0
    left_out: tuple[int, ...] = ()
    """Faces that `max_faces` left out, in each frame where it left out any."""
    track_ids: frozenset[int] = frozenset()
    """The faces that were followed."""


class Segments(Protocol):
    """Keeps the state of a long run, so that it can go on after it was killed."""

    length: int
    """Frames per segment."""
    resumed: RunState | None
    """Where to go on; None: at the start."""

    def save(self, state: RunState) -> None:
        """A segment has ended: its frames were handed to the sink, but may not be encoded yet."""
        ...


@dataclass(frozen=True)
class LeftOut:
    """Faces that `Options.max_faces` left out, where it left out any."""

    max_faces: int
    frames: int
    """Frames with more faces than that."""
    most: int
    """The most faces that were left out of one frame."""

    def __str__(self) -> str:
        frames = "1 frame" if self.frames == 1 else f"{self.frames} frames"
        faces = "1 face" if self.most == 1 else f"up to {self.most} faces"
        return f"--max-faces {self.max_faces} left {faces} unmasked in {frames}"


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
    late_frames: int
    """Faces in frames of a live source that were shown before the face was found; 0 where frames are held back."""
    damage: str | None
    """Why the source broke off before its end (a cut file, a lost stream); what came before was processed."""
    losses: list[str]
    """What was lost beside frames, such as a part of the sound, a sentence each. Then the run has failed."""
    notes: list[str]
    """What was changed, or left out because the output's format cannot hold it, a sentence each."""
    left_out: LeftOut | None
    """None where no limit left out a face."""
    wall_seconds: float
    """From the first frame asked for to the output closed."""
    fps: float
    """Frames per second of that time."""
    latency_ms: dict[str, float | None]
    """p50 and p95 from reading a frame to handing it to the sink. Frames of a file are held back meanwhile."""
    stages_ms: dict[str, Any]
    """Per stage. Stages of different threads (`realtime.pipeline` lists them) overlap, so that they add up to more than
    the time. `search` and `tiles` are the detector's, and `detect` is what the parser waits for them."""
    unwatched: int = 0
    """Frames of a live source that were not parsed, because nobody watched them."""
    reconnects: int = 0
    """How often a live source was lost and came back."""
    source_fps: float | None = None
    """Frames per second that a live source gave: measured, not what it states; None for files."""
    left_visible: LeftOut | None = None
    """The part of `left_out` in frames whose renderer hides faces: a live run may change its renderer."""

    @property
    def visible_faces(self) -> str | None:
        """Which faces stayed visible although the renderer hides faces, in a sentence: then the run has failed."""
        if self.left_visible is None:
            return None
        return f"{self.source}: {self.left_visible}; without --max-faces every face is hidden"

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return asdict(self)
