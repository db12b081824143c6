"""Video of 10 bits stays so: the decoder's own values where nothing is drawn, with tags and HDR10 metadata."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.frames.colour import hdr_curve, sdr_curve
from realtime.frames.crop import crop_rgb, region_of_frame
from realtime.frames.planes import in_planes
from realtime.frames.types import Frame
from realtime.video.av_frame import side_data_of
from realtime.video.hdr import Hdr, hdr_of
from realtime.video.sinks.open import open_sink
from realtime.video.sources.open import open_source

SCREEN = tuple(Fraction(n, 50_000) for n in (34_000, 16_000, 13_250, 34_500, 7_500, 3_000, 15_635, 16_450))
HDR10 = Hdr(SCREEN, (Fraction(5, 1000), Fraction(1000)), (1000, 400))
PQ = {"color_primaries": 9, "color_trc": 16, "colorspace": 9, "color_range": 1}


def deep_clip(path: Path, codec: str, pixel_format: str, options: dict[str, str] | None = None, size: int = 64) -> Path:
    """Three pictures whose values use all 10 bits."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = size, size, pixel_format
        stream.codec_context.time_base = Fraction(1, 25)
        for name, value in PQ.items():
            setattr(stream.codec_context, name, value)
        for index in range(3):
            picture = av.VideoFrame(size, size, pixel_format)
            for number, plane in enumerate(picture.planes):
                values = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)
                values[:] = (
                    300 + 7 * index + 40 * number + np.arange(values.shape[1]) + np.arange(plane.height)[:, None]
                )
            picture.pts, picture.time_base = index, Fraction(1, 25)
            picture.color_primaries, picture.color_trc, picture.colorspace = 9, 16, 9
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return path


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def planes(picture: av.VideoFrame) -> list[np.ndarray]:
    shapes = [(plane.height, plane.width) for plane in picture.planes]
    rows = [np.frombuffer(plane, np.uint16).reshape(plane.height, -1) for plane in picture.planes]
    return [row[:height, :width].astype(int) for row, (height, width) in zip(rows, shapes, strict=True)]


def drawn(frame: Frame) -> Frame:
    """The frame with a dark square at the top left."""
    copies = tuple(plane.copy() for plane in frame.planes)
    for plane, side in zip(copies, (16, 8, 8), strict=True):
        plane[:side, :side] = 50
    return frame.with_planes(copies, "yuv420p")


@pytest.mark.parametrize(
    "codec, pixel_format, kept",
    [
        ("libx265", "yuv420p10le", "yuv420p10le"),
        ("ffv1", "yuv420p10le", "yuv420p10le"),
        ("prores_ks", "yuv422p10le", "yuv422p10le"),
        ("ffv1", "yuv444p10le", "yuv444p10le"),
    ],
)
def test_ten_bits_are_kept_where_nothing_is_drawn(tmp_path: Path, codec: str, pixel_format: str, kept: str) -> None:
    suffix = "mov" if codec == "prores_ks" else "mkv"
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    path = deep_clip(tmp_path / f"in.{suffix}", codec, pixel_format, options)
    with open_source(path) as source, open_sink(tmp_path / "out.mp4", source.info, crf=0) as sink:
        for frame in source:
            sink.write(drawn(frame))
    before, after = decoded(path), decoded(tmp_path / "out.mp4")
    assert after[0].format.name == kept
    assert (int(after[0].color_trc), int(after[0].color_primaries)) == (16, 9)
    for one, other in zip(before, after, strict=True):
        for own, written in zip(planes(one), planes(other), strict=True):
            corner = (slice(None, own.shape[0] // 4), slice(None, own.shape[1] // 4))
            assert np.abs(written[corner] - 200).max() <= 4  # 50 of 8 bits
            own[corner] = written[corner] = 0
            assert np.abs(own - written).max() <= 4  # of 1023, by High 10 at crf 0
    assert any((plane % 4).any() for plane in planes(after[0]))


def test_hdr10_metadata_reach_the_output(tmp_path: Path) -> None:
    options = {"x265-params": f"log-level=none:hdr10=1:repeat-headers=1:master-display={HDR10.screen}:max-cll=1000,400"}
    path = deep_clip(tmp_path / "in.mkv", "libx265", "yuv420p10le", options)
    with open_source(path) as source, open_sink(tmp_path / "out.mp4", source.info) as sink:
        assert source.info.hdr == HDR10
        for frame in source:
            sink.write(frame)
    assert hdr_of(side_data_of(decoded(tmp_path / "out.mp4")[0])) == HDR10


@pytest.mark.parametrize("transfer", [16, 18])
def test_networks_see_hdr_as_an_ordinary_picture(tmp_path: Path, transfer: int) -> None:
    path = deep_clip(tmp_path / "in.mkv", "ffv1", "yuv420p10le")
    with open_source(path) as source:
        frame = next(iter(source))
    plain = crop_rgb(frame, region_of_frame((64, 64)), 64)
    assert frame.colour.transfer == 16
    curve, back = sdr_curve(transfer), hdr_curve(transfer)
    assert curve is not None and back is not None
    assert np.abs(curve[back].astype(int) - np.arange(256)).max() <= 1
    assert plain.max() < 160  # PQ codes of 300..440 of 1023 are a few candela
    white = in_planes(frame, (255, 255, 255))
    assert 150 < white[0] < 190  # the white of a page, not the 10,000 candela of code 235


def test_ordinary_video_is_not_tone_mapped() -> None:
    assert sdr_curve(1) is None
    assert hdr_curve(2) is None
