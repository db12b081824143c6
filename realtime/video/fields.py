"""Interlaced pictures, which hold two fields of different times: which one is first, and how an encoder learns it."""

from __future__ import annotations

from typing import Literal

from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from realtime.video.picture_filter import PictureFilter

Field = Literal["top", "bottom"]
"""The field of an interlaced picture that is shown first."""
_TYPE: dict[Field, str] = {"top": "TOPFIRST", "bottom": "BOTTOMFIRST"}
_MODE: dict[Field, str] = {"top": "tff", "bottom": "bff"}
_ORDER: dict[Field, int] = {"top": 2, "bottom": 3}  # AVFieldOrder: this field is coded and shown first


def first_field(picture: VideoFrame) -> Field | None:
    """The first field of a decoded picture; None where it is progressive."""
    if not picture.interlaced_frame:
        return None
    # PyAV does not tell the order; this filter lets the pictures of one order through.
    is_top = PictureFilter(picture, "select", f"eq(interlace_type\\,{_TYPE['top']})")
    return "top" if list(is_top.push(picture)) else "bottom"


def state_fields(encoder: VideoCodecContext, first: Field) -> None:
    """Let an encoder that is not open yet code fields, and its container state their order."""
    encoder.flags |= Flags.interlaced_dct | Flags.interlaced_me
    encoder.field_order = _ORDER[first]


class FieldMarker:
    """Marks the pictures for an encoder as interlaced."""

    def __init__(self, first: Field) -> None:
        self._first: Field = first
        self._filter: PictureFilter | None = None

    def __call__(self, picture: VideoFrame) -> VideoFrame:
        """The picture with the mark."""
        if self._filter is None:
            self._filter = PictureFilter(picture, "setfield", f"mode={_MODE[self._first]}")
        (marked,) = self._filter.push(picture)
        return marked
