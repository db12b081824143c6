"""What is shown in place of all that is no face: a colour, a picture, or the blurred frame itself."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageColor, ImageOps, UnidentifiedImageError

from engines.errors import UsageError
from realtime.frames.colour import Colour
from realtime.frames.planes import in_planes, planes_of
from realtime.frames.types import U8, Frame, Layout, Rgb

_BLUR = re.compile(r"blur(?::(\d+(?:\.\d+)?))?")
_SIGMA_OF_HEIGHT = 1 / 40  # 18 px at 720p: no text can be read and the room is still a room
_MOST_PIXELS = 100_000_000
_SHRINK_PX = 8  # a blur of a sigma above two of these is the same, to the eye, at an eighth of the size


class Background(ABC):
    """What is shown behind faces."""

    @abstractmethod
    def behind(self, frame: Frame) -> Frame:
        """A frame of the same layout, size and colour that shows only the background. Its planes are read-only."""


@dataclass(frozen=True)
class PlainColour(Background):
    """One colour."""

    rgb: tuple[int, int, int]

    def behind(self, frame: Frame) -> Frame:
        return frame.with_planes(_plain(in_planes(frame, self.rgb), frame.layout, frame.size_wh), frame.layout)


@dataclass(frozen=True, eq=False)
class Picture(Background):
    """A picture, scaled to fill the frame; what does not fit is cut off on both sides alike."""

    rgb: Rgb = field(repr=False)
    """(H, W, 3) uint8."""

    def behind(self, frame: Frame) -> Frame:
        planes = _picture(self, frame.layout, frame.size_wh, frame.colour)
        return frame.with_planes(planes, frame.layout)


@dataclass(frozen=True)
class Blurred(Background):
    """The frame itself, out of focus."""

    sigma_px: float | None = None
    """Standard deviation of the Gaussian in pixels of the frame; None: by the frame's height."""

    def behind(self, frame: Frame) -> Frame:
        height = frame.size_wh[1]
        sigma = self.sigma_px or height * _SIGMA_OF_HEIGHT
        planes = tuple(_blurred(plane, sigma * plane.shape[0] / height) for plane in frame.planes)
        return frame.with_planes(planes, frame.layout)


def background_of(text: str) -> Background:
    """The background that a text names: a colour ("white", "#00ff00"), "blur", "blur:SIGMA" or a picture file.

    Raises:
        UsageError: it names none of them, or the file is no picture.
    """
    if blur := _BLUR.fullmatch(text):
        if blur[1] and not 0 < float(blur[1]) <= 1000:
            raise UsageError(f"background {text!r}: the blur is above 0 and at most 1000 pixels wide")
        return Blurred(float(blur[1]) if blur[1] else None)
    path = Path(text).expanduser()
    if path.is_file():
        return _picture_file(path)
    try:
        return PlainColour(ImageColor.getrgb(text if not _is_bare_hex(text) else f"#{text}")[:3])
    except ValueError:
        raise UsageError(
            f"background {text!r} is neither a colour nor a picture file; expected a colour such as white or "
            "'#00ff00', the path of a picture, blur, or blur:SIGMA in pixels"
        ) from None


def _is_bare_hex(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{6}", text) is not None


def _picture_file(path: Path) -> Picture:
    try:
        with Image.open(path) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise UsageError(
                    f"background {path} has {image.width} x {image.height} pixels; expected at most "
                    f"{_MOST_PIXELS / 1e6:.0f} million"
                )
            return Picture(np.asarray(ImageOps.exif_transpose(image).convert("RGB")))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as e:
        raise UsageError(f"background {path} cannot be read as a picture ({e}); expected a PNG or JPEG file") from e


@lru_cache(maxsize=4)
def _plain(values: tuple[int, ...], layout: Layout, size_wh: tuple[int, int]) -> tuple[U8, ...]:
    width, height = size_wh
    if layout == "yuv420p":
        half = ((height + 1) // 2, (width + 1) // 2)
        shapes = [(height, width), half, half]
        planes = tuple(np.full(shape, value, np.uint8) for shape, value in zip(shapes, values, strict=True))
    else:
        planes = (np.full((height, width, 3), values, np.uint8),)
    return _read_only(planes)


@lru_cache(maxsize=4)
def _picture(picture: Picture, layout: Layout, size_wh: tuple[int, int], colour: Colour) -> tuple[U8, ...]:
    filled = np.asarray(ImageOps.fit(Image.fromarray(picture.rgb), size_wh))
    if layout != "yuv420p":
        return _read_only((filled,))
    even = cv2.copyMakeBorder(filled, 0, size_wh[1] % 2, 0, size_wh[0] % 2, cv2.BORDER_REPLICATE)
    luma, *chroma = planes_of(layout, colour, even)
    return _read_only((np.ascontiguousarray(luma[: size_wh[1], : size_wh[0]]), *chroma))


def _blurred(plane: U8, sigma_px: float) -> U8:
    height, width = plane.shape[:2]
    step = _SHRINK_PX if sigma_px >= 2 * _SHRINK_PX else 2 if sigma_px >= 4 else 1
    small = cv2.resize(plane, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), sigma_px / step, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _read_only(planes: tuple[U8, ...]) -> tuple[U8, ...]:
    for plane in planes:
        plane.flags.writeable = False
    return planes
