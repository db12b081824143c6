"""Pictures of more than 8 bits: what was drawn on their 8-bit copies is put into the decoder's own planes."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame

from realtime.frames.types import U8, U16, DeepPicture, Frame
from realtime.video.av_frame import Orientation, turn, view

_FORMATS = {(1, 1): "yuv420p10le", (1, 0): "yuv422p10le", (0, 0): "yuv444p10le"}
"""The formats that are kept, by how often the width and the height of chroma are halved."""
_LONGEST_BITS = 10
_TO_10_BITS = 2  # 8 bits, shifted: 16..235 becomes 64..940


def deep_format(picture: VideoFrame) -> str | None:
    """The 10-bit format in which a picture is kept; None for pictures of 8 bits, for gray ones and for RGB."""
    parts = [part for part in picture.format.components if not part.is_alpha]
    if picture.format.is_rgb or len(parts) != 3 or parts[0].bits <= 8:
        return None
    wide, high = (round(whole / half) for whole, half in _halvings(picture))
    return _FORMATS.get((wide - 1, high - 1), "yuv444p10le")


def loses_bits(picture: VideoFrame) -> int:
    """The bits of a picture that has more than are kept; 0 for all others."""
    bits = picture.format.components[0].bits
    return bits if deep_format(picture) and bits > _LONGEST_BITS else 0


def deep_of(picture: VideoFrame, shown: tuple[U8, ...], orientation: Orientation) -> DeepPicture | None:
    """The decoder's own planes of a picture, upright; None where it has 8 bits.

    Args:
        shown: the planes of its 8-bit copy, upright.
    """
    pixel_format = deep_format(picture)
    if pixel_format is None:
        return None
    if orientation[0] and pixel_format == "yuv422p10le":  # turned, its chroma would be halved in height only
        pixel_format = "yuv444p10le"
    if picture.format.name != pixel_format:
        picture = picture.reformat(format=pixel_format)
    planes = tuple(turn(_read_only(picture, index), orientation) for index in range(3))
    return DeepPicture(planes, pixel_format, shown)


def picture_of_deep(frame: Frame) -> VideoFrame:
    """A PyAV picture of 10 bits: the decoder's own values, and what was drawn where it differs from them.

    Args:
        frame: it has a `deep` picture.
    """
    assert frame.deep is not None
    picture = VideoFrame(*frame.size_wh, frame.deep.pixel_format)
    for target, own, shown, drawn in zip(
        picture.planes, frame.deep.planes, frame.deep.shown, frame.planes, strict=True
    ):
        pixels = view(target, dtype=np.uint16)
        np.copyto(pixels, own)
        if drawn is not shown:
            changed = _enlarged(np.not_equal(drawn, shown).view(np.uint8), pixels.shape).view(bool)
            np.copyto(pixels, _enlarged(drawn, pixels.shape).astype(np.uint16) << _TO_10_BITS, where=changed)
    return picture


def _enlarged(plane: U8, shape: tuple[int, ...]) -> U8:
    """A plane of 4:2:0 in the size of one of 4:2:2 or 4:4:4; the plane itself where it has that size."""
    for axis in (0, 1):
        if plane.shape[axis] != shape[axis]:
            plane = np.repeat(plane, 2, axis=axis)
    return plane[: shape[0], : shape[1]]


def _read_only(picture: VideoFrame, index: int) -> U16:
    pixels: U16 = view(picture.planes[index], dtype=np.uint16)
    pixels.flags.writeable = False
    return pixels


def _halvings(picture: VideoFrame) -> list[tuple[int, int]]:
    luma, chroma = picture.format.components[0], picture.format.components[1]
    return [(luma.width, chroma.width), (luma.height, chroma.height)]
