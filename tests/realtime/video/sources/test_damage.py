"""Files that are cut or damaged give what decodes, and then an error."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engines.errors import SourceError
from realtime.frames.types import Frame
from realtime.video.sources.open import SourceInfo, open_source
from tests.fakes.video import Clip, sine

FASTSTART = {"movflags": "faststart"}


def read(path: Path, **options: bool) -> tuple[SourceInfo, list[Frame]]:
    with open_source(path, **options) as source:
        return source.info, list(source)


def test_sound_without_pictures_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.m4a"), "w") as out:
        stream = out.add_stream("aac", rate=48_000, layout="mono")
        for frame in sine(0.5):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with pytest.raises(SourceError, match=r"no video stream \(found: audio\)"):
        open_source(tmp_path / "song.m4a")


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts", "avi"])
def test_file_cut_anywhere_gives_what_decodes_or_a_source_error(tmp_path: Path, container: str) -> None:
    codec = "mpeg4" if container == "avi" else "libx264"
    options = FASTSTART if container == "mp4" else {}
    clip = Clip(frames=20, codec=codec, time_base=Fraction(1, 30), container_options=options)
    whole = clip.write(tmp_path / f"whole.{container}").read_bytes()
    counts = []
    for part in range(1, 30):
        path = tmp_path / f"cut.{container}"
        path.write_bytes(whole[: len(whole) * part // 30])
        frames = []
        try:
            with open_source(path) as source:
                for frame in source:
                    frames.append(frame)
        except SourceError as e:
            assert path.name in str(e)
        counts.append(len(frames))
    assert counts[15:] == sorted(counts[15:])
    assert 10 < counts[-1] <= 20


def test_cut_mp4_says_after_how_many_frames_it_ends(tmp_path: Path) -> None:
    path = Clip(frames=40, container_options=FASTSTART).write(tmp_path / "cut.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])
    frames = []
    with open_source(path) as source, pytest.raises(SourceError, match=r"ends early .*: \d+ frames of about 40"):
        for frame in source:
            frames.append(frame)
    assert len(frames) > 10


def test_mp4_cut_before_its_index_is_refused(tmp_path: Path) -> None:
    path = Clip().write(tmp_path / "cut.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match="cut off before its index"):
        open_source(path)


def test_cut_mkv_is_known_by_the_durations_that_it_states(tmp_path: Path) -> None:
    path = Clip(frames=150, audio="aac").write(tmp_path / "cut.mkv")
    read(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    expected = r"ends early \(its header gives 5\.0 s of pictures"
    with open_source(path) as source, pytest.raises(SourceError, match=expected):
        for _ in source:
            pass


def cut_out(path: Path, target: Path, left_out: Callable[[int], bool]) -> Path:
    """The packets of a file's pictures, but some."""
    with av.open(str(path)) as container, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(container.streams.video[0], opaque=True)
        for index, packet in enumerate(packet for packet in container.demux(video=0) if packet.dts is not None):
            if not left_out(index):
                packet.stream = stream
                out.mux(packet)
    return target


def reading_error(path: Path) -> str:
    with open_source(path) as source, pytest.raises(SourceError) as caught:
        for _ in source:
            pass
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["ts", "mkv", "mp4"])
def test_missing_key_frames_are_named(tmp_path: Path, suffix: str) -> None:
    """The first 60 of 90 pictures have lost the key frame that they need."""
    whole = Clip(fps=25, frames=90, time_base=Fraction(1, 25), options={"bf": "0", "g": "60", "sc_threshold": "0"})
    path = cut_out(whole.write(tmp_path / "whole.ts"), tmp_path / f"cut.{suffix}", lambda index: index == 0)
    assert "59 of 89 pictures cannot be decoded" in reading_error(path)


def test_a_recording_that_begins_between_two_key_frames_is_whole(tmp_path: Path) -> None:
    whole = Clip(fps=25, frames=60, time_base=Fraction(1, 25), options={"bf": "2", "g": "20"})
    _, frames = read(cut_out(whole.write(tmp_path / "whole.ts"), tmp_path / "cut.ts", lambda index: index < 8))
    assert len(frames) == 40


def test_a_file_that_grows_while_it_is_read_is_named(tmp_path: Path) -> None:
    path = Clip(fps=25, time_base=Fraction(1, 25)).write(tmp_path / "live.ts")
    whole = path.read_bytes()
    with open_source(path) as source, pytest.raises(SourceError, match="was still being written"):
        for _ in source:
            path.write_bytes(whole + whole[:188])


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_pictures_with_damaged_parts_are_named(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(1)
    path = tmp_path / f"damaged.{suffix}"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"bf": "0", "crf": "10"})
        stream.width, stream.height, stream.codec_context.time_base = 128, 96, Fraction(1, 25)
        for index in range(20):
            picture = av.VideoFrame.from_ndarray(noise.integers(0, 256, (144, 128), np.uint8), "yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    whole = path.read_bytes()
    for part in (4, 5, 6, 7):
        at = len(whole) * part // 10
        path.write_bytes(whole[:at] + noise.bytes(300) + whole[at + 300 :])
        assert "is damaged" in reading_error(path)


def test_sound_that_ends_earlier_than_stated_is_named(tmp_path: Path) -> None:
    whole = Clip(fps=25, frames=50, time_base=Fraction(1, 25), audio="aac", audio_seconds=(0.0, 6.0))
    path = whole.write(tmp_path / "in.mkv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    assert "ends early" in reading_error(path)
