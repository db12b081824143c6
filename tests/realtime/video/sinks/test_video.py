"""Video files: the same pictures, times, tags and sizes as the input."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engines.errors import SinkError, UsageError
from realtime.frames.colour import Colour
from realtime.frames.types import U8, Frame
from realtime.video.av_frame import rgb_from_frame
from realtime.video.sinks.open import (
    AlphaVideoSink,
    Codec,
    LabelVideoSink,
    VideoSink,
    open_sink,
)
from realtime.video.sinks.part_file import PartFile
from realtime.video.sinks.segmented import SegmentedSink
from realtime.video.sources.open import SourceInfo, open_source
from tests.fakes.video import Clip, corner_plane, luma, yuv_frame

HLG = {"colorspace": 9, "color_primaries": 9, "color_trc": 18, "color_range": 1}
VFR = [100, 120, 180, 200, 900, 910, 1000, 1100, 1120, 1140, 1160, 5000]
INFO = SourceInfo("clip", "video", (64, 48), fps=30.0)


def transcode(source_path: Path, sink_path: Path, codec: Codec = "h264") -> list[Frame]:
    with open_source(source_path) as source, open_sink(sink_path, source.info, codec) as sink:
        frames = list(source)
        for frame in frames:
            sink.write(frame if codec != "ffv1" else frame.with_planes((frame.planes[0],), "gray"))
    return frames


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def rgb_frame(rgb: tuple[int, ...], layout: str = "rgb", size_wh: tuple[int, int] = (64, 48)) -> Frame:
    pixels = np.full((size_wh[1], size_wh[0], len(rgb)), rgb, np.uint8)
    return Frame((pixels,), "rgba" if layout == "rgba" else "rgb", pts=0)


@pytest.mark.parametrize("codec, suffix", [("h264", ".mp4"), ("ffv1", ".mkv"), ("prores", ".mov")])
@pytest.mark.parametrize("container", [".mp4", ".mkv"])
def test_every_frame_keeps_its_time_and_size(tmp_path: Path, codec: Codec, suffix: str, container: str) -> None:
    path = Clip(pts=VFR, options={"bf": "2"}).write(tmp_path / f"in{container}")
    frames = transcode(path, tmp_path / f"out{suffix}", codec)
    pictures = decoded(tmp_path / f"out{suffix}")
    tolerance = 1e-3 if suffix == ".mkv" and container != ".mkv" else 1e-9  # Matroska counts milliseconds
    assert [picture.time for picture in pictures] == pytest.approx([f.pts_seconds for f in frames], abs=tolerance)
    assert {(picture.width, picture.height) for picture in pictures} == {(64, 48)}


def test_pictures_look_like_the_input(tmp_path: Path) -> None:
    frames = transcode(Clip().write(tmp_path / "in.mp4"), tmp_path / "out.mp4")
    for frame, picture in zip(frames, decoded(tmp_path / "out.mp4"), strict=True):
        assert np.abs(picture.to_ndarray()[:48].astype(int) - frame.planes[0]).mean() < 2


@pytest.mark.parametrize(
    "clip",
    [
        Clip(codec="libx265", pixel_format="yuv420p10le", tags=HLG, options={"x265-params": "log-level=none"}),
        Clip(tags={"colorspace": 6, "color_primaries": 6, "color_trc": 6, "color_range": 1}),
        Clip(tags={"color_range": 2}),
        Clip(),
    ],
    ids=["hlg", "bt601", "full range", "untagged"],
)
def test_colour_tags_are_kept(tmp_path: Path, clip: Clip) -> None:
    path = clip.write(tmp_path / "in.mp4")
    transcode(path, tmp_path / "out.mp4")
    before, after = (
        (f.colorspace, f.color_primaries, f.color_trc, f.color_range)
        for f in (decoded(path)[0], decoded(tmp_path / "out.mp4")[0])
    )
    assert after == before


def test_pixel_aspect_is_kept(tmp_path: Path) -> None:
    transcode(Clip(pixel_aspect=Fraction(4, 3)).write(tmp_path / "in.mp4"), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


@pytest.mark.parametrize("size_wh", [(65, 48), (64, 47), (33, 25), (1, 1)])
def test_odd_sizes_are_kept(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    with VideoSink(tmp_path / "odd.mp4", INFO) as sink:
        sink.write(yuv_frame(3, size_wh))
    picture = decoded(tmp_path / "odd.mp4")[0]
    assert (picture.width, picture.height) == size_wh
    assert abs(int(picture.to_ndarray(format="gray")[-1, -1]) - luma(3)) <= 40


def test_rgb_frames_become_tagged_bt709(tmp_path: Path) -> None:
    with VideoSink(tmp_path / "camera.mp4", INFO) as sink:
        sink.write(rgb_frame((200, 60, 90)))
    with open_source(tmp_path / "camera.mp4") as source:
        frame = next(iter(source))
    assert (frame.colour.space, frame.colour.full_range) == (1, False)
    assert rgb_from_frame(frame)[24, 32] == pytest.approx((200, 60, 90), abs=4)


def labels(size_wh: tuple[int, int], seed: int) -> U8:
    return np.random.default_rng(seed).integers(0, 13, size_wh[::-1], np.uint8)


@pytest.mark.parametrize("size_wh", [(64, 48), (65, 47), (1, 1)])
def test_label_video_decodes_to_exactly_the_ids(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    written = [labels(size_wh, seed) for seed in range(5)]
    with LabelVideoSink(tmp_path / "labels.mkv", INFO) as sink:
        for index, ids in enumerate(written):
            sink.write(yuv_frame(index, size_wh).with_planes((ids,), "gray"))
    pictures = decoded(tmp_path / "labels.mkv")
    assert [picture.format.name for picture in pictures] == ["gray"] * 5
    assert all(np.array_equal(p.to_ndarray(), ids) for p, ids in zip(pictures, written, strict=True))


@pytest.mark.parametrize("full_range", [False, True])
def test_alpha_video_keeps_colour_and_a_whole_matte(tmp_path: Path, full_range: bool) -> None:
    frame = yuv_frame(10)
    matte = corner_plane((64, 48), 0)
    matte[:12, :16] = 255
    colour = Colour("bt601", full_range)
    with AlphaVideoSink(tmp_path / "matte.mov", INFO) as sink:
        sink.write(replace(frame, colour=colour, alpha=matte))
    picture = decoded(tmp_path / "matte.mov")[0]
    assert (picture.colorspace, picture.color_range) == (6, 1)
    y, _, _, alpha = picture.reformat(format="yuva444p16le").to_ndarray().transpose(2, 0, 1) / 65535
    assert alpha[2, 2] > 0.998
    assert alpha[-2, -2] < 0.002
    expected = luma(10) * 219 / 255 + 16 if full_range else luma(10)
    assert y[-2, -2] * 255 == pytest.approx(expected, abs=1.5)


def test_alpha_video_takes_rgba(tmp_path: Path) -> None:
    with AlphaVideoSink(tmp_path / "matte.mov", INFO) as sink:
        sink.write(rgb_frame((200, 60, 90, 128), "rgba", (65, 47)))
    picture = decoded(tmp_path / "matte.mov")[0]
    rgba = picture.reformat(format="rgba", src_colorspace="ITU709", dst_color_range="JPEG").to_ndarray()
    assert rgba[24, 32] == pytest.approx((200, 60, 90, 128), abs=4)


def test_frames_that_do_not_fit_a_video_are_refused(tmp_path: Path) -> None:
    with VideoSink(tmp_path / "out.mp4") as sink:
        sink.write(yuv_frame(0))
        with pytest.raises(SinkError, match="a video has one size"):
            sink.write(yuv_frame(1, (32, 32)))
        with pytest.raises(UsageError, match="without a pts"):
            sink.write(replace(yuv_frame(1), pts=None))
        with pytest.raises(UsageError, match="takes"):
            sink.write(rgb_frame((1, 2, 3, 4), "rgba"))


def test_encoder_that_fails_is_a_sink_error(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot be written"), VideoSink(tmp_path / "out.mp4", preset="none") as sink:
        sink.write(yuv_frame())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size_wh", [(64, 48), (720, 576), (4096, 2160)])
def test_label_video_states_the_shape_of_its_pixels(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    info = SourceInfo("x", "video", size_wh, fps=30.0, pixel_aspect=Fraction(64, 45))
    ids = np.random.default_rng(1).integers(0, 3, size_wh[::-1], np.uint8)
    with LabelVideoSink(tmp_path / "ids.mkv", info) as sink:
        for index in range(3):
            sink.write(yuv_frame(index, size_wh).with_planes((ids,), "gray"))
    with av.open(str(tmp_path / "ids.mkv")) as container:
        stream = container.streams.video[0]
        assert float(stream.sample_aspect_ratio) == pytest.approx(64 / 45, rel=1e-3)
        pictures = list(container.decode(stream))
    assert len(pictures) == 3
    assert int(pictures[0].color_range) == 2  # full
    assert all(np.array_equal(picture.to_ndarray(), ids) for picture in pictures)


def test_label_video_in_segments_states_the_shape_of_its_pixels(tmp_path: Path) -> None:
    info = SourceInfo("x", "video", (64, 48), fps=30.0, pixel_aspect=Fraction(64, 45))
    ids = np.random.default_rng(1).integers(0, 3, (48, 64), np.uint8)
    output = PartFile(tmp_path / "ids.mkv")
    with SegmentedSink(output, info, LabelVideoSink, tmp_path, 2) as sink:
        for index in range(5):
            sink.write(yuv_frame(index).with_planes((ids,), "gray"))
    with av.open(str(tmp_path / "ids.mkv")) as container:
        stream = container.streams.video[0]
        assert float(stream.sample_aspect_ratio) == pytest.approx(64 / 45, rel=1e-3)
        assert all(np.array_equal(picture.to_ndarray(), ids) for picture in container.decode(stream))
