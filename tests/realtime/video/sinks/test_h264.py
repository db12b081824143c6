"""NVENC where it works, x264 otherwise, and a word. Encoders that every machine has stand in for the card's."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest

from engines.errors import SinkError
from realtime.frames.types import Frame
from realtime.pipeline import Options
from realtime.run import report
from realtime.tools.bench import copy
from realtime.video.sinks import h264
from realtime.video.sinks.h264 import VideoSink, nvenc_problem, uses_nvenc
from realtime.video.sinks.open import open_sink, open_video_sink
from realtime.video.sinks.part_file import HeldFile
from realtime.video.sinks.segmented import SegmentedSink
from realtime.video.sources.base import SourceInfo
from realtime.video.sources.open import open_source
from tests.fakes.pipeline import rgb_frame, yuv_frame


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    nvenc_problem.cache_clear()
    yield
    nvenc_problem.cache_clear()


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card, whose encoder is x264."""
    monkeypatch.setattr(h264, "nvidia_gpu", lambda: True)
    monkeypatch.setattr(report, "nvidia_gpu", lambda: True)
    monkeypatch.setattr(h264, "NVENC", "libx264")
    monkeypatch.setattr(h264, "NVENC_OPTIONS", {"crf": "19"})


@pytest.fixture
def mpeg4_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card that has shown that it works, and makes MPEG-4, so that its files can be told from x264's."""
    monkeypatch.setattr(h264, "nvenc_problem", lambda: "")
    monkeypatch.setattr(h264, "NVENC", "mpeg4")
    monkeypatch.setattr(h264, "NVENC_OPTIONS", {"b": "4000000"})


def codec_of(path: Path) -> str:
    with av.open(str(path)) as container:
        return str(container.streams.video[0].codec_context.name)


def picture(size_wh: tuple[int, int], index: int) -> Frame:
    width, height = size_wh
    pixels = np.full((height, width, 3), 10 * index, np.uint8)
    frame = yuv_frame(pixels) if width % 2 == height % 2 == 0 else rgb_frame(pixels)
    return Frame(frame.planes, frame.layout, index, pts=index, time_base=Fraction(1, 30))


def written(path: Path, size_wh: tuple[int, int] = (320, 240)) -> str:
    with VideoSink(path, encoder="auto") as sink:
        for index in range(5):
            sink.write(picture(size_wh, index))
    return codec_of(path)


def test_without_a_card_nothing_is_asked_and_x264_encodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(h264, "nvidia_gpu", lambda: False)
    assert nvenc_problem() == "no NVIDIA GPU is visible here"
    assert not uses_nvenc("auto")
    assert written(tmp_path / "a.mp4") == "h264"


def test_without_a_card_asking_for_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h264, "nvidia_gpu", lambda: False)
    with pytest.raises(SinkError, match=r"no NVIDIA GPU is visible here; leave out --encoder"):
        uses_nvenc("nvenc")


def test_a_card_has_to_show_its_work_once(card: None) -> None:
    assert nvenc_problem() == ""
    assert uses_nvenc("auto")
    assert not uses_nvenc("x264")


@pytest.mark.parametrize(
    ("codec", "options", "said"),
    [
        ("libx264", {"crf": "51"}, r"damaged \(PSNR \d\d dB\)"),
        ("mpeg4", {}, "no usable encoder"),  # packets that no decoder of H.264 takes
        ("libx264", {"preset": "no such"}, "no usable encoder"),
    ],
)
def test_a_card_that_fails_is_not_used(
    codec: str, options: dict[str, str], said: str, card: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(h264, "NVENC", codec)
    monkeypatch.setattr(h264, "NVENC_OPTIONS", options)
    with pytest.raises(SinkError, match=said):
        uses_nvenc("nvenc")
    assert not uses_nvenc("auto")
    (line,) = report.encoder_lines("auto")
    assert line.startswith("H.264 is encoded by x264 (")


def test_who_encodes_is_said_where_there_is_a_card(card: None) -> None:
    assert report.encoder_lines("auto") == ["H.264 is encoded by NVENC"]
    assert report.encoder_lines("x264") == ["H.264 is encoded by x264 (as asked for)"]


def test_videos_go_through_the_card_sound_and_all(mpeg4_card: None, sample_clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    with open_source(sample_clip) as source:
        assert copy(source, open_sink(output, source.info, encoder=Options().encoder)) == 10
    assert codec_of(output) == "mpeg4"
    with av.open(str(output)) as copied, av.open(str(sample_clip)) as original:
        assert len(copied.streams.audio) == len(original.streams.audio) == 1
        times = [
            [frame.pts * frame.time_base for frame in each.decode(video=0) if frame.pts is not None]
            for each in (copied, original)
        ]
    assert times[0] == times[1]


def test_odd_sizes_are_for_x264(mpeg4_card: None, tmp_path: Path) -> None:
    assert written(tmp_path / "even.mp4") == "mpeg4"
    assert written(tmp_path / "odd.mp4", (321, 241)) == "h264"


def test_what_the_card_refuses_x264_encodes_and_that_is_said(
    mpeg4_card: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(h264, "NVENC", "h264_nvenc")
    monkeypatch.setattr(h264, "NVENC_OPTIONS", {"preset": "no such"})
    with caplog.at_level(logging.WARNING):
        assert written(tmp_path / "a.mp4") == "h264"
    assert "NVENC refuses this video" in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4"]


def test_a_card_that_refuses_a_later_segment_fails_the_run_at_once(
    tmp_path: Path, mpeg4_card: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of two encoders cannot be joined. The parts before stay, so that the run can go on."""
    info = SourceInfo("in.mp4", "video", (64, 48), fps=30.0)
    output = HeldFile(tmp_path / "out.mp4")
    (tmp_path / "parts").mkdir()
    written = 0
    with (
        pytest.raises(SinkError, match=r"from frame 3 on it would be encoded by libx264, those before by mpeg4"),
        SegmentedSink(output, info, partial(open_video_sink, encoder="nvenc"), tmp_path / "parts", 3) as sink,
    ):
        for index in range(9):
            if index == 3:
                monkeypatch.setattr(h264, "NVENC", "h264_nvenc")
                monkeypatch.setattr(h264, "NVENC_OPTIONS", {"preset": "no such"})
            sink.write(picture((64, 48), index))
            written += 1
    assert written == 3
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["000000.mp4"]
    output = HeldFile(tmp_path / "again.mp4")
    with (
        pytest.raises(SinkError, match="they do not fit together"),
        SegmentedSink(output, info, partial(open_video_sink, encoder="x264"), tmp_path / "parts", 3, done=1) as sink,
    ):
        for index in range(3, 7):
            sink.write(picture((64, 48), index))
