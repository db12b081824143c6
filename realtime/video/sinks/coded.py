"""Videos for viewing: the base class, HEVC and AV1 in .mp4, ProRes in .mov (also a matte), FFV1 in .mkv. H.264 is in
`h264`."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from engines.errors import SinkError
from realtime.frames.colour import Colour
from realtime.frames.types import LARGE_PX, Frame
from realtime.video.av_frame import SPACE_OF_MATRIX, view
from realtime.video.codecs import CRF, PRESET, PRESETS, VideoCodec
from realtime.video.sinks.audio import COPIED_TO_MKV, COPIED_TO_MOV, COPIED_TO_MP4
from realtime.video.sinks.part_file import PartFile
from realtime.video.sinks.video import VideoFileSink, slices_of
from realtime.video.sources.base import SourceInfo
from realtime.video.to_av import ToAv

_FEW_FRAMES = "rc-lookahead=5:bframes=2:b-adapt=0:frame-threads=1"
"""What x265 keeps in memory of large frames: 0.3 GB less than with its own settings, 0.7 GB with 10 bits (4K)."""
_ALPHA_10_BIT = np.round(np.arange(256) * (1023 / 255)).astype(np.uint16)  # swscale's shift would leave 255 at 99.7 %
_AV1_PRESETS = (12, 11, 10, 9, 8, 7, 5, 4, 3, 1)  # of SVT-AV1, by those of x264
_AV1_CRF = 63 / 51  # the scales of CRF of AV1 and of H.264


class CodedVideoSink(VideoFileSink):
    """A video for viewing, with the input's sound, times and colour tags."""

    layouts = ("yuv420p", "rgb")

    def __init__(
        self, path: Path | PartFile, info: SourceInfo | None = None, preset: str = PRESET, crf: int = CRF
    ) -> None:
        """Args:
        preset: as of x264, one of PRESETS; for HEVC and AV1.
        crf: as of x264; for HEVC and AV1.
        """
        super().__init__(path, info)
        self._preset, self._crf = preset, crf

    def _pixel_format(self, frame: Frame) -> str:
        # In 4:2:0 one chroma sample serves 2 x 2 pixels, and H.264 crops by whole samples: odd sizes need 4:4:4.
        width, height = frame.size_wh
        kept = frame.deep.pixel_format if frame.deep else "yuv420p"
        return kept.replace("420", "444").replace("422", "444") if width % 2 or height % 2 else kept


class HevcSink(CodedVideoSink):
    """HEVC in .mp4, by x265: Main, or Main 10 for 10 bits."""

    container_format, codec, audio_copied = "mp4", "libx265", COPIED_TO_MP4
    states_fields = False

    def _options(self, frame: Frame) -> dict[str, str]:
        # Without its settings in the header, which differ from machine to machine: segments must fit together.
        parameters = ["log-level=error", "repeat-headers=0", "info=0"]
        if math.prod(frame.size_wh) > LARGE_PX:
            parameters.append(_FEW_FRAMES)
        if self._info and (hdr := self._info.hdr):
            parameters += ["hdr10=1", *hdr.parameters("master-display", "max-cll")]
        return {"preset": self._preset, "crf": str(self._crf), "x265-params": ":".join(parameters)}

    def _open(self, frame: Frame) -> None:
        super()._open(frame)
        self._stream.codec_context.codec_tag = "hvc1"  # QuickTime plays no other


class Av1Sink(CodedVideoSink):
    """AV1 in .mp4, by SVT-AV1: 8 or 10 bits, 4:2:0."""

    container_format, codec, audio_copied = "mp4", "libsvtav1", COPIED_TO_MP4
    states_fields = False

    def _pixel_format(self, frame: Frame) -> str:
        if frame.size_wh[0] % 2 or frame.size_wh[1] % 2:
            width, height = frame.size_wh
            raise SinkError(f"{self._file.path}: AV1 takes even sizes, and this is {width}x{height}; use h264")
        return "yuv420p10le" if frame.deep else "yuv420p"

    def _options(self, frame: Frame) -> dict[str, str]:
        os.environ.setdefault("SVT_LOG", "1")  # errors only; it writes its settings to the terminal otherwise
        preset = _AV1_PRESETS[PRESETS.index(self._preset)]
        options = {"preset": str(preset), "crf": str(round(self._crf * _AV1_CRF))}
        if self._info and (hdr := self._info.hdr):
            parameters = hdr.parameters("mastering-display", "content-light", in_decimals=True)
            options["svtav1-params"] = ":".join(parameters)
        return options


class ProResFile(VideoFileSink):
    """ProRes in .mov, in video range: it has no tag for full range."""

    container_format, codec, audio_copied = "mov", "prores_ks", COPIED_TO_MOV

    def _start(self, frame: Frame) -> None:
        super()._start(frame)
        self._to_av = ToAv(self._pixel_format(frame), video_range=True)

    def _colour_written(self, frame: Frame) -> Colour:
        colour = super()._colour_written(frame)
        # Editors do not guess the matrix from the height.
        return replace(colour, full_range=False, space=SPACE_OF_MATRIX[colour.matrix])


class ProResSink(ProResFile, CodedVideoSink):
    """ProRes 422 HQ, or 4444 where the input has as much colour."""

    def _pixel_format(self, frame: Frame) -> str:
        return "yuv444p10le" if "444" in super()._pixel_format(frame) else "yuv422p10le"

    def _options(self, frame: Frame) -> dict[str, str]:
        return {"profile": "4444" if "444" in self._pixel_format(frame) else "hq", "vendor": "apl0"}


class AlphaVideoSink(ProResFile):
    """A picture with a matte, for editors: ProRes 4444."""

    layouts = ("yuv420p", "rgba")

    def _options(self, frame: Frame) -> dict[str, str]:
        return {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"}

    def _pixel_format(self, frame: Frame) -> str:
        return "yuva444p10le"

    def _picture(self, frame: Frame) -> VideoFrame:
        picture = super()._picture(frame)
        alpha = frame.planes[0][:, :, 3] if frame.layout == "rgba" else frame.alpha
        if alpha is not None:
            np.take(_ALPHA_10_BIT, alpha, out=view(picture.planes[3], dtype=np.uint16))
        return picture


class Ffv1Sink(CodedVideoSink):
    """FFV1 in .mkv: the decoder's own values without loss, where nothing is drawn."""

    container_format, codec, audio_copied = "matroska", "ffv1", COPIED_TO_MKV

    def _options(self, frame: Frame) -> dict[str, str]:
        return {"level": "3", "slices": slices_of(frame), "slicecrc": "1"}

    def _container_options(self, frame: Frame) -> dict[str, str]:
        return {}

    def _open(self, frame: Frame) -> None:
        super()._open(frame)
        if self._pixel_aspect != 1:
            name = self._info.name if self._info else self._file.path.name
            self.remarks.note(f"{name}: its output does not state the shape of its pixels, {self._pixel_aspect}")


SINKS: dict[VideoCodec, type[CodedVideoSink]] = {
    "hevc": HevcSink, "av1": Av1Sink, "prores": ProResSink, "ffv1": Ffv1Sink,
}  # fmt: skip
"""The sink of each codec but H.264, which has more options."""
