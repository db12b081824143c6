"""A source with depth beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines.errors import SourceError, UsageError
from realtime.frames.types import U16, Frame
from realtime.video.sources.depth import WithDepth
from realtime.video.sources.depth_files import depth_of
from realtime.video.sources.open import PacedSource, open_source
from tests.fakes.depth import steps, write_depth_video, write_pictures
from tests.fakes.video import Clip, ListSource, yuv_frame

DEPTHS = [steps(600 + 10 * index) for index in range(4)]


def frames(path: Path, count: int = 4) -> list[Frame]:
    with WithDepth(ListSource([yuv_frame(index) for index in range(count)]), depth_of(Path("a.mp4"), path)) as source:
        return list(source)


def steps_of(frame: Frame) -> U16:
    assert frame.depth is not None
    return frame.depth.steps


@pytest.mark.parametrize("kind", ["pictures", "gray16le", "gray16be"])
def test_each_frame_has_the_depth_of_its_turn(tmp_path: Path, kind: str) -> None:
    if kind == "pictures":
        path = write_pictures(tmp_path / "depth", DEPTHS)
    else:
        path = (
            write_depth_video(tmp_path / "depth.mkv", DEPTHS, "gray16le")
            if kind == "gray16le"
            else big_endian(tmp_path)
        )
    for frame, depth in zip(frames(path), DEPTHS, strict=True):
        np.testing.assert_array_equal(steps_of(frame), depth)


def big_endian(folder: Path) -> Path:
    """PNG in a container is big-endian."""
    import av

    with av.open(str(folder / "depth.mov"), "w") as out:
        stream = out.add_stream("png", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray16be"
        for depth in DEPTHS:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(depth, "gray16le").reformat(format="gray16be")))
        out.mux(stream.encode(None))
    return folder / "depth.mov"


def test_the_scale_and_the_place_are_told(tmp_path: Path) -> None:
    depth = depth_of(Path("a.mp4"), write_pictures(tmp_path / "depth", DEPTHS), 0.002)
    with WithDepth(ListSource([yuv_frame()]), depth) as source:
        frame = next(iter(source))
        assert source.info.depth == f"{tmp_path / 'depth'}, 0.002 m per step (as given)"
    assert frame.depth is not None
    assert frame.depth.step_m == 0.002


@pytest.mark.parametrize(("count", "says"), [(5, "4 depth pictures, but list has more frames"), (3, "more depth")])
def test_a_wrong_count_is_named_after_the_frames_that_have_depth(tmp_path: Path, count: int, says: str) -> None:
    depth = depth_of(Path("a.mp4"), write_pictures(tmp_path / "depth", DEPTHS))
    source = WithDepth(ListSource([yuv_frame(index) for index in range(count)]), depth)
    got = []
    with pytest.raises(SourceError, match=says):
        for frame in source:
            got.append(frame)
    assert len(got) == min(count, 4)


def test_a_source_that_was_stopped_misses_no_frames(tmp_path: Path) -> None:
    source = WithDepth(
        ListSource([yuv_frame(index) for index in range(4)]),
        depth_of(Path("a.mp4"), write_pictures(tmp_path / "depth", DEPTHS)),
    )
    for _ in source:
        source.stop()


def test_depth_of_another_size_is_named(tmp_path: Path) -> None:
    path = write_pictures(tmp_path / "depth", [steps(size_wh=(32, 24))])
    with pytest.raises(SourceError, match=r"depth of 32x24 at frame 0 of list, which is 64x48; expected depth that is"):
        frames(path, 1)


@pytest.mark.parametrize("pixel_format", ["gray", "yuv420p"])
def test_a_video_of_8_bits_is_named(tmp_path: Path, pixel_format: str) -> None:
    with pytest.raises(SourceError, match=rf"depth\.mkv: {pixel_format}; expected 16-bit gray"):
        frames(write_depth_video(tmp_path / "depth.mkv", DEPTHS, pixel_format))


def test_a_damaged_or_missing_depth_is_named(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "depth", DEPTHS)
    (folder / "000002.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"000002\.png: damaged"):
        frames(folder)
    (tmp_path / "depth.mkv").write_bytes(b"no video")
    with pytest.raises(SourceError, match=r"depth\.mkv: cannot be opened as a video"):
        frames(tmp_path / "depth.mkv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"empty: no PNG in it"):
        frames(tmp_path / "empty")


def test_a_cut_depth_video_ends_the_run_with_a_sentence(tmp_path: Path) -> None:
    path = write_depth_video(tmp_path / "depth.mkv", [steps(600 + index) for index in range(40)])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match=r"depth\.mkv"):
        frames(path, 40)


def test_files_open_with_their_depth_and_live_ones_at_their_pace(tmp_path: Path) -> None:
    clip = Clip(frames=4).write(tmp_path / "clip.mp4")
    depth = depth_of(clip, write_pictures(tmp_path / "depth", DEPTHS))
    for live in (False, True):
        with open_source(clip, live=live, depth=depth) as source:
            assert isinstance(source, PacedSource) is live
            np.testing.assert_array_equal([steps_of(frame) for frame in source], DEPTHS)


@pytest.mark.parametrize("spec", ["0", 2, "rtsp://camera/stream"])
def test_depth_beside_a_camera_is_refused(tmp_path: Path, spec: str | int) -> None:
    with pytest.raises(UsageError, match="--depth needs a file"):
        open_source(spec, depth=depth_of(Path("a.mp4"), tmp_path))


def test_what_was_drawn_keeps_no_depth(tmp_path: Path) -> None:
    (frame,) = frames(write_pictures(tmp_path / "depth", DEPTHS[:1]), 1)
    assert frame.with_planes(frame.planes, frame.layout).depth is None
