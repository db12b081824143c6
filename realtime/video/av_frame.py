"""Converts between PyAV pictures and our frames. Planes are not copied; each conversion names its colours."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal, TypeVar, cast

import cv2
import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type as SideDataType
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from realtime.frames.colour import Colour, Matrix, black_yuv
from realtime.frames.types import U8, U16, Frame, Rgb

UNSPECIFIED = 2  # ISO/IEC 23091-2, for primaries, transfer and matrix alike
SPACE_OF_MATRIX: dict[Matrix, int] = {"bt709": 1, "bt601": 6, "bt2020": 9}
_MATRIX_OF_SPACE: dict[int, Matrix] = {  # FCC (4) and SMPTE 240M (7) become the nearest matrix
    1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601", 7: "bt709", 9: "bt2020", 10: "bt2020",
}  # fmt: skip
_SWSCALE: dict[Matrix, Colorspace] = {
    "bt709": Colorspace.ITU709,
    "bt601": Colorspace.ITU601,
    "bt2020": Colorspace.BT2020,
}
_PLANAR = {"yuv420p", "yuvj420p", "yuva420p"}  # alpha, where there is one, is the fourth plane
_HD_HEIGHT = 720  # players assume BT.709 for untagged pictures of this height or more
_FORMATS = {"rgb": "rgb24", "rgba": "rgba", "gray": "gray", "yuv420p": "yuv420p"}
CHANNELS = {"rgb": 3, "rgba": 4}
Plane = TypeVar("Plane", U8, U16)
Orientation = tuple[bool, bool, bool]
"""Transpose first, then mirror left-right, then top-bottom."""


class FromAv:
    """Turns decoded pictures into yuv420p planes of one size.

    The planes of 8-bit 4:2:0 and gray pictures are views. Other formats are converted without a change of matrix or
    range, RGB to BT.709 in video range. Pictures of another size (a stream may change it) are scaled and get black bars
    where their shape is another one.
    """

    def __init__(self, size_wh: tuple[int, int]) -> None:
        self.size_wh = size_wh
        self._reformatter = VideoReformatter()

    def __call__(self, picture: VideoFrame) -> tuple[tuple[U8, U8, U8], Colour]:
        """The planes of a picture as it was coded (not yet upright), and their colour. The planes are read-only."""
        colour = colour_of(picture)
        if (picture.width, picture.height) != self.size_wh:
            return self._fitted(picture, colour), colour
        if picture.format.name == "gray":
            chroma = _neutral_chroma(self.size_wh)
            return (_read_only(picture.planes[0]), chroma, chroma), colour
        if picture.format.name not in _PLANAR:
            picture = self.converted(picture, self.size_wh)
        y, u, v = (_read_only(plane) for plane in picture.planes[:3])
        return (y, u, v), colour

    def _fitted(self, picture: VideoFrame, colour: Colour) -> tuple[U8, U8, U8]:
        """The planes of a picture of another size, in the middle of a black one of this size."""
        width, height = self.size_wh
        scale = min(width / picture.width, height / picture.height)
        inner_wh = tuple(max(2, 2 * round(side * scale / 2)) for side in (picture.width, picture.height))
        inner_wh = min(inner_wh[0], width), min(inner_wh[1], height)
        left, top = ((outer - inner) // 4 * 2 for outer, inner in zip(self.size_wh, inner_wh, strict=True))
        fitted = self.converted(picture, inner_wh)
        planes = []
        for plane, value, share in zip(fitted.planes, black_yuv(colour.full_range), (1, 2, 2), strict=True):
            pixels = np.full((-(-height // share), -(-width // share)), value, np.uint8)
            inner = view(plane)
            pixels[top // share :, left // share :][: inner.shape[0], : inner.shape[1]] = inner
            pixels.flags.writeable = False
            planes.append(pixels)
        return planes[0], planes[1], planes[2]

    def converted(self, picture: VideoFrame, size_wh: tuple[int, int]) -> VideoFrame:
        """The picture in yuv420p and another size, with its side data."""
        colour = colour_of(picture)
        # The same matrix on both sides means no conversion. Any will do: swscale does not know all of them.
        range_in = ColorRange.JPEG if family_of(picture.format) == "rgb" else av_range(colour.full_range)
        width, height = size_wh
        return self._reformatter.reformat(
            picture, width, height, "yuv420p",
            src_colorspace=None if family_of(picture.format) == "rgb" else Colorspace.ITU709,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=range_in, dst_color_range=av_range(colour.full_range),
        )  # fmt: skip


def picture_of(frame: Frame) -> VideoFrame:
    """A PyAV picture with a copy of a frame's pixels, in rows aligned for swscale. It has no pts."""
    picture = VideoFrame(*frame.size_wh, _FORMATS[frame.layout])
    for target, plane in zip(picture.planes, frame.planes, strict=True):
        np.copyto(view(target, CHANNELS.get(frame.layout, 1)), plane)
    return picture


def rgb_from_frame(frame: Frame) -> Rgb:
    """(H, W, 3) uint8 RGB of a whole frame, for image files. The pipeline itself never needs it."""
    return frame.planes[0] if frame.layout == "rgb" else _packed(frame, "rgb24")


