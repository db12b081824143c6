"""Damage that FFmpeg only reports in its log is named; whole files, and PyAV's own settings, are not touched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import av.logging
import numpy as np
import pytest

from engines.errors import SourceError
from realtime.video.ffmpeg_log import FfmpegLog
from realtime.video.sources.open import open_source
from tests.fakes.video import Clip

NOISE = np.random.default_rng(3)


def clip(**options: object) -> Clip:
    return Clip(fps=25, time_base=Fraction(1, 25), **options)  # type: ignore[arg-type]


def problem(path: Path) -> str | None:
    """What is wrong with a file once it is read; None where nothing is."""
    try:
        with open_source(path) as source:
            for _ in source:
                pass
    except SourceError as e:
        return str(e)
    return None


def with_hole(whole: bytes) -> bytes:
    at = len(whole) * 6 // 10
    return whole[:at] + bytes(400) + whole[at + 400 :]


def with_noise(whole: bytes) -> bytes:
    at = len(whole) * 6 // 10
    return whole[:at] + NOISE.bytes(100) + whole[at:]


def without_part(whole: bytes) -> bytes:
    at = len(whole) * 6 // 10
    return whole[:at] + whole[at + 7 :]


def without_end(whole: bytes) -> bytes:
    return whole[: len(whole) * 9 // 10]


@pytest.mark.parametrize("damage", [with_hole, with_noise, without_part, without_end])
@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "mpeg4"), ("webm", "libvpx")])
def test_a_damaged_matroska_file_is_named(
    tmp_path: Path, suffix: str, codec: str, damage: Callable[[bytes], bytes]
) -> None:
    """Too short for a difference of half a second to what the header states."""
    path = clip(frames=12, codec=codec, options={"g": "1"}).write(tmp_path / f"in.{suffix}")
    assert problem(path) is None
    path.write_bytes(damage(path.read_bytes()))
    assert "ends early" in (what := problem(path) or "") or "is damaged" in what


def test_two_files_with_the_same_damage_are_both_named(tmp_path: Path) -> None:
    """PyAV leaves out a message that is like the one before it."""
    whole = clip(size_wh=(320, 240)).write(tmp_path / "whole.mkv").read_bytes()
    for name in ("one.mkv", "other.mkv"):
        (tmp_path / name).write_bytes(whole[: len(whole) * 9 // 10])
        assert "ends early" in (problem(tmp_path / name) or "")


def test_a_picture_that_ends_within_its_packet_is_named(tmp_path: Path) -> None:
    path = tmp_path / "in.h264"
    noisy = NOISE.integers(0, 256, (3, 144, 128), np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height = 128, 96
        for index, pixels in enumerate(noisy):
            picture = av.VideoFrame.from_ndarray(pixels, "yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    assert problem(path) is None
    path.write_bytes(path.read_bytes()[:-2000])
    assert "is damaged" in (problem(path) or "")


def test_a_file_is_closed_while_the_threads_of_its_decoder_report_errors(tmp_path: Path) -> None:
    """PyAV frees a decoder with the GIL, for which those threads wait: it would never return."""
    path = clip(frames=40, size_wh=(320, 240), options={"crf": "4", "bf": "0"}).write(tmp_path / "in.ts")
    damaged = bytearray(path.read_bytes())
    for at in range(4000, len(damaged), 997):
        damaged[at] ^= 0x55
    path.write_bytes(damaged)
    for count in range(1, 15):
        with open_source(path) as source:
            for _, _ in zip(range(count), source, strict=False):
                pass


def test_pyav_logs_only_while_a_file_is_read(tmp_path: Path) -> None:
    path = clip().write(tmp_path / "in.mp4")
    assert av.logging.get_level() is None
    with open_source(path), open_source(path):
        assert av.logging.get_level() == av.logging.ERROR
    assert av.logging.get_level() is None
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(SourceError):
        open_source(tmp_path / "text.mp4")
    assert av.logging.get_level() is None


def test_an_error_about_another_file_does_not_count() -> None:
    one, other = FfmpegLog(), FfmpegLog()
    for log in (one, other):
        log.format_name, log.codec_name, log.counts_pictures = "flv", "h264", True
    with one.listening():
        av.logging.log(av.logging.ERROR, "flv", "Packet mismatch")
        av.logging.log(av.logging.ERROR, "aac", "decoding error")  # the sound has its own reader
        av.logging.log(av.logging.WARNING, "flv", "odd")
    assert (one.damage.count, other.damage.count) == (1, 0)
    thread = threading.Thread(target=av.logging.log, args=(av.logging.ERROR, "h264", "error while decoding MB 1 1"))
    thread.start()
    thread.join()
    with other.listening():
        pass
    assert (one.damage.count, other.damage.count) == (2, 1)  # nobody knows whose thread it was
    one.close()
    other.close()


def test_ts_that_ends_within_a_packet_is_named(tmp_path: Path) -> None:
    path = clip(frames=30).write(tmp_path / "in.ts")
    whole = path.read_bytes()
    for end, expected in ((whole + bytes(300), None), (whole[:-100], "ends early"), (whole[: -188 * 2], None)):
        path.write_bytes(end)
        assert (expected or "") in (problem(path) or "")
        assert expected is not None or "within a packet" not in (problem(path) or "")


def test_avi_that_lacks_its_last_frame_is_named(tmp_path: Path) -> None:
    """Its header states the number of frames."""
    path = clip(codec="mjpeg", pixel_format="yuvj420p").write(tmp_path / "in.avi")
    assert problem(path) is None
    whole = path.read_bytes()
    last = whole.rindex(b"00dc", 0, whole.index(b"idx1"))
    path.write_bytes(whole[:last])
    assert "ends early (its header lists 12 frames" in (problem(path) or "")


@pytest.mark.parametrize(
    ("missing", "says"),
    [([40], "1 gap, the longest of 0.08 s after 1.56 s"), ([*range(40, 50), 80], "2 gaps, the longest of 0.44 s")],
)
def test_frames_that_are_missing_from_a_constant_rate_are_noted(tmp_path: Path, missing: list[int], says: str) -> None:
    pts = [index for index in range(100) if index not in missing]
    path = clip(frames=len(pts), pts=pts, options={"bf": "0"}).write(tmp_path / "in.mkv")
    with open_source(path) as source:
        assert len(list(source)) == len(pts)
        assert says in source.remarks.notes[0]


def test_a_variable_rate_has_no_gaps(tmp_path: Path) -> None:
    pts = np.cumsum(np.random.default_rng(0).integers(1, 9, 60)).tolist()
    path = clip(frames=60, pts=pts, options={"bf": "0"}).write(tmp_path / "in.mkv")
    with open_source(path) as source:
        assert len(list(source)) == 60
        assert source.remarks.notes == []
