"""Small media made for tests, and a source of frames that were made before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from engines.errors import SourceError
from realtime.frames.types import U8, Frame
from realtime.video.sources.open import Source, SourceInfo


@dataclass(frozen=True)
class Clip:
    """A clip to be written. Frame i is flat (luma `luma(i)`) but for a white corner at the top left."""

    frames: int = 12
    size_wh: tuple[int, int] = (64, 48)
    fps: int = 30
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    container_format: str | None = None
    time_base: Fraction = Fraction(1, 600)
    pts: Sequence[int] | None = None
    rotation: int = 0
    mirrored: bool = False
    tags: dict[str, int] = field(default_factory=dict)
    """Attributes of the codec context: colorspace, color_primaries, color_trc, color_range."""
    pixel_aspect: Fraction = Fraction(1)
    audio: str | None = None
    """Codec of a sine tone."""
    audio_seconds: tuple[float, float] | None = None
    """When the tone begins and ends; None: with the video."""
    audio_rate: int = 48_000
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Write it; returns the path."""
        with av.open(str(path), "w", format=self.container_format, options=self.container_options) as out:
            stream = out.add_stream(self.codec, rate=self.fps, options=self.options)
            context = stream.codec_context
            context.width, context.height = self.size_wh
            context.pix_fmt, context.time_base = self.pixel_format, self.time_base
            context.sample_aspect_ratio = self.pixel_aspect
            for name, value in self.tags.items():
                setattr(context, name, value)
            if self.rotation or self.mirrored:
                stream.set_display_rotation(self.rotation, hflip=self.mirrored)
            sound = out.add_stream(self.audio, rate=self.audio_rate, layout="mono") if self.audio else None
            for index in range(self.frames):
                out.mux(stream.encode(self.picture(index)))
            out.mux(stream.encode(None))
            if sound is not None:
                start, end = self.audio_seconds or (0.0, self.frames / self.fps)
                for frame in sine(end - start, self.audio_rate):
                    frame.pts = (frame.pts or 0) + round(start * self.audio_rate)
                    out.mux(sound.encode(frame))
                out.mux(sound.encode(None))
        return path

    def pts_of(self, index: int) -> int:
        """In units of `time_base`."""
        return self.pts[index] if self.pts else round(Fraction(index, self.fps) / self.time_base)

    def picture(self, index: int) -> av.VideoFrame:
        """One frame, before encoding."""
        gray = av.VideoFrame.from_ndarray(corner_plane(self.size_wh, luma(index)), "gray")
        picture = gray.reformat(
            format=self.pixel_format, src_colorspace="ITU709", dst_colorspace="ITU709",
            src_color_range="JPEG", dst_color_range="JPEG",
        )  # fmt: skip
        picture.pts, picture.time_base = self.pts_of(index), self.time_base
        return picture


def luma(index: int) -> int:
    """The flat luma of frame `index` of a clip."""
    return 40 + 5 * (index % 30)


def corner_plane(size_wh: tuple[int, int], value: int) -> U8:
    """(H, W) uint8: flat, but for a white quarter at the top left (to see which way is up)."""
    width, height = size_wh
    plane = np.full((height, width), value, np.uint8)
    plane[: height // 4, : width // 4] = 235
    return plane


def sine(seconds: float, rate: int = 48_000) -> Iterator[av.AudioFrame]:
    """A mono tone in pieces of 1024 samples."""
    for start in range(0, round(seconds * rate), 1024):
        wave = np.sin(2 * np.pi * 440 * np.arange(start, start + 1024) / rate) * 8000
        frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield frame


def yuv_frame(index: int = 0, size_wh: tuple[int, int] = (64, 48), pts: int | None = None) -> Frame:
    """A flat yuv420p frame like those of `Clip`, 30 a second unless a pts says otherwise (time base 1/600)."""
    width, height = size_wh
    chroma = np.full(((height + 1) // 2, (width + 1) // 2), 128, np.uint8)
    planes = (corner_plane(size_wh, luma(index)), chroma, chroma)
    return Frame(planes, "yuv420p", index, index * 20 if pts is None else pts, Fraction(1, 600))


class ListSource(Source):
    """Gives frames that were made beforehand; an exception among them is raised where it stands."""

    def __init__(self, frames: Sequence[Frame | Exception], live: bool = False) -> None:
        size = next((frame.size_wh for frame in frames if isinstance(frame, Frame)), (64, 48))
        super().__init__(SourceInfo("list", "camera" if live else "video", size, live, len(frames), 30.0))
        self.frames = frames
        self.closed = False

    def __iter__(self) -> Iterator[Frame]:
        for frame in self.frames:
            if self._stopped.is_set():
                return
            if isinstance(frame, Exception):
                raise frame
            yield frame

    def close(self) -> None:
        self.closed = True


def breaks_off(*arguments: object, **options: object) -> ListSource:
    """Opens a source that is lost after 20 frames."""
    return ListSource([*map(yuv_frame, range(20)), SourceError("camera 0: lost")])