def bgr_from_frame(frame: Frame) -> U8:
    """(H, W, 3) uint8 BGR of a whole frame, for OpenCV's windows."""
    if frame.layout == "rgb":
        return cv2.cvtColor(frame.planes[0], cv2.COLOR_RGB2BGR)
    return _packed(frame, "bgr24")


def _packed(frame: Frame, pixel_format: Literal["rgb24", "bgr24"]) -> U8:
    space = _SWSCALE[frame.colour.matrix] if frame.layout == "yuv420p" else None
    range_in = av_range(frame.colour.full_range) if frame.layout == "yuv420p" else ColorRange.JPEG
    packed = VideoReformatter().reformat(
        picture_of(frame), format=pixel_format, src_colorspace=space, src_color_range=range_in,
        dst_color_range=ColorRange.JPEG,
    )  # fmt: skip
    return np.ascontiguousarray(view(packed.planes[0], 3))


def colour_of(picture: VideoFrame) -> Colour:
    """The colour that `FromAv` gives a picture: as tagged, and guessed if it is not tagged."""
    family = family_of(picture.format)
    primaries, transfer = int(picture.color_primaries), int(picture.color_trc)
    if family == "rgb":
        return Colour("bt709", False, primaries, transfer, SPACE_OF_MATRIX["bt709"])
    # Gray and the yuvj formats have full range unless a tag states another.
    full_by_name = family == "gray" or picture.format.name.startswith("yuvj")
    tagged = ColorRange(picture.color_range)
    full_range = full_by_name if tagged is ColorRange.UNSPECIFIED else tagged is ColorRange.JPEG
    space = int(picture.colorspace)
    guess: Matrix = "bt709" if picture.height >= _HD_HEIGHT else "bt601"
    return Colour(_MATRIX_OF_SPACE.get(space, guess), full_range, primaries, transfer, space)


def side_data_of(picture: VideoFrame) -> dict[SideDataType, bytes]:
    """What the decoder tells about a picture beside its pixels, by kind."""
    # Reading the side data of a picture puts it into a reference cycle, which keeps all memory of its decoder until the
    # garbage is collected. So read that of a tiny copy. (The type allows only motion vectors, hence the cast.)
    side_data = cast("Iterable[Any]", FromAv((2, 2)).converted(picture, (2, 2)).side_data)
    return {data.type: bytes(data) for data in side_data}


def orientation_of(side_data: dict[SideDataType, bytes]) -> Orientation:
    """How to turn a picture upright, from the display matrix in its side data (all eight ways, with mirrored ones)."""
    if SideDataType.DISPLAYMATRIX not in side_data:
        return False, False, False
    # A point (x, y) is shown at (a x + c y, b x + d y); rows of the matrix are (a, b, u), (c, d, v), (x, y, w).
    a, b, _, c, d = np.frombuffer(side_data[SideDataType.DISPLAYMATRIX], np.int32)[:5].tolist()
    return (True, c < 0, b < 0) if abs(b) > abs(a) else (False, a < 0, d < 0)


def turn(plane: Plane, orientation: Orientation) -> Plane:
    """A plane turned upright; the plane itself if it is upright."""
    transpose, mirror_x, mirror_y = orientation
    if transpose:
        plane = cv2.transpose(plane)
    if mirror_x or mirror_y:
        plane = cv2.flip(plane, -1 if mirror_x and mirror_y else int(mirror_x))
    return plane


def view(plane: VideoPlane, channels: int = 1, dtype: npt.DTypeLike = np.uint8) -> npt.NDArray[Any]:
    """A view of the pixels of a PyAV plane: (H, W), or (H, W, channels) for several channels."""
    pixel = np.dtype(dtype).itemsize * channels
    shape, strides = [plane.height, plane.width], [abs(plane.line_size), pixel]
    if channels > 1:
        shape, strides = [*shape, channels], [*strides, np.dtype(dtype).itemsize]
    pixels: npt.NDArray[Any] = np.ndarray(shape, dtype, buffer=cast("memoryview", plane), strides=strides)
    return pixels if plane.line_size > 0 else pixels[::-1]  # negative: rows are stored from the bottom up


def _read_only(plane: VideoPlane) -> U8:
    """A view that cannot be written to: the decoder still needs its pictures as references for others."""
    pixels = view(plane)
    pixels.flags.writeable = False
    return pixels


@lru_cache(maxsize=4)
def _neutral_chroma(size_wh: tuple[int, int]) -> U8:
    chroma = np.full(((size_wh[1] + 1) // 2, (size_wh[0] + 1) // 2), 128, np.uint8)
    chroma.flags.writeable = False
    return chroma


def family_of(pixel_format: VideoFormat) -> Literal["rgb", "gray", "yuv"]:
    if pixel_format.is_rgb or pixel_format.has_palette:
        return "rgb"
    return "gray" if sum(not part.is_alpha for part in pixel_format.components) == 1 else "yuv"


def av_range(full_range: bool) -> ColorRange:
    return ColorRange.JPEG if full_range else ColorRange.MPEG
