"""Video files: for viewing (H.264), for class ids (FFV1) and for editors (ProRes with alpha)."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import av
import numpy as np
from av.video.frame import VideoFrame

from engines.errors import SinkError
from realtime.frames.colour import Colour
from realtime.frames.types import Frame
from realtime.video.av_frame import SPACE_OF_MATRIX, ToAv, view
from realtime.video.sinks import nvenc
from realtime.video.sinks.audio import COPIED_TO_MOV, COPIED_TO_MP4
from realtime.video.sinks.video_base import AvSink
from realtime.video.sources.base import SourceInfo

PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
)  # fmt: skip
"""The presets of x264, from the fastest (and largest files) to the slowest."""
PRESET, CRF = "veryfast", 18
"""The default preset and quality (CRF) of x264. A lower CRF is better; 18 is visually lossless."""
Encoder = Literal["auto", "x264", "nvenc"]
"""The H.264 encoder: x264 on the CPU or NVENC on an NVIDIA GPU. auto: NVENC where it works, else x264."""
ENCODERS: tuple[Encoder, ...] = get_args(Encoder)
_ALPHA_10_BIT = np.round(np.arange(256) * (1023 / 255)).astype(np.uint16)  # swscale's shift would leave 255 at 99.7 %
_SLICED_PX = 16  # FFV1 refuses slices smaller than a pixel
_log = logging.getLogger(__name__)


def uses_nvenc(encoder: Encoder) -> bool:
    """True if NVENC encodes H.264. Raises SinkError where NVENC is asked for and cannot run."""
    if encoder == "x264":
        return False
    problem = nvenc.problem()
    if problem and encoder == "nvenc":
        raise SinkError(f"NVENC cannot be used: {problem}; leave --encoder out, and x264 encodes on the processor")
    return not problem


class VideoSink(AvSink):
    """H.264 in .mp4, with the input's sound, times and colour tags."""

    container_format, codec, layouts = "mp4", "libx264", ("yuv420p", "rgb")
    audio_copied = COPIED_TO_MP4

    def __init__(
        self,
        path: Path,
        info: SourceInfo | None = None,
        preset: str = PRESET,
        crf: int = CRF,
        encoder: Encoder = "x264",
    ) -> None:
        """Args:
        preset: the x264 preset, one of PRESETS.
        crf: the x264 quality.
        encoder: x264 also encodes what NVENC refuses (odd sizes).
        """
        self._on_card = uses_nvenc(encoder)
        super().__init__(path, info)
        self._preset, self._crf = preset, crf

    def _open(self, frame: Frame) -> None:
        if self._on_card and self._pixel_format(frame) != "yuv420p":
            _log.warning(
                "NVENC takes no odd sizes, and %s is %dx%d; x264 encodes it", self._file.path.name, *frame.size_wh
            )
        elif self._on_card:
            self.codec = nvenc.CODEC
            super()._open(frame)
            try:
                self._stream.codec_context.open(strict=False)
                return
            except av.FFmpegError as e:
                _log.warning("NVENC refuses this video (%s); x264 encodes it", e.strerror or e)
                self._close_container()
        self._on_card, self.codec = False, "libx264"
        super()._open(frame)

    def _options(self, frame: Frame) -> dict[str, str]:
        return nvenc.OPTIONS if self._on_card else {"preset": self._preset, "crf": str(self._crf)}

    def _pixel_format(self, frame: Frame) -> str:
        # 4:2:0 has a chroma sample for two pixels each way, and H.264 crops by whole samples: odd sizes need 4:4:4.
        width, height = frame.size_wh
        return "yuv444p" if width % 2 or height % 2 else "yuv420p"


class LabelVideoSink(AvSink):
    """Class ids in one channel, lossless: gray FFV1 in .mkv, whose times are in milliseconds."""

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
    """Colour and matte for editors: ProRes 4444 in .mov, in video range (ProRes has no tag for full range)."""

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
