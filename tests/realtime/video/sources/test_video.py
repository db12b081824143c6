"""Video files: frames, times, pixel formats, colours and orientation."""

from __future__ import annotations

import gc
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.frames.crop import crop_rgb, region_of_frame
from realtime.frames.types import Frame
from realtime.video.sources.open import SourceInfo, open_source
from tests.fakes.video import Clip, corner_plane, luma

CLIPS = Path(__file__).parents[5] / "shared" / "clips"
HLG = {"colorspace": 9, "color_primaries": 9, "color_trc": 18, "color_range": 1}
BT709 = {"colorspace": 1, "color_primaries": 1, "color_trc": 1, "color_range": 1}


def read(path: Path, **options: bool) -> tuple[SourceInfo, list[Frame]]:
    with open_source(path, **options) as source:
        return source.info, list(source)


def test_frames_come_whole_in_order_with_their_times(tmp_path: Path) -> None:
    clip = Clip(options={"bf": "2"})
    info, frames = read(clip.write(tmp_path / "clip.mp4"))
    assert (info.name, info.kind, info.size_wh, info.frames, info.fps) == ("clip.mp4", "video", (64, 48), 12, 30.0)
    assert info.duration_seconds == pytest.approx(0.4)
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.pts_seconds for frame in frames] == pytest.approx([i / 30 for i in range(12)])
    assert [int(frame.planes[0][-1, -1]) for frame in frames] == pytest.approx([luma(i) for i in range(12)], abs=2)


def test_planes_are_those_of_the_decoder_and_cannot_be_written_to(tmp_path: Path) -> None:
    path = Clip().write(tmp_path / "clip.mp4")
    _, frames = read(path)
    with av.open(str(path)) as container:
        decoded = [picture.to_ndarray() for picture in container.decode(video=0)]
    joined = [np.concatenate([plane.ravel() for plane in frame.planes]) for frame in frames]
    assert all(np.array_equal(ours, theirs.ravel()) for ours, theirs in zip(joined, decoded, strict=True))
    with pytest.raises(ValueError, match="read-only"):
        frames[0].planes[0][0, 0] = 1


def test_variable_frame_rate_is_kept_and_begins_at_0(tmp_path: Path) -> None:
    pts = [600, 620, 700, 1300, 1310, 1900]
    info, frames = read(Clip(frames=6, pts=pts).write(tmp_path / "vfr.mkv"))
    assert info.origin_seconds == 1
    assert [frame.pts_seconds for frame in frames] == pytest.approx([tick / 600 - 1 for tick in pts], abs=1e-3)


def test_missing_times_continue_at_the_average_rate(tmp_path: Path) -> None:
    info, frames = read(Clip(container_format="h264", options={"bf": "2"}).write(tmp_path / "raw.h264"))
    assert [frame.pts_seconds for frame in frames] == pytest.approx([index / (info.fps or 0) for index in range(12)])


def test_times_that_start_again_go_on(tmp_path: Path) -> None:
    part = Clip(time_base=Fraction(1, 30)).write(tmp_path / "part.ts").read_bytes()
    (tmp_path / "joined.ts").write_bytes(part + part)
    _, frames = read(tmp_path / "joined.ts")
    steps = [(b - a) for a, b in pairwise(frame.pts_seconds or 0.0 for frame in frames)]
    assert len(frames) == 24
    assert steps == pytest.approx([1 / 30] * 23, abs=1e-4)


@pytest.mark.parametrize(
    "clip, layout_luma, full_range",
    [
        (Clip(codec="ffv1", pixel_format="yuv444p"), 40, False),
        (Clip(codec="ffv1", pixel_format="yuv422p10le"), 40, False),
        (Clip(codec="ffv1", pixel_format="yuva420p"), 40, False),
        (Clip(codec="ffv1", pixel_format="gray"), 40, True),
        (Clip(codec="ffv1", pixel_format="gray10le"), 40, True),
        (Clip(codec="ffv1", pixel_format="bgra"), 16 + 40 * 219 / 255, False),
        (Clip(codec="mjpeg", pixel_format="yuvj420p"), 40, True),
        (Clip(codec="ffv1", pixel_format="yuv420p", size_wh=(33, 25)), 40, False),
    ],
    ids=lambda value: f"{value.pixel_format} {value.size_wh}" if isinstance(value, Clip) else "",
)
def test_every_pixel_format_becomes_yuv420p_of_the_same_picture(
    tmp_path: Path, clip: Clip, layout_luma: float, full_range: bool
) -> None:
    info, frames = read(clip.write(tmp_path / "clip.mkv"))
    frame = frames[0]
    assert info.size_wh == frame.size_wh == clip.size_wh
    assert frame.layout == "yuv420p"
    assert int(frame.planes[0][-1, -1]) == pytest.approx(layout_luma, abs=1)
    assert int(frame.planes[1][-1, -1]) == pytest.approx(128, abs=1)
    assert frame.colour.full_range is full_range


