"""Adds measured depth to the frames of another source."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace

import av
import numpy as np

from engines.errors import SourceError
from realtime.frames.types import Depth, DepthSteps, Frame
from realtime.video.av_frame import orientation_of, side_data_of, turn, view
from realtime.video.sources.base import Source
from realtime.video.sources.depth_files import DepthInput, pictures, read_depth
from realtime.video.sources.opening import open_container, read_reason, video_stream

_FORMATS = ("gray16le", "gray16be")


class WithDepth(Source):
    """The frames of a source, each with its depth picture. Both are in the same order.

    Iteration raises SourceError at a frame whose depth is missing, damaged, not 16-bit or of another size, and at the
    end if there are more depth pictures than frames.
    """

    def __init__(self, source: Source, depth: DepthInput) -> None:
        super().__init__(replace(source.info, depth=f"{depth.path}, {depth.scale}"))
        self._source, self._depth, self.remarks = source, depth, source.remarks

    def __iter__(self) -> Iterator[Frame]:
        with _depths(self._depth) as depths:
            for count, frame in enumerate(self._source):
                steps = next(depths, None)
                if steps is None:
                    raise SourceError(
                        f"{self._depth.path}: {count} depth pictures, but {self.info.name} has more frames; expected "
                        "one per frame"
                    )
                self._check_size(steps, frame)
                yield replace(frame, depth=Depth(steps, self._depth.scale.step_m))
            if not self._stopped.is_set() and next(depths, None) is not None:
                raise SourceError(
                    f"{self._depth.path}: more depth pictures than {self.info.name} has frames; expected one per frame"
                )

    def stop(self) -> None:
        super().stop()
        self._source.stop()

    def close(self) -> None:
        self._source.close()

    def _check_size(self, steps: DepthSteps, frame: Frame) -> None:
        if steps.shape[::-1] != frame.size_wh:
            (wide, high), (width, height) = steps.shape[::-1], frame.size_wh
            raise SourceError(
                f"{self._depth.path}: depth of {wide}x{high} at frame {frame.index} of {self.info.name}, which is "
                f"{width}x{height}; expected depth that is aligned to the colour picture"
            )


@contextmanager
def _depths(depth: DepthInput) -> Iterator[Generator[DepthSteps]]:
    """An iterator over the depth pictures of an input. The context closes it."""
    path = depth.path
    depths = _of_video(depth) if path.is_file() and path.suffix.lower() != ".png" else _of_pictures(depth)
    try:
        yield depths
    finally:
        depths.close()


def _of_pictures(depth: DepthInput) -> Generator[DepthSteps]:
    files = pictures(depth.path) if depth.path.is_dir() else [depth.path]
    if not files:
        raise SourceError(f"{depth.path}: no PNG in it; expected 16-bit gray PNGs of depth, one per frame")
    yield from map(read_depth, files)


def _of_video(depth: DepthInput) -> Generator[DepthSteps]:
    name = depth.path.name
    with open_container(depth.path, name) as container:
        stream = video_stream(container, name)
        count, orientation = 0, None
        try:
            for picture in container.decode(stream):
                if picture.format.name not in _FORMATS:
                    raise SourceError(
                        f"{name}: {picture.format.name}; expected 16-bit gray (gray16le, for example FFV1 in .mkv)"
                    )
                steps = view(picture.planes[0], dtype=">u2" if picture.format.is_big_endian else "<u2")
                orientation = orientation or orientation_of(
                    side_data_of(picture)
                )  # read once, because it takes as long as decoding
                yield turn(steps.astype(np.uint16), orientation)
                count += 1
        except av.FFmpegError as e:
            raise SourceError(f"{name}: depth is damaged after {count} pictures ({read_reason(e)})") from e
