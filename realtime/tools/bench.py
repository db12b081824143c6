"""Times networks alone, and the whole way from a video to a video file, which decoding and encoding alone limit."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from engines import machine
from engines.compiling.bench import NetworkTimes, bench_network
from engines.engine import Engine
from engines.errors import UsageError
from engines.zoo import DEFAULT_MODEL, WITH_CONSENSUS, names
from realtime.buffer import Buffer, Policy
from realtime.faces.detect import Detector
from realtime.frames.crop import aligned, crop_rgb, region_from_box, region_of_frame
from realtime.frames.types import U8, Frame
from realtime.pipeline import Options, Summary, run
from realtime.tools.demo.clip import write_clip
from realtime.video.sinks.base import BackgroundSink, Sink
from realtime.video.sinks.h264 import uses_nvenc
from realtime.video.sinks.open import NullSink, open_sink
from realtime.video.sources.base import Source, SourceInfo
from realtime.video.sources.image import is_image
from realtime.video.sources.open import open_source

_CROPS = 16
_LIVE_FRAMES = 300  # a camera or stream has no end
LEFT_OUT = (
    "starting Python and loading the engine",
    "the first 10 calls of the network",
    "network: detection, cropping, smoothing and drawing",
)


@dataclass(frozen=True)
class Ceilings:
    """The highest speed that masking could reach, in frames per second."""

    decode_fps: float
    decode_encode_fps: float

    def to_json(self) -> dict[str, float]:
        """A JSON-ready dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class EngineBench:
    """The measurements of one engine."""

    engine: dict[str, Any]
    network: tuple[NetworkTimes, ...]
    """One crop per call first; then the other batches."""
    summary: Summary
    frame_p50_ms: float
    """Time from one finished frame to the next, end to end, in milliseconds."""
    frame_p95_ms: float

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary: engine, network, end_to_end."""
        alone, *others = self.network
        return {
            "engine": self.engine,
            "network": alone.to_json() | {"batches": {str(times.batch): times.to_json() for times in others}},
            "end_to_end": {
                "fps": self.summary.fps,
                "p50_ms": self.frame_p50_ms,
                "p95_ms": self.frame_p95_ms,
                "latency_ms": self.summary.latency_ms,
                "stages_ms": self.summary.stages_ms,
            },
        }


@dataclass(frozen=True)
class BenchResult:
    """The measurements of all engines, and what they were made on."""

    engines: tuple[EngineBench, ...]
    """In the order in which they were asked for; at least one."""
    ceilings: Ceilings | None
    """None for a camera, a stream, or a video that breaks off."""
    source: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The JSON object of `unveil bench --json`: the first engine's figures, and all of them under `engines`."""
        every = [engine.to_json() for engine in self.engines]
        return {
            "machine": machine.host() | {"cores": machine.physical_cores(), "python": platform.python_version()},
            **every[0],
            "engines": every,
            "ceilings": self.ceilings and self.ceilings.to_json(),
            "source": self.source,
            "left_out": list(LEFT_OUT),
        }

    @property
    def damage(self) -> str | None:
        """Why the source broke off, where it did."""
        damages: list[str] = [engine.summary.damage for engine in self.engines if engine.summary.damage]
        return damages[0] if damages else None


def models_and_source(words: Sequence[str]) -> tuple[list[str], str | None]:
    """Models in their order, the default one where none is named; and a video, camera or stream, where one is.

    Raises:
        UsageError: two sources.
    """
    models = [word for word in words if _is_model(word)]
    sources = [word for word in words if word not in models]
    if len(sources) > 1:
        raise UsageError(f"bench runs on one video; got {', '.join(sources)} (known models: {', '.join(names())})")
    return models or [DEFAULT_MODEL], sources[0] if sources else None


