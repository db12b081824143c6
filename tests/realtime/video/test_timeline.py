"""Written times begin at 0 and go on where those of a file wrap, begin again or are wild: for pictures and sound."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from realtime.frames.types import Frame
from realtime.video.sinks.open import open_sink
from realtime.video.sources.open import open_source
from tests.fakes.video import Clip

WRAP = 2**33
TICK = Fraction(1, 90_000)


def transcode(path: Path, folder: Path) -> tuple[list[Frame], Path]:
    """The frames of a file, and an .mp4 of them with its sound."""
    target = folder / "out.mp4"
    with open_source(path) as source, open_sink(target, source.info) as sink:
        frames = list(source)
        for frame in frames:
            sink.write(frame)
    return frames, target


def times(path: Path, kind: str) -> list[float]:
    """When the packets of a kind of stream are shown, in order."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        return sorted(float(packet.pts * packet.time_base) for packet in container.demux(streams) if packet.size)


def remuxed(source: Path, target: Path, shift_seconds: Fraction, wild: dict[int, int] | None = None) -> Path:
    """The packets of a file in another one, later; and the pts of some pictures at other times, in ticks."""
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        streams = [out.add_stream_from_template(stream, opaque=True) for stream in container.streams]
        pictures = 0
        for packet in container.demux():
            if packet.dts is None:
                continue
            packet.pts += round(shift_seconds / packet.time_base)
            packet.dts += round(shift_seconds / packet.time_base)
            if packet.stream.type == "video":
                packet.pts, pictures = (wild or {}).get(pictures, packet.pts), pictures + 1
            packet.stream = streams[packet.stream_index]
            out.mux(packet)
    return target


def assert_even(seconds: list[float], step: float) -> None:
    assert [b - a for a, b in pairwise(seconds)] == pytest.approx([step] * (len(seconds) - 1), abs=2e-3)


def clip(**options: object) -> Clip:
    usual = {"fps": 25, "frames": 50, "time_base": Fraction(1, 25), "audio": "ac3", "options": {"bf": "0"}}
    return Clip(**usual | options)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", ["ts", "mkv"])
def test_a_file_that_begins_a_day_late_begins_at_0_with_its_sound_in_step(tmp_path: Path, suffix: str) -> None:
    first = clip(audio_seconds=(0.5, 2.0)).write(tmp_path / "first.mkv")
    late = remuxed(first, tmp_path / f"late.{suffix}", Fraction(87_390))
    frames, out = transcode(late, tmp_path)
    assert frames[0].pts_seconds == 0
    assert times(out, "video")[0] == 0
    assert times(out, "audio")[0] == pytest.approx(0.5, abs=0.02)
    with av.open(str(out)) as container:
        assert container.duration / av.time_base == pytest.approx(2.0, abs=0.1)


def test_sound_that_begins_first_keeps_its_lead(tmp_path: Path) -> None:
    pts = range(25, 75)
    late = remuxed(clip(pts=pts, audio_seconds=(0.0, 3.0)).write(tmp_path / "a.mkv"), tmp_path / "b.ts", Fraction(500))
    frames, out = transcode(late, tmp_path)
    assert frames[0].pts_seconds == pytest.approx(1.0, abs=0.03)
    assert times(out, "audio")[0] == pytest.approx(0.0, abs=1e-3)
    assert times(out, "video")[0] == pytest.approx(frames[0].pts_seconds, abs=1e-3)


@pytest.mark.parametrize("other_seconds", [Fraction(0), Fraction(7), Fraction(4000)])
def test_two_parts_in_one_file_keep_the_sound_of_both(tmp_path: Path, other_seconds: Fraction) -> None:
    part = clip().write(tmp_path / "part.ts")
    other = remuxed(part, tmp_path / "other.ts", other_seconds)
    (tmp_path / "both.ts").write_bytes(part.read_bytes() + other.read_bytes())
    frames, out = transcode(tmp_path / "both.ts", tmp_path)
    assert len(frames) == 100
    sound = times(out, "audio")
    assert len(sound) == 2 * len(times(part, "audio"))
    gap = 5.0 if other_seconds == 7 else 0.0  # a pause of some seconds is real; one of an hour is another clock
    assert frames[50].pts_seconds - frames[0].pts_seconds == pytest.approx(2.0 + gap, abs=0.1)
    second = len(sound) // 2
    assert sound[second] - sound[0] == pytest.approx(2.0 + gap, abs=0.1)
    assert_even([frame.pts_seconds or 0.0 for frame in frames[50:]], 0.04)


def test_times_that_wrap_at_33_bits_go_on(tmp_path: Path) -> None:
    late = remuxed(clip().write(tmp_path / "a.ts"), tmp_path / "b.ts", WRAP * TICK - 3)
    frames, out = transcode(late, tmp_path)
    assert_even([frame.pts_seconds or 0.0 for frame in frames], 0.04)
    assert_even(times(out, "audio"), 0.032)


@pytest.mark.parametrize("suffix", ["mkv", "ts", "mp4"])
@pytest.mark.parametrize("wild", [5_000, 100_000_000], ids=["later", "much later"])
def test_one_picture_with_a_wild_time_moves_alone(tmp_path: Path, wild: int, suffix: str) -> None:
    first = clip().write(tmp_path / "a.mkv")
    frames, out = transcode(remuxed(first, tmp_path / f"b.{suffix}", Fraction(0), {20: wild}), tmp_path)
    assert_even([frame.pts_seconds or 0.0 for frame in frames], 0.04)
    assert len(times(out, "audio")) == len(times(first, "audio"))


@pytest.mark.parametrize("suffix, codec", [("mp4", "h264"), ("mkv", "ffv1")])
def test_the_last_picture_is_shown_as_long_as_it_was(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / "in.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"bf": "0"})
        stream.width, stream.height, stream.codec_context.time_base = 64, 48, Fraction(1, 25)
        for index in range(5):
            packets = stream.encode(Clip(time_base=Fraction(1, 25), fps=25).picture(index))
            out.mux(packets)
        *others, last = stream.encode(None)
        last.duration = 125
        out.mux([*others, last])
    target = tmp_path / f"out.{suffix}"
    with open_source(path) as source, open_sink(target, source.info, codec) as sink:  # type: ignore[arg-type]
        for frame in source:
            sink.write(frame if codec == "h264" else frame.with_planes((frame.planes[0],), "gray"))
    with av.open(str(target)) as container:
        assert container.duration / av.time_base == pytest.approx(5.16, abs=0.01)


def test_a_raw_stream_is_read_at_its_own_rate(tmp_path: Path) -> None:
    path = Clip(fps=50, frames=10, time_base=Fraction(1, 50), container_format="h264").write(tmp_path / "raw.h264")
    with open_source(path) as source:
        assert source.info.fps == 50
        assert_even([frame.pts_seconds or 0.0 for frame in source], 0.02)


def test_a_clip_that_an_edit_list_begins_later_has_its_labels_in_time(tmp_path: Path) -> None:
    """The edit list leaves out the first third of a second, as a cut without encoding does."""
    first = clip(audio=None).write(tmp_path / "a.mp4")
    path = remuxed(first, tmp_path / "b.mp4", Fraction(-1, 3))
    frames, _ = transcode(path, tmp_path)
    with av.open(str(path)) as container:
        shown = [picture.time for picture in container.decode(video=0)]
    assert frames[0].pts_seconds == 0
    assert [frame.pts_seconds for frame in frames] == pytest.approx([time - shown[0] for time in shown], abs=1e-4)
