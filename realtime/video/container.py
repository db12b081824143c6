"""Opens media files through PyAV and reads their packets, whatever odd things are in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

MEDIA_ERRORS = (av.FFmpegError, OSError, ValueError)
"""What PyAV raises where a file is damaged, or holds what FFmpeg cannot decode, encode or mux."""
_RAW_VIDEO = frozenset({"av1", "cavsvideo", "h264", "hevc", "m4v", "mpegvideo", "obu", "vc1", "vvc"})
_HIGHEST_RATE = 240  # a stream of variable rate states the unit of its times instead, such as 1/90,000 s
_ODD_TEXT = "replace"  # a title in another encoding, or in a damaged header, is no reason to fail


def reason_of(error: Exception) -> str:
    """The reason that the system or FFmpeg gives, in a few words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def open_media(path: Path) -> InputContainer:
    """Open a file. A raw video stream is read at the rate that it states itself. Raises `MEDIA_ERRORS`."""
    container = av.open(f"file:{path}", metadata_errors=_ODD_TEXT)
    rate = _own_rate(container)
    if rate is None:
        return container
    container.close()
    return av.open(f"file:{path}", metadata_errors=_ODD_TEXT, options={"framerate": str(rate)})


def open_url(url: str, options: dict[str, str], timeout: tuple[float, float]) -> InputContainer:
    """Open a network stream. Raises `MEDIA_ERRORS`, also if it takes too long."""
    return av.open(url, metadata_errors=_ODD_TEXT, options=options, timeout=timeout)


def packets(container: InputContainer, streams: Sequence[Stream] = ()) -> Iterator[Packet[Any]]:
    """The packets of some streams (none: of all), in the order of the file, without those that flush a decoder."""
    try:
        for packet in container.demux(*streams):
            if packet.size:
                yield packet
    except IndexError:
        # PyAV fails so at the end of a file in which a stream began that was not there when the file was opened. All
        # packets were given by then.
        return


def picture_streams(container: InputContainer) -> list[VideoStream]:
    """The streams of pictures, without the cover of a music file, which FFmpeg treats as one."""
    return [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]


def _own_rate(container: InputContainer) -> Fraction | None:
    """The frame rate that a raw stream states, where FFmpeg assumes another one."""
    if container.format.name not in _RAW_VIDEO or not container.streams.video:
        return None
    stream = container.streams.video[0]
    stated = stream.codec_context.framerate if stream.codec_context else None
    return stated if stated and stated != stream.average_rate and stated <= _HIGHEST_RATE else None


def _unknown_side_data(cls: type[SideDataType], value: object) -> SideDataType:
    member: SideDataType = object.__new__(cls)
    member._name_ = f"UNKNOWN_{value}"
    member._value_ = value  # type: ignore[assignment]
    cast("dict[object, SideDataType]", cls._value2member_map_)[value] = member
    return member


# PyAV refuses a picture that has a kind of side data that its own list lacks. FFmpeg adds such kinds with each release.
SideDataType._missing_ = classmethod(_unknown_side_data)  # type: ignore[assignment, method-assign]
