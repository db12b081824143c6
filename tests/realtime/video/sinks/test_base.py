"""Outputs appear whole or not at all, and a thread that writes passes errors on."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from engines.errors import SinkError
from realtime.timing import StageTimer
from realtime.video.sinks.open import (
    AlphaVideoSink,
    BackgroundSink,
    ImageSink,
    LabelVideoSink,
    NullSink,
    VideoSink,
)
from realtime.video.sources.open import SourceInfo
from tests.fakes.pipeline import FakeSink
from tests.fakes.video import luma, yuv_frame

INFO = SourceInfo("clip", "video", (64, 48), fps=30.0)


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def unwritable(tmp_path: Path) -> Path:
    (tmp_path / "file").touch()
    return tmp_path / "file" / "out"


@pytest.mark.parametrize("sink", [VideoSink, LabelVideoSink, AlphaVideoSink, ImageSink])
def test_unwritable_output_is_known_at_once(tmp_path: Path, sink: type) -> None:
    with pytest.raises(SinkError, match="cannot be written"):
        sink(unwritable(tmp_path))
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(SinkError, match="a folder of that name"):
        sink(tmp_path / "folder.mp4")


@pytest.mark.parametrize("background", [False, True])
def test_exception_leaves_an_earlier_output_as_it_was(tmp_path: Path, background: bool) -> None:
    (tmp_path / "out.mp4").write_bytes(b"earlier")
    video = VideoSink(tmp_path / "out.mp4", INFO)
    sink = BackgroundSink(video) if background else video
    with pytest.raises(KeyError), sink:
        sink.write(yuv_frame())
        raise KeyError
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"out.mp4": b"earlier"}


def test_output_appears_whole_and_over_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"earlier")
    with VideoSink(tmp_path / "out.mp4", INFO) as sink:
        sink.write(yuv_frame())
        assert (tmp_path / "out.mp4").read_bytes() == b"earlier"
        assert [path.suffix for path in tmp_path.glob(".out.*")] == [".part"]
    assert len(decoded(tmp_path / "out.mp4")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("sink", [VideoSink, ImageSink])
def test_two_runs_with_one_output_each_write_a_whole_one(tmp_path: Path, sink: type) -> None:
    (tmp_path / "out.png.part").write_bytes(b"a stranger's")
    with sink(tmp_path / "out.png") as later:
        with sink(tmp_path / "out.png") as earlier:
            later.write(yuv_frame(0))
            earlier.write(yuv_frame(20))
        assert decoded(tmp_path / "out.png")[0].to_ndarray(format="gray")[-1, -1] == pytest.approx(luma(20), abs=20)
    assert decoded(tmp_path / "out.png")[0].to_ndarray(format="gray")[-1, -1] == pytest.approx(luma(0), abs=20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "out.png.part"]
    assert (tmp_path / "out.png.part").read_bytes() == b"a stranger's"


def test_a_run_that_fails_leaves_that_of_another_alone(tmp_path: Path) -> None:
    with ImageSink(tmp_path / "out.png") as sink:
        sink.write(yuv_frame())
        ImageSink(tmp_path / "out.png").abort()
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_output_that_cannot_be_put_in_its_place_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot be written"), VideoSink(tmp_path / "out.mp4", INFO) as sink:
        sink.write(yuv_frame())
        (tmp_path / "out.mp4").mkdir()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_long_names_are_written_and_too_long_ones_known_at_once(tmp_path: Path) -> None:
    with VideoSink(tmp_path / ("ä" * 125 + ".mp4"), INFO) as sink:
        sink.write(yuv_frame())
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(SinkError, match="too long"):
        VideoSink(tmp_path / ("x" * 252 + ".mp4"))


def test_folders_of_an_output_are_made(tmp_path: Path) -> None:
    with VideoSink(tmp_path / "new" / "folder" / "out.mp4") as sink:
        sink.write(yuv_frame())
    assert len(decoded(tmp_path / "new" / "folder" / "out.mp4")) == 1


@pytest.mark.parametrize("sink", [VideoSink, LabelVideoSink, AlphaVideoSink, ImageSink])
def test_no_frame_gives_no_file(tmp_path: Path, sink: type) -> None:
    with sink(tmp_path / "out.png"):
        pass
    assert not list(tmp_path.iterdir())


def test_background_sink_writes_all_in_order_and_is_timed() -> None:
    inner, timer = FakeSink(), StageTimer()
    with BackgroundSink(inner, timer) as sink:
        for index in range(20):
            sink.write(yuv_frame(index))
    assert [frame.index for frame in inner.frames] == list(range(20))
    assert (inner.closed, inner.aborted) == (True, False)
    assert timer.to_json()["stages_ms"]["encode"]["count"] == 21  # closing is encoding too


def test_error_of_a_background_sink_comes_back_and_aborts() -> None:
    inner = FakeSink(fail_at=1, error=SinkError("disk full"))
    with pytest.raises(SinkError, match="disk full"), BackgroundSink(inner) as sink:
        for index in range(100):
            sink.write(yuv_frame(index))
    assert (inner.closed, inner.aborted) == (False, True)
    assert len(inner.frames) == 1


def test_error_of_the_last_write_comes_out_of_close() -> None:
    inner = FakeSink(fail_at=0, error=SinkError("disk full"))
    sink = BackgroundSink(inner)
    sink.write(yuv_frame())
    with pytest.raises(SinkError, match="disk full"):
        sink.close()
    assert (inner.closed, inner.aborted) == (False, True)


def test_null_sink_counts() -> None:
    with NullSink() as sink:
        sink.write(yuv_frame())
    assert sink.frames == 1
