"""Image files as sources."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.errors import SourceError
from realtime.frames.types import Frame
from realtime.video.sources.image import is_image
from realtime.video.sources.open import SourceInfo, open_source
from tests.fakes.video import corner_plane


def read(path: Path, **options: bool) -> tuple[SourceInfo, list[Frame]]:
    with open_source(path, **options) as source:
        return source.info, list(source)


@pytest.mark.parametrize(
    "name, content, says",
    [
        ("missing.mp4", None, "no such file"),
        ("missing.png", None, "No such file"),
        ("empty.mp4", b"", "empty"),
        ("empty.jpg", b"", "empty"),
        ("text.mp4", b"this is no video\n" * 50, "cannot be opened as a video"),
        ("text.srt", b"1\n00:00:01,000 --> 00:00:02,000\nhello\n", "no video stream"),
        ("text.png", b"this is no picture", "not an image"),
        ("folder.mp4", Path, "a folder"),
    ],
)
def test_what_is_no_video_or_image_is_refused_by_name(tmp_path: Path, name: str, content: object, says: str) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is Path:
        path.mkdir()
    with pytest.raises(SourceError, match=says) as caught:
        open_source(path)
    assert name in str(caught.value)


def test_images_are_told_from_videos_by_suffix() -> None:
    assert is_image(Path("a.PNG"))
    assert not is_image(Path("a.gif"))


def test_image_is_one_upright_rgb_frame(tmp_path: Path) -> None:
    bgr = np.zeros((20, 30, 3), np.uint8)
    bgr[:10, :15] = (10, 100, 250)
    cv2.imwrite(str(tmp_path / "flat.png"), bgr)
    info, (frame,) = read(tmp_path / "flat.png")
    assert (info.kind, info.size_wh, info.frames, frame.layout, frame.pts) == ("image", (30, 20), 1, "rgb", None)
    assert frame.planes[0][0, 0].tolist() == [250, 100, 10]


def test_image_follows_its_exif_orientation(tmp_path: Path) -> None:
    bgr = cv2.cvtColor(corner_plane((32, 16), 0), cv2.COLOR_GRAY2BGR)
    jpeg = cv2.imencode(".jpg", bgr)[1].tobytes()
    quarter_turn = b"\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"  # orientation 6: turn clockwise to show
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + quarter_turn + b"\0\0\0\0"
    (tmp_path / "phone.jpg").write_bytes(jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:])
    _, (frame,) = read(tmp_path / "phone.jpg")
    assert frame.size_wh == (16, 32)
    assert frame.planes[0][2, 14, 0] > 200 > 50 > frame.planes[0][30, 2, 0]


@pytest.mark.parametrize("size_wh", [(1, 1), (8000, 8000)])
def test_smallest_and_huge_images_open(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    cv2.imwrite(str(tmp_path / "image.png"), np.full(size_wh[::-1], 77, np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    info, (frame,) = read(tmp_path / "image.png")
    assert info.size_wh == frame.size_wh == size_wh
    assert frame.planes[0][0, 0].tolist() == [77, 77, 77]


def test_deep_image_with_alpha_becomes_8_bit_rgb(tmp_path: Path) -> None:
    deep = np.full((4, 4, 4), 0x8000, np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    _, (frame,) = read(tmp_path / "deep.png")
    assert frame.planes[0].shape == (4, 4, 3)
    assert int(frame.planes[0][0, 0, 0]) == pytest.approx(128, abs=1)