def test_rgb_video_keeps_its_colours(tmp_path: Path) -> None:
    rgb = np.full((48, 64, 3), (200, 60, 90), np.uint8)
    with av.open(str(tmp_path / "screen.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")))
        out.mux(stream.encode(None))
    _, (frame,) = read(tmp_path / "screen.mkv")
    assert frame.colour.space == 1
    assert crop_rgb(frame, region_of_frame((64, 48)), 16)[8, 8] == pytest.approx((200, 60, 90), abs=3)


def test_ten_bit_hlg_keeps_its_tags(tmp_path: Path) -> None:
    clip = Clip(codec="libx265", pixel_format="yuv420p10le", tags=HLG, options={"x265-params": "log-level=none"})
    _, frames = read(clip.write(tmp_path / "hlg.mp4"))
    colour = frames[0].colour
    assert (colour.matrix, colour.primaries, colour.transfer, colour.space) == ("bt2020", 9, 18, 9)
    assert colour.full_range is False
    assert int(frames[0].planes[0][-1, -1]) == pytest.approx(luma(0), abs=2)


@pytest.mark.parametrize(
    "height, tags, matrix, space", [(48, {}, "bt601", 2), (720, {}, "bt709", 2), (48, BT709, "bt709", 1)]
)
def test_matrix_is_as_tagged_and_guessed_by_height_otherwise(
    tmp_path: Path, height: int, tags: dict[str, int], matrix: str, space: int
) -> None:
    clip = Clip(frames=1, size_wh=(64, height), tags=tags)
    _, (frame,) = read(clip.write(tmp_path / "clip.mp4"))
    assert (frame.colour.matrix, frame.colour.space) == (matrix, space)


@pytest.mark.parametrize(
    "rotation, mirrored", [(0, False), (90, False), (180, False), (-90, False), (0, True), (90, True)]
)
def test_rotated_video_stands_upright(tmp_path: Path, rotation: int, mirrored: bool) -> None:
    clip = Clip(frames=2, rotation=rotation, mirrored=mirrored, pixel_aspect=Fraction(4, 3))
    info, frames = read(clip.write(tmp_path / "phone.mp4"))
    upright = np.rot90(corner_plane((64, 48), luma(0)), rotation // 90)  # counterclockwise, as the display matrix says
    upright = upright[:, ::-1] if mirrored else upright
    assert info.size_wh == frames[0].size_wh == upright.shape[::-1]
    assert info.pixel_aspect == (Fraction(3, 4) if rotation % 180 else Fraction(4, 3))
    assert np.abs(frames[0].planes[0].astype(int) - upright).mean() < 5


def test_stream_that_changes_its_size_keeps_the_first(tmp_path: Path) -> None:
    parts = [
        Clip(size_wh=size, container_format="h264").write(tmp_path / f"{size[0]}.h264")
        for size in ((64, 48), (128, 96))
    ]
    (tmp_path / "both.h264").write_bytes(b"".join(part.read_bytes() for part in parts))
    _, frames = read(tmp_path / "both.h264")
    assert len(frames) == 24
    assert {frame.size_wh for frame in frames} == {(64, 48)}
    assert int(frames[-1].planes[0][-1, -1]) == pytest.approx(luma(11), abs=2)


@pytest.mark.parametrize("rotation", [0, 90])
def test_frames_that_are_let_go_free_their_memory_at_once(tmp_path: Path, rotation: int) -> None:
    path = Clip(rotation=rotation).write(tmp_path / "clip.mp4")
    gc.collect()
    gc.disable()
    try:
        read(path)
        kept = [thing.width for thing in gc.get_objects() if issubclass(type(thing), av.VideoFrame)]
    finally:
        gc.enable()
    assert kept in ([], [2])  # the tiny copy that was asked which way is up


@pytest.mark.data
@pytest.mark.skipif(not CLIPS.is_dir(), reason="no ../shared/clips beside the checkout")
def test_real_clips_decode_whole() -> None:
    for path in sorted(CLIPS.glob("*.mkv")):
        info, frames = read(path)
        assert info.size_wh == (640, 480)
        assert info.frames == pytest.approx(len(frames), abs=1)  # Matroska does not state it
        assert frames[0].colour.full_range
