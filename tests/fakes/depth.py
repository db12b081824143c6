"""Small depth made for tests: pictures, videos, and engines that know parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np

from engines.engine import Parsed
from engines.spec import DEPTH_LABELS, PART_LABELS, ModelSpec
from realtime.frames.types import U8, U16
from tests.fakes.pipeline import FakeEngine

PARTS = ModelSpec("parts", PART_LABELS, 64, 2.0)
PARTS_DEPTH = ModelSpec("parts-depth", PART_LABELS, 64, 2.0, modality="depth")
TRANSLATOR = ModelSpec("rgb-to-depth", DEPTH_LABELS, 64, 2.0)
SKIN, HAIR = PART_LABELS.index("skin"), PART_LABELS.index("hair")


def steps(value: int = 600, size_wh: tuple[int, int] = (64, 48)) -> U16:
    """(H, W) uint16: flat, but for a nearer quarter at the top left (to see which way is up)."""
    depth = np.full(size_wh[::-1], value, np.uint16)
    depth[: size_wh[1] // 4, : size_wh[0] // 4] = value - 100
    return depth


def write_pictures(folder: Path, depths: Sequence[U16], pattern: str = "{:06d}.png") -> Path:
    """A folder of 16-bit PNGs."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, depth in enumerate(depths):
        assert cv2.imwrite(str(folder / pattern.format(index)), depth)
    return folder


def write_depth_video(path: Path, depths: Sequence[U16], pixel_format: str = "gray16le") -> Path:
    """An FFV1 video of depth; `pixel_format` "gray" loses all but the upper byte."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = *depths[0].shape[::-1], pixel_format
        for depth in depths:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(depth, "gray16le").reformat(format=pixel_format)))
        out.mux(stream.encode(None))
    return path


def one_hot(labels: U8, count: int) -> U8:
    """(..., S, S) ids -> (..., S, S, count) uint8: all of each pixel's probability is with its id."""
    return np.asarray(np.eye(count, dtype=np.uint8)[labels] * 255, np.uint8)


class FakeParser(FakeEngine):
    """Answers each call with the same labels; keeps the crops that it saw."""

    def __init__(self, spec: ModelSpec, labels: U8) -> None:
        super().__init__()
        self.spec, self.labels = spec, labels  # type: ignore[misc]
        self.name, self.description = spec.name, f"fake {spec.name}"
        self.manifest = SimpleNamespace(batch=1)
        self.seen: list[U8] = []
        self.closed = False

    def __call__(self, crops: U8) -> Parsed:
        self.seen.append(crops)
        labels = np.repeat(self.labels[None], len(crops), axis=0)
        return Parsed(labels, one_hot(labels, len(self.spec.labels)))

    def close(self) -> None:
        self.closed = True


class GreenIsNear(FakeEngine):
    """A translator: the green of a pixel is its depth as gray."""

    spec = TRANSLATOR
    name = "rgb-to-depth"
    description = "fake rgb-to-depth"
    closed = False

    def __call__(self, crops: U8) -> Parsed:
        near = crops[..., 1]
        probabilities = np.stack([255 - near, near], axis=3)
        return Parsed((near > 127).astype(np.uint8), probabilities)

    def close(self) -> None:
        self.closed = True
