"""H.264 in .mp4: x264 on the processor, or NVENC on an NVIDIA GPU where a test shows that it works."""

from __future__ import annotations

import logging
import math
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from engines.errors import SinkError
from engines.machine import nvidia_gpu
from realtime.frames.types import LARGE_PX, U8, Frame
from realtime.video.codecs import CRF, PRESET, Encoder
from realtime.video.container import reason_of
from realtime.video.sinks.audio import COPIED_TO_MP4
from realtime.video.sinks.coded import CodedVideoSink
from realtime.video.sinks.part_file import PartFile
from realtime.video.sources.base import SourceInfo

NVENC = "h264_nvenc"
"""FFmpeg's name for the encoder of an NVIDIA GPU."""
NVENC_OPTIONS = {"preset": "p4", "tune": "hq", "rc": "vbr", "cq": "19", "b": "0"}
"""A constant quality, at which the output looks like the input."""
_TEST_FRAMES, _TEST_SIDE_PX = 12, 256  # more frames than an encoder reorders; NVENC refuses sides below 145
_LEAST_PSNR = 34.0  # dB, for a picture that is easy to encode
_FEW_FRAMES = "rc-lookahead=2:sync-lookahead=0:sliced-threads=1:bframes=2"
"""What x264 keeps in memory of large frames. With its own settings a 4K video takes 0.4 GB more, for the same size."""
_FEWER_FRAMES = "rc-lookahead=0:sync-lookahead=0:sliced-threads=1:bframes=0"
"""The same of 10 bits, which take twice the memory: 0.33 GB less than with the settings above (4K, 48 frames)."""
_LOG = logging.getLogger(__name__)


class VideoSink(CodedVideoSink):
    """H.264 in .mp4, with the input's sound, times and colour tags."""

    container_format, codec, audio_copied = "mp4", "libx264", COPIED_TO_MP4

    def __init__(
        self,
        path: Path | PartFile,
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
        self._on_gpu = uses_nvenc(encoder)
        super().__init__(path, info, preset, crf)

    def _open(self, frame: Frame) -> None:
        if self._on_gpu and (refused := self._refused_by_nvenc(frame)):
            _LOG.warning("%s: NVENC encodes %s; x264 encodes it", self._file.path.name, refused)
        elif self._on_gpu:
            self.codec = NVENC
            super()._open(frame)
            try:
                self._stream.codec_context.open(strict=False)
                return
            except av.FFmpegError as e:
                _LOG.warning("NVENC refuses this video (%s); x264 encodes it", reason_of(e))
                self._close_container()
        self._on_gpu, self.codec = False, "libx264"
        super()._open(frame)

    def _refused_by_nvenc(self, frame: Frame) -> str | None:
        """What NVENC does not encode, in words; None where it may be tried."""
        if (pixel_format := self._pixel_format(frame)) != "yuv420p":
            return "8 bits and even sizes only, and this is {} of {}x{}".format(pixel_format, *frame.size_wh)
        if self._info and self._info.first_field:
            return "whole pictures only, and these are interlaced"
        return None

    def _options(self, frame: Frame) -> dict[str, str]:
        if self._on_gpu:
            return NVENC_OPTIONS
        parameters = self._info.hdr.parameters("mastering-display", "cll") if self._info and self._info.hdr else []
        if math.prod(frame.size_wh) > LARGE_PX:
            parameters.append(_FEWER_FRAMES if frame.deep else _FEW_FRAMES)
        options = {"preset": self._preset, "crf": str(self._crf)}
        return options | ({"x264-params": ":".join(parameters)} if parameters else {})


def uses_nvenc(encoder: Encoder) -> bool:
    """True if NVENC encodes H.264. Raises SinkError if NVENC is required and cannot run."""
    if encoder == "x264":
        return False
    problem = nvenc_problem()
    if problem and encoder == "nvenc":
        raise SinkError(f"NVENC cannot be used: {problem}; leave out --encoder to encode with x264 on the CPU")
    return not problem


@cache
def nvenc_problem() -> str:
    """Why NVENC cannot be used here; empty if it can.

    A listed encoder may still fail. So the first call encodes a few moving pictures and compares what comes back.
    """
    if not nvidia_gpu():
        return "no NVIDIA GPU is visible here"
    pictures = [_test_picture(index) for index in range(_TEST_FRAMES)]
    try:
        decoded = _decode(_encode(pictures))
    except (av.FFmpegError, ValueError) as e:
        return f"no usable encoder ({reason_of(e)})"
    if len(decoded) != len(pictures):
        return f"of {len(pictures)} pictures {len(decoded)} came back"
    worst = min(_psnr(*pair) for pair in zip(pictures, decoded, strict=True))
    return "" if worst >= _LEAST_PSNR else f"pictures come back damaged (PSNR {worst:.0f} dB)"


def _test_picture(index: int) -> U8:
    """(S * 3 / 2, S) uint8, yuv420p: soft gray stripes that move from picture to picture."""
    x = np.arange(_TEST_SIDE_PX)
    stripes = 128 + 90 * np.sin((x[None] + 2 * x[:, None] + 5 * index) / 20)
    return np.vstack([stripes, np.full((_TEST_SIDE_PX // 2, _TEST_SIDE_PX), 128)]).astype(np.uint8)


def _encode(pictures: list[U8]) -> list[Packet]:
    encoder = av.CodecContext.create(NVENC, "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = _TEST_SIDE_PX, _TEST_SIDE_PX, "yuv420p"
    encoder.time_base = Fraction(1, 30)
    encoder.options = NVENC_OPTIONS
    packets = []
    for index, picture in enumerate(pictures):
        frame = VideoFrame.from_ndarray(picture, "yuv420p")
        frame.pts, frame.time_base = index, encoder.time_base
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)


def _decode(packets: list[Packet]) -> list[U8]:
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    return [np.asarray(frame.to_ndarray(), np.uint8) for packet in [*packets, None] for frame in decoder.decode(packet)]


def _psnr(one: U8, other: U8) -> float:
    """The peak signal-to-noise ratio in dB; 0 for pictures of different shapes."""
    if one.shape != other.shape:
        return 0.0
    return 10 * math.log10(255**2 / max(1e-9, float(np.mean((one.astype(float) - other) ** 2))))
