"""Video files: for viewing (H.264), for class ids (FFV1) and for editors (ProRes with alpha)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from realtime.av_frame import SPACE_OF_MATRIX, ToAv, view
from realtime.colour import Colour
from realtime.sink_audio import COPIED_TO_MOV, COPIED_TO_MP4
from realtime.sink_av import AvSink
from realtime.source_base import SourceInfo
from realtime.types import Frame

PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
)  # fmt: skip
"""What x264 calls its trades of time for size, from the quickest on."""
PRESET, CRF = "veryfast", 18
"""Of x264: how much time it may take, and quality: lower is better; 18 looks like the input."""
_ALPHA_10_BIT = np.round(np.arange(256) * (1023 / 255)).astype(np.uint16)  # swscale's shift would leave 255 at 99.7 %
_SLICED_PX = 16  # FFV1 refuses slices smaller than a pixel


class VideoSink(AvSink):
    """H.264 in .mp4, with the input's sound, times and colour tags."""

    container_format, codec, layouts = "mp4", "libx264", ("yuv420p", "rgb")
    audio_copied = COPIED_TO_MP4

    def __init__(self, path: Path, info: SourceInfo | None = None, preset: str = PRESET, crf: int = CRF) -> None:
        """Args:
        preset: of x264, one of PRESETS.
        crf: of x264.
        """
        super().__init__(path, info)
        self._preset, self._crf = preset, crf

    def _options(self, frame: Frame) -> dict[str, str]:
        return {"preset": self._preset, "crf": str(self._crf)}

    def _pixel_format(self, frame: Frame) -> str:
        # 4:2:0 has a chroma sample for two pixels each way, and H.264 crops by whole samples: odd sizes need 4:4:4.
        width, height = frame.size_wh
        return "yuv444p" if width % 2 or height % 2 else "yuv420p"


class LabelVideoSink(AvSink):
    """Class ids in one channel, lossless: FFV1 gray in .mkv, whose clock ticks in milliseconds."""

    container_format, codec, layouts = "matroska", "ffv1", ("gray",)

    def _options(self, frame: Frame) -> dict[str, str]:
        slices = "4" if min(frame.size_wh) >= _SLICED_PX else "1"
        return {"level": "3", "slices": slices, "slicecrc": "1"}

    def _container_options(self, frame: Frame) -> dict[str, str]:
        return {}

    def _pixel_format(self, frame: Frame) -> str:
        return "gray"

    def _colour_written(self, frame: Frame) -> Colour:
        return Colour(full_range=True)  # no player may stretch the ids


class AlphaVideoSink(AvSink):
    """Colour and matte for editors: ProRes 4444 in .mov, in video range (it cannot tag full range)."""

    container_format, codec, layouts = "mov", "prores_ks", ("yuv420p", "rgba")
    audio_copied = COPIED_TO_MOV

    def _options(self, frame: Frame) -> dict[str, str]:
        return {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"}

    def _pixel_format(self, frame: Frame) -> str:
        return "yuva444p10le"

    def _start(self, frame: Frame) -> None:
        super()._start(frame)
        self._to_av = ToAv("yuva444p10le", video_range=True)

    def _colour_written(self, frame: Frame) -> Colour:
        colour = super()._colour_written(frame)
        return replace(colour, full_range=False, space=SPACE_OF_MATRIX[colour.matrix])  # editors do not guess by height

    def _picture(self, frame: Frame) -> VideoFrame:
        picture = super()._picture(frame)
        alpha = frame.planes[0][:, :, 3] if frame.layout == "rgba" else frame.alpha
        if alpha is not None:
            np.take(_ALPHA_10_BIT, alpha, out=view(picture.planes[3], dtype=np.uint16))
        return picture
