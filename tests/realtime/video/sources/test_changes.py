"""Pictures that are interlaced or change their size: made whole, fitted and named, never combed or squeezed."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest

from realtime.frames.types import U8
from realtime.video.fields import FieldMarker, first_field, state_fields
from realtime.video.sinks.open import open_sink
from realtime.video.sources.open import open_source
from tests.fakes.video import Clip


def stripe(left: int, size_wh: tuple[int, int] = (96, 64)) -> U8:
    """A dark picture with a bright stripe."""
    plane = np.full((size_wh[1], size_wh[0]), 40, np.uint8)
    plane[:, left : left + 12] = 200
    return plane


def interlaced(path: Path, frames: int = 8, first: Literal["top", "bottom"] = "top") -> Path:
    """A stripe that moves by four pixels from field to field, in H.264 that is marked as interlaced."""
    mark = FieldMarker(first)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"x264-params": "log-level=none", "crf": "1"})
        stream.width, stream.height, stream.codec_context.time_base = 96, 64, Fraction(1, 25)
        state_fields(stream.codec_context, first)
        for index in range(frames):
            woven = stripe(8 * index)
            woven[1::2] = stripe(8 * index + 4)[1::2]
            picture = av.VideoFrame.from_ndarray(woven, "gray").reformat(
                format="yuv420p", src_color_range="JPEG", dst_color_range="JPEG"
            )
            picture.pts, picture.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(mark(picture)))
        out.mux(stream.encode(None))
    return path


def combing(plane: U8) -> float:
    """How much each row differs from the ones above and below it."""
    rows = plane.astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


def test_interlaced_pictures_become_whole_each_at_its_time_and_with_a_word(tmp_path: Path) -> None:
    path = interlaced(tmp_path / "in.mp4")
    with av.open(str(path)) as container:
        combed = [picture.to_ndarray()[:64] for picture in container.decode(video=0)]
    with open_source(path) as source:
        frames = list(source)
    assert "interlaced" in source.remarks.notes[0]
    assert [b.pts_seconds - a.pts_seconds for a, b in pairwise(frames)] == pytest.approx([0.04] * 7)
    assert combing(frames[4].planes[0]) < combing(combed[4]) / 4


@pytest.mark.parametrize("first", ["top", "bottom"])
@pytest.mark.parametrize("name", ["h264.mp4", "prores.mov", "ffv1.mkv", "hevc.mp4"])
def test_interlaced_pictures_stay_so_where_that_is_asked_for(
    tmp_path: Path, name: str, first: Literal["top", "bottom"]
) -> None:
    """With the order of their fields, where the codec can hold it."""
    path = interlaced(tmp_path / "in.mp4", first=first)
    codec = name.partition(".")[0]
    with open_source(path, deinterlace=False) as source:
        assert source.info.first_field == first
        assert f"interlaced, {first} field first" in source.remarks.notes[0]
        with open_sink(tmp_path / name, source.info, video_codec=codec, crf=1) as sink:  # type: ignore[arg-type]
            frames = list(source)
            for frame in frames:
                sink.write(frame)
    with av.open(str(tmp_path / name)) as container:
        pictures = list(container.decode(video=0))
    assert len(pictures) == len(frames) == 8
    assert [first_field(picture) for picture in pictures] == [None if codec == "hevc" else first] * 8
    assert bool(sink.remarks.notes) == (codec == "hevc")
    with open_source(tmp_path / name, deinterlace=False) as source:
        written = list(source)
    assert combing(written[4].planes[0]) == pytest.approx(combing(frames[4].planes[0]), rel=0.05)


def test_progressive_pictures_are_not_touched(tmp_path: Path) -> None:
    with open_source(Clip().write(tmp_path / "in.mp4")) as source:
        assert len(list(source)) == 12
        assert source.remarks.notes == []


@pytest.mark.parametrize("second", [(48, 96), (192, 64), (48, 32), (33, 25)])
def test_another_size_is_fitted_into_the_first_never_squeezed(tmp_path: Path, second: tuple[int, int]) -> None:
    """The white corner of the clip keeps its shape, a quarter of each side."""
    first = Clip(size_wh=(96, 64), frames=3, container_format="h264").write(tmp_path / "a.h264")
    other = Clip(
        size_wh=second, frames=3, container_format="h264", options={"crf": "1"},
        pixel_format="yuv444p" if second[0] % 2 else "yuv420p",
    ).write(tmp_path / "b.h264")  # fmt: skip
    (tmp_path / "both.h264").write_bytes(first.read_bytes() + other.read_bytes())
    with open_source(tmp_path / "both.h264") as source:
        frames = list(source)
    assert {frame.size_wh for frame in frames} == {(96, 64)}
    assert f"from 96x64 to {second[0]}x{second[1]}" in source.remarks.notes[0]
    white = frames[-1].planes[0] > 150
    rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
    scale = min(96 / second[0], 64 / second[1])
    assert (len(columns), len(rows)) == pytest.approx((second[0] // 4 * scale, second[1] // 4 * scale), abs=2.5)
    bars = 1 - second[0] * second[1] * scale**2 / (96 * 64)
    assert (frames[-1].planes[0] < 25).mean() == pytest.approx(bars, abs=0.05)
