"""Turns frames into pictures for an encoder."""

from __future__ import annotations

from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from realtime.frames.types import Frame
from realtime.video.av_frame import CHANNELS, av_range, picture_of
from realtime.video.deep import picture_of_deep


class ToAv:
    """Turns frames into pictures of one pixel format for an encoder, copying each plane once.

    Args:
        pixel_format: the pixel format of the pictures.
        video_range: True to convert full range to video range, for codecs that have no tag for full range.
    """

    def __init__(self, pixel_format: str, video_range: bool = False) -> None:
        self._format = pixel_format
        self._video_range = video_range
        self._reformatter = VideoReformatter()

    def __call__(self, frame: Frame) -> VideoFrame:
        """A picture with the frame's pixels, pts and time base."""
        picture = picture_of(frame) if frame.deep is None else picture_of_deep(frame)
        if self._format != picture.format.name:
            picture = self._converted(picture, frame)
        picture.pts, picture.time_base = frame.pts, frame.time_base
        return picture

    def _converted(self, picture: VideoFrame, frame: Frame) -> VideoFrame:
        is_rgb = frame.layout in CHANNELS  # RGB becomes BT.709 in video range
        range_in = ColorRange.JPEG if is_rgb else av_range(frame.colour.full_range)
        return self._reformatter.reformat(
            picture, format=self._format,
            src_colorspace=None if is_rgb else Colorspace.ITU709, dst_colorspace=Colorspace.ITU709,
            src_color_range=range_in, dst_color_range=ColorRange.MPEG if is_rgb or self._video_range else range_in,
        )  # fmt: skip