def measure(
    models: Sequence[str],
    load: Callable[[str], Engine],
    source: str | Path | None = None,
    *,
    seconds: float = 3.0,
    batches: Sequence[int] = (),
    say: Callable[[str], None] = lambda line: None,
) -> BenchResult:
    """Time each network on crops of the source's first faces, then an overlay of the whole source, encoding included.

    Args:
        load: a model's engine by its name; each is loaded, measured and closed before the next.
        source: a video file, a camera or a stream; None: the sample clip, made anew.
        seconds: how long each network alone is timed.
        batches: also time calls with these numbers of crops.
        say: gets a line before each step.
    """
    if source is not None and is_image(Path(source)):
        raise UsageError(f"bench needs a video; got an image: {source}")
    with tempfile.TemporaryDirectory(prefix="unveil-bench-") as folder:
        if source is None:
            say("making the sample clip")
            source = Path(folder) / "sample.mp4"
            write_clip(source)
        with open_source(source) as opened:  # a missing file fails before anything is measured
            info = opened.info
        output = Path(folder) / "overlay.mp4"
        measured = []
        for count, model in enumerate(models, start=1):
            say(f"measuring {model} ({count} of {len(models)}): {seconds:g} s alone, then from video to video")
            with load(model) as engine:
                measured.append(_measure_one(engine, source, output, seconds, batches))
        result = BenchResult(tuple(measured), None, _described(info, measured[0].summary))
        if info.live or result.damage:
            return result
        say("measuring decoding and encoding alone")
        return BenchResult(result.engines, measure_ceilings(source, output), result.source)


def measure_ceilings(video: str | Path, output: Path) -> Ceilings:
    """Read a video twice, and write it once.

    Args:
        video: a file.
        output: where the copy goes: a video of the kind that an overlay is.
    """
    with open_source(video) as source:
        info = source.info
    return Ceilings(_fps(video, NullSink()), _fps(video, open_sink(output, info)))


def copy(source: Source, sink: Sink) -> int:
    """Write every frame unmodified, and close the sink.

    Returns:
        The number of frames.
    """
    count = 0
    writer = BackgroundSink(sink) if sink.wants_thread else sink
    with writer, Buffer(source, Policy.WAIT, stop=source.stop) as frames:
        for frame in frames:
            writer.write(frame)
            count += 1
    return count


def _measure_one(
    engine: Engine, source: str | Path, output: Path, seconds: float, batches: Sequence[int]
) -> EngineBench:
    crops = _face_crops(engine, source)
    network = [bench_network(engine, crops, seconds=seconds, batch=batch) for batch in (1, *batches)]
    finished: list[float] = []
    with open_source(source) as opened:
        sink = open_sink(output, opened.info)
        options = Options(limit=_LIVE_FRAMES if opened.info.live else None)
        summary = run(opened, engine, sink, options, on_frame=lambda _: finished.append(time.perf_counter()))
    p50, p95 = np.percentile(np.diff(finished), (50, 95)) * 1000 if len(finished) > 1 else (0.0, 0.0)
    return EngineBench(_identity(engine), tuple(network), summary, round(float(p50), 3), round(float(p95), 3))


def _identity(engine: Engine) -> dict[str, Any]:
    manifest = engine.manifest
    return {
        "description": engine.description, "model": engine.name, "backend": manifest.backend,
        "precision": manifest.precision, "batch": str(manifest.batch), "checkpoint_sha256": manifest.checkpoint_sha256,
    }  # fmt: skip


def _described(info: SourceInfo, summary: Summary) -> dict[str, Any]:
    return {
        "name": info.name, "kind": info.kind, "size_wh": info.size_wh, "frames": summary.frames,
        "damage": summary.damage, "fps": info.fps, "encoder": "nvenc" if uses_nvenc("auto") else "x264",
    }  # fmt: skip


def _face_crops(engine: Engine, source: str | Path) -> U8:
    """(N, S, S, 3): the first face of each of the first frames; the whole frame where it shows none."""
    detector = Detector("auto")
    with open_source(source) as opened:
        return np.stack([_face_crop(engine, detector, frame) for frame in islice(opened, _CROPS)])


def _face_crop(engine: Engine, detector: Detector, frame: Frame) -> U8:
    faces = detector.detect(frame)
    region = region_from_box(faces[0].box_xyxy, engine.spec.crop_scale) if faces else region_of_frame(frame.size_wh)
    return crop_rgb(frame, aligned(region, engine.spec.size_px), engine.spec.size_px)


def _fps(video: str | Path, sink: Sink) -> float:
    with open_source(video) as source:
        started = time.perf_counter()
        count = copy(source, sink)
        return round(count / (time.perf_counter() - started), 2)


def _is_model(word: str) -> bool:
    """True for a model that ships, a folder, a checkpoint, and a word that can be no file, camera or URL: it is then
    reported as an unknown model."""
    name = word.removesuffix(WITH_CONSENSUS)
    path = Path(name)
    if name in names() or path.is_dir() or path.suffix == ".safetensors":
        return True
    return not (path.is_file() or path.suffix or os.sep in word or "://" in word or word.isdecimal())
