"""Whole files of many kinds: every frame at its own time, the sound to its end, and not a word of damage."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from realtime.frames.types import Frame
from realtime.video.remarks import Remarks
from realtime.video.sinks.open import open_sink
from realtime.video.sources.open import open_source
from tests.fakes.video import Clip

_TICK = Fraction(1, 25)
_USUAL = {"fps": 25, "frames": 30, "time_base": _TICK}


def clip(**options: object) -> Clip:
    return Clip(**_USUAL | options)  # type: ignore[arg-type]


HEVC = {"x265-params": "log-level=none"}
FILES = {
    "h264.mp4": clip(audio="aac"),
    "h264 without B frames.mp4": clip(audio="aac", options={"bf": "0"}),
    "h264 in fragments.mp4": clip(audio="aac", container_options={"movflags": "frag_keyframe+empty_moov"}),
    "h264 with its index first.mov": clip(audio="pcm_s16le", container_options={"movflags": "faststart"}),
    "h264.mkv": clip(audio="libopus"),
    "h264 without a duration.mkv": clip(audio="aac", container_options={"live": "1"}),
    "h264.ts": clip(audio="ac3"),
    "h264.flv": clip(audio="aac"),
    "h264 of one frame.mp4": clip(frames=1),
    "h264 of one frame.ts": clip(frames=1),
    "h264 turned.mp4": clip(rotation=90),
    "h264 of odd size.mkv": clip(pixel_format="yuv444p", size_wh=(65, 49)),
    "hevc.mp4": clip(codec="libx265", options=HEVC, audio="eac3"),
    "hevc of 10 bits.mkv": clip(codec="libx265", options=HEVC, pixel_format="yuv420p10le"),
    "hevc.ts": clip(codec="libx265", options=HEVC, audio="mp2"),
    "vp8.webm": clip(codec="libvpx", audio="libopus", options={"auto-alt-ref": "1", "lag-in-frames": "10"}),
    "vp9.webm": clip(codec="libvpx-vp9", audio="libopus", options={"deadline": "realtime", "cpu-used": "8"}),
    "mpeg4.avi": clip(codec="mpeg4"),
    "mpeg4 with B frames.avi": clip(codec="mpeg4", options={"bf": "2"}),
    "mjpeg.avi": clip(codec="mjpeg", pixel_format="yuvj420p", audio="pcm_s16le"),
    "mpeg2.mpg": clip(codec="mpeg2video", audio="mp2", options={"bf": "2"}),
    "mpeg2.ts": clip(codec="mpeg2video", audio="mp2", options={"bf": "2"}),
    "mpeg2.vob": clip(codec="mpeg2video", audio="ac3", container_format="vob"),
    "mpeg2.m2ts": clip(codec="mpeg2video", audio="ac3", container_options={"mpegts_m2ts_mode": "1"}),
    "theora.nut": clip(codec="ffv1", container_format="nut", audio="flac"),
    "flv1.flv": clip(codec="flv", audio="mp3"),
    "dnxhd.mxf": clip(
        codec="dnxhd",
        pixel_format="yuv422p",
        size_wh=(1920, 1080),
        frames=30,
        audio="pcm_s16le",
        options={"b": "120000000"},
    ),
    "mpeg2.mxf": clip(codec="mpeg2video", audio="pcm_s16le"),
    "prores.mov": clip(codec="prores_ks", pixel_format="yuv422p10le", audio="pcm_s24le"),
    "ffv1.mkv": clip(codec="ffv1", pixel_format="yuv422p10le", audio="flac"),
    "wmv.wmv": clip(codec="wmv2"),
    "raw.h264": clip(container_format="h264"),
    "raw.hevc": clip(codec="libx265", options=HEVC, container_format="hevc"),
    "raw.y4m": clip(codec="rawvideo"),
    "drawn.gif": clip(codec="gif", pixel_format="rgb8"),
}
UNEVEN = [0, 1, 2, 5, 9, 10, 30, 31, 50, 51, 52, 90]


def transcode(path: Path) -> tuple[list[Frame], Path, Remarks]:
    target = path.with_name("out.mp4")
    with open_source(path) as source, open_sink(target, source.info, preset="ultrafast") as sink:
        frames = list(source)
        for frame in frames:
            sink.write(frame)
    sink.remarks.take(source.remarks)
    return frames, target, sink.remarks


@pytest.mark.parametrize("name", FILES)
def test_a_whole_file_is_done_whole(tmp_path: Path, name: str) -> None:
    path = FILES[name].write(tmp_path / name)
    frames, target, remarks = transcode(path)  # damage would raise SourceError
    assert (remarks.losses, remarks.notes) == ([], [])
    assert len(frames) == FILES[name].frames
    first = frames[0].pts_seconds or 0.0
    expected = [index / 25 for index in range(len(frames))]
    assert [(frame.pts_seconds or 0.0) - first for frame in frames] == pytest.approx(expected, abs=2e-3)
    with av.open(str(target)) as container:
        pictures = [packet for packet in container.demux(container.streams.video) if packet.size]
        written = sorted(float(packet.pts * packet.time_base) for packet in pictures)
    assert written == pytest.approx([frame.pts_seconds for frame in frames], abs=2e-3)
    with av.open(str(target)) as container:
        assert len(container.streams.audio) == bool(FILES[name].audio)
        for stream in container.streams.audio:
            assert float(stream.duration * stream.time_base) == pytest.approx(1.2, abs=0.1)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "mov"])
def test_uneven_times_are_kept(tmp_path: Path, suffix: str) -> None:
    path = clip(frames=len(UNEVEN), pts=UNEVEN, options={"bf": "0"}).write(tmp_path / f"in.{suffix}")
    frames, _, remarks = transcode(path)
    assert remarks.losses == []
    first = frames[0].pts_seconds or 0.0
    assert [(frame.pts_seconds or 0.0) - first for frame in frames] == pytest.approx(
        [tick / 25 for tick in UNEVEN], abs=2e-3
    )


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_twelve_hours_by_the_header_are_no_more_work(tmp_path: Path, suffix: str) -> None:
    """Three pictures, of which the last two come after six and twelve hours."""
    hours = [0, 6 * 3600 * 25, 12 * 3600 * 25]
    frames, target, remarks = transcode(clip(frames=3, pts=hours, options={"bf": "0"}).write(tmp_path / f"in.{suffix}"))
    assert remarks.losses == []
    assert [frame.pts_seconds for frame in frames] == pytest.approx([0, 6 * 3600, 12 * 3600], abs=1e-2)
    with av.open(str(target)) as container:
        assert container.duration / av.time_base == pytest.approx(12 * 3600, abs=1)
