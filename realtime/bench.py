"""How fast is it? The network alone, and the whole way from a video file to a video file."""

from __future__ import annotations

import platform
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from engines import machine
from engines.bench import NetworkTimes, bench_network
from engines.engine import Engine
from engines.errors import UsageError
from realtime.crop import crop_rgb, region_from_box, region_of_frame
from realtime.demo_clip import write_clip
from realtime.detect import Detector
from realtime.files import is_image
from realtime.pipeline import Options, Summary, run
from realtime.sink import open_sink
from realtime.source import open_source
from realtime.timing import StageTimer
from realtime.types import U8, Frame

_CROPS = 16
LEFT_OUT = (
    "starting Python and loading the engine",
    "the first 10 calls of the network",
    "network: detection, cropping, smoothing and drawing (one crop a call)",
)


@dataclass(frozen=True)
class BenchResult:
    """What was measured, on what."""

    engine: dict[str, Any]
    network: NetworkTimes
    summary: Summary
    frame_p50_ms: float
    """Time from one finished frame to the next, end to end, in milliseconds."""
    frame_p95_ms: float
    source: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The JSON object of `unveil bench --json`."""
        return {
            "machine": machine.host() | {"cores": machine.physical_cores(), "python": platform.python_version()},
            "engine": self.engine,
            "network": self.network.to_json(),
            "end_to_end": {
                "fps": self.summary.fps,
                "p50_ms": self.frame_p50_ms,
                "p95_ms": self.frame_p95_ms,
                "latency_ms": self.summary.latency_ms,
                "stages_ms": self.summary.stages_ms,
            },
            "source": self.source,
            "left_out": list(LEFT_OUT),
        }


def measure(engine: Engine, video: Path | None = None, *, seconds: float = 3.0) -> BenchResult:
    """Time the network on crops of the video's first faces, then an overlay of the whole video, encoding included.

    Args:
        video: None: the sample clip, made anew.
        seconds: how long the network alone is timed.
    """
    if video is not None and is_image(video):
        raise UsageError(f"bench needs a video; got an image: {video}")
    with tempfile.TemporaryDirectory(prefix="unveil-bench-") as folder:
        if video is None:
            video = Path(folder) / "sample.mp4"
            write_clip(video)
        network = bench_network(engine, _face_crops(engine, video), seconds=seconds)
        return _end_to_end(engine, video, Path(folder) / "overlay.mp4", network)


def _end_to_end(engine: Engine, video: Path, output: Path, network: NetworkTimes) -> BenchResult:
    timer = StageTimer()
    finished: list[float] = []
    with open_source(video) as source:
        sink = open_sink(output, source.info, "overlay", timer)
        info = source.info
        summary = run(
            source, engine, sink, Options(), timer=timer, on_frame=lambda _: finished.append(time.perf_counter())
        )
    p50, p95 = np.percentile(np.diff(finished), (50, 95)) * 1000 if len(finished) > 1 else (0.0, 0.0)
    described = {
        "name": info.name,
        "kind": info.kind,
        "size_wh": info.size_wh,
        "frames": summary.frames,
        "damage": summary.damage,
        "fps": info.fps,
    }
    manifest = engine.manifest
    identity = {
        "description": engine.description, "model": engine.spec.name, "backend": manifest.backend,
        "precision": manifest.precision, "batch": manifest.batch, "checkpoint_sha256": manifest.checkpoint_sha256,
    }  # fmt: skip
    return BenchResult(identity, network, summary, round(float(p50), 3), round(float(p95), 3), described)


def _face_crops(engine: Engine, video: Path) -> U8:
    """(N, S, S, 3): the first face of each of the first frames; the whole frame where it shows none."""
    detector = Detector("auto")
    with open_source(video) as source:
        return np.stack([_face_crop(engine, detector, frame) for frame in islice(source, _CROPS)])


def _face_crop(engine: Engine, detector: Detector, frame: Frame) -> U8:
    faces = detector.detect(frame)
    region = region_from_box(faces[0].box_xyxy, engine.spec.crop_scale) if faces else region_of_frame(frame.size_wh)
    return crop_rgb(frame, region, engine.spec.size_px)
