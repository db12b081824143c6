"""Image files: formats, and frames that they cannot keep."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.errors import SinkError, UsageError
from realtime.frames.types import U8, Frame
from realtime.video.sinks.open import (
    ImageSink,
    open_sink,
)
from realtime.video.sources.open import SourceInfo


def rgb_frame(rgb: tuple[int, ...], layout: str = "rgb", size_wh: tuple[int, int] = (64, 48)) -> Frame:
    pixels = np.full((size_wh[1], size_wh[0], len(rgb)), rgb, np.uint8)
    return Frame((pixels,), "rgba" if layout == "rgba" else "rgb", pts=0)


def labels(size_wh: tuple[int, int], seed: int) -> U8:
    return np.random.default_rng(seed).integers(0, 13, size_wh[::-1], np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tiff"])
def test_image_keeps_its_format(tmp_path: Path, suffix: str) -> None:
    with open_sink(tmp_path / f"out{suffix}", SourceInfo("x", "image", (64, 48))) as sink:
        sink.write(rgb_frame((200, 60, 90)))
    assert cv2.imread(str(tmp_path / f"out{suffix}"))[24, 32] == pytest.approx((90, 60, 200), abs=8)


def test_label_and_alpha_images_are_exact(tmp_path: Path) -> None:
    ids = labels((65, 47), 1)
    with ImageSink(tmp_path / "ids.png") as sink:
        sink.write(Frame((ids,), "gray"))
    with ImageSink(tmp_path / "matte.png") as sink:
        sink.write(rgb_frame((200, 60, 90, 128), "rgba"))
    assert np.array_equal(cv2.imread(str(tmp_path / "ids.png"), cv2.IMREAD_UNCHANGED), ids)
    assert cv2.imread(str(tmp_path / "matte.png"), cv2.IMREAD_UNCHANGED)[0, 0].tolist() == [90, 60, 200, 128]


def test_image_refuses_what_it_cannot_keep(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"needs a \.png"), ImageSink(tmp_path / "ids.jpg") as sink:
        sink.write(Frame((labels((4, 4), 1),), "gray"))
    with pytest.raises(UsageError, match="second frame"), ImageSink(tmp_path / "two.png") as sink:
        sink.write(rgb_frame((1, 2, 3)))
        sink.write(rgb_frame((1, 2, 3)))
    with pytest.raises(SinkError, match=r"choose \.png"), ImageSink(tmp_path / "image.xyz") as sink:
        sink.write(rgb_frame((1, 2, 3)))
    assert not list(tmp_path.iterdir())
