"""How fast could it be at best? A video decoded, and decoded and encoded again, by the same source and sink."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

from realtime.buffer import Buffer, Policy
from realtime.video.sinks.base import BackgroundSink, Sink
from realtime.video.sinks.open import NullSink, open_sink
from realtime.video.sources.base import Source
from realtime.video.sources.open import open_source


@dataclass(frozen=True)
class Ceilings:
    """What no masking can be faster than, in frames a second."""

    decode_fps: float
    decode_encode_fps: float

    def to_json(self) -> dict[str, float]:
        """A JSON-ready dictionary."""
        return asdict(self)


def measure_ceilings(video: str | Path, output: Path) -> Ceilings:
    """Read a video twice, and write it once.

    Args:
        video: a file.
        output: where the copy goes: a video of the kind that an overlay is.
    """
    with open_source(video) as source:
        info = source.info
    return Ceilings(_fps(video, NullSink()), _fps(video, open_sink(output, info, "overlay")))


def copy(source: Source, sink: Sink) -> int:
    """Pass every frame on as it is, and close the sink.

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


def _fps(video: str | Path, sink: Sink) -> float:
    with open_source(video) as source:
        started = time.perf_counter()
        count = copy(source, sink)
        return round(count / (time.perf_counter() - started), 2)
