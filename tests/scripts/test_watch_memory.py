"""The memory watch: the clip really repeats, and a process that grows is seen to grow."""

from __future__ import annotations

import importlib
import sys
from itertools import pairwise
from pathlib import Path

import av
import pytest

from engines.errors import UnveilError

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
script = importlib.import_module("watch_memory")

GROWING = "import time; held = []\nfor _ in range(20): held.append(bytearray(2 << 20)); time.sleep(0.05)"


def test_a_clip_repeats_without_a_gap(sample_clip: Path, tmp_path: Path) -> None:
    with av.open(str(sample_clip)) as one:
        times = [frame.pts * frame.time_base for frame in one.decode(video=0)]
    step = times[1] - times[0]
    lasts = script.repeat(sample_clip, tmp_path / "long.mp4", float(2.5 * len(times) * step))
    with av.open(str(tmp_path / "long.mp4")) as long:
        repeated = [frame.pts * frame.time_base for frame in long.decode(video=0)]
    assert len(repeated) == 3 * len(times)
    assert lasts == pytest.approx(float(3 * len(times) * step))
    assert [float(after - before) for before, after in pairwise(repeated)] == pytest.approx(
        [float(step)] * (len(repeated) - 1)
    )


def test_what_grows_is_seen_to_grow() -> None:
    seen: list[float] = []
    memory = script.watch([sys.executable, "-c", GROWING], 0.05, lambda _, held: seen.append(held))
    assert tuple(seen) == memory.megabytes
    assert memory.growth_mb > 15
    assert "from a tenth of the way to the end: +" in script.text(memory)


def test_what_holds_still_does_not() -> None:
    assert script.Memory((0.0, 1.0, 2.0, 3.0), (10.0, 300.0, 300.0, 300.0)).growth_mb == 0


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(UnveilError, match="no such thing"):
        script.watch([sys.executable, "-c", "raise SystemExit('no such thing')"], 0.01, lambda *_: None)


def test_a_clip_without_times_or_without_a_video_is_refused(sample_clip: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw.h264"
    with av.open(str(sample_clip)) as source, av.open(str(raw), "w") as to:
        stream = to.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                to.mux(packet)
    with pytest.raises(UnveilError, match="does not say when its frames are due"):
        script.repeat(raw, tmp_path / "long.mp4", 10)
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as to:
        stream = to.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=8000)
        frame.sample_rate = 8000
        to.mux(stream.encode(frame))
    with pytest.raises(UnveilError, match="has no video"):
        script.repeat(sound, tmp_path / "long.mp4", 10)
