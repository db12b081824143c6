"""Other codecs than H.264: the same pictures, times, bits, sound and tags."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engines.errors import SinkError
from realtime.video.av_frame import side_data_of
from realtime.video.codecs import SUFFIX_OF, VIDEO_CODECS, VideoCodec
from realtime.video.hdr import hdr_of
from realtime.video.sinks.open import open_sink
from realtime.video.sources.open import open_source
from tests.fakes.video import Clip, luma
from tests.realtime.video.test_deep import HDR10, deep_clip, planes

NAMES = {"h264": "h264", "hevc": "hevc", "av1": "libdav1d", "prores": "prores", "ffv1": "ffv1"}


def transcode(path: Path, codec: VideoCodec, **options: str) -> Path:
    target = path.with_name(f"out{SUFFIX_OF[codec]}")
    with open_source(path) as source, open_sink(target, source.info, video_codec=codec, **options) as sink:  # type: ignore[arg-type]
        for frame in source:
            sink.write(frame)
    return target


@pytest.mark.parametrize("codec", VIDEO_CODECS)
def test_every_codec_keeps_pictures_times_and_sound(tmp_path: Path, codec: VideoCodec) -> None:
    pts = [0, 20, 40, 100, 120, 400]
    path = Clip(frames=6, pts=pts, size_wh=(96, 64), audio="aac", options={"crf": "1"}).write(tmp_path / "in.mp4")
    with av.open(str(transcode(path, codec))) as container:
        assert container.streams.video[0].codec_context.name == NAMES[codec]
        assert len(container.streams.audio) == 1
        pictures = list(container.decode(video=0))
    assert [picture.time for picture in pictures] == pytest.approx([tick / 600 for tick in pts], abs=1e-3)
    grays = [int(picture.reformat(format="yuv420p").to_ndarray()[60, 90]) for picture in pictures]
    assert grays == pytest.approx([luma(index) for index in range(6)], abs=3)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_hdr10_keeps_its_bits_and_metadata(tmp_path: Path, codec: VideoCodec) -> None:
    options = {"x265-params": f"log-level=none:hdr10=1:repeat-headers=1:master-display={HDR10.screen}:max-cll=1000,400"}
    path = deep_clip(tmp_path / "in.mkv", "libx265", "yuv420p10le", options)
    with av.open(str(transcode(path, codec))) as container:
        picture = next(container.decode(video=0))
    found = hdr_of(side_data_of(picture))
    assert picture.format.name == "yuv420p10le"
    assert (int(picture.color_primaries), int(picture.color_trc), int(picture.colorspace)) == (9, 16, 9)
    assert found is not None and found.content_light == HDR10.content_light
    assert [float(value) for value in found.primaries] == pytest.approx(
        [float(value) for value in HDR10.primaries], abs=1e-4
    )


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv422p10le", "yuv444p10le"])
def test_ffv1_keeps_the_decoders_own_values(tmp_path: Path, pixel_format: str) -> None:
    path = deep_clip(tmp_path / "in.mkv", "ffv1", pixel_format)
    with av.open(str(path)) as before, av.open(str(transcode(path, "ffv1"))) as after:
        for one, other in zip(before.decode(video=0), after.decode(video=0), strict=True):
            assert other.format.name == pixel_format
            assert all(np.array_equal(*pair) for pair in zip(planes(one), planes(other), strict=True))


def test_prores_keeps_ten_bits_and_as_much_colour(tmp_path: Path) -> None:
    path = deep_clip(tmp_path / "in.mkv", "ffv1", "yuv444p10le")
    with av.open(str(transcode(path, "prores"))) as container:
        assert container.streams.video[0].codec_context.profile == "4444"


def test_sound_can_be_left_out(tmp_path: Path) -> None:
    path = Clip(audio="aac").write(tmp_path / "in.mp4")
    with av.open(str(transcode(path, "h264", audio="none"))) as container:
        assert not container.streams.audio


def test_av1_refuses_odd_sizes_by_name(tmp_path: Path) -> None:
    path = Clip(codec="ffv1", size_wh=(65, 48), time_base=Fraction(1, 30)).write(tmp_path / "in.mkv")
    with pytest.raises(SinkError, match="AV1 takes even sizes, and this is 65x48"):
        transcode(path, "av1")
