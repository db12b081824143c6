"""Makes whole pictures of interlaced ones."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from av.video.frame import VideoFrame

from realtime.video.picture_filter import PictureFilter

_FILTER, _OPTIONS = "bwdif", "mode=send_frame:deint=interlaced"  # one picture per frame; progressive ones stay
_Kind = tuple[int, int, str]


def deinterlaced(pictures: Iterator[VideoFrame], on_interlaced: Callable[[], None]) -> Generator[VideoFrame]:
    """The pictures, in order. Interlaced ones become whole, by FFmpeg's filter bwdif: one picture each.

    Args:
        on_interlaced: called at the first interlaced picture.
    """
    running: PictureFilter | None = None
    kind: _Kind | None = None
    for picture in pictures:
        if running is not None and kind != _kind(picture):
            yield from running.push(None)
            running, kind = _filter(picture), _kind(picture)
        elif running is None and picture.interlaced_frame:
            on_interlaced()
            running, kind = _filter(picture), _kind(picture)
        if running is None:
            yield picture
        else:
            yield from running.push(picture)
    if running is not None:
        yield from running.push(None)


def _filter(picture: VideoFrame) -> PictureFilter:
    return PictureFilter(picture, _FILTER, _OPTIONS)


def _kind(picture: VideoFrame) -> _Kind:
    return picture.width, picture.height, picture.format.name
