"""NVENC: whether the graphics card encodes H.264 here. Listed is not the same as usable: it has to show it once."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import av
import numpy as np
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from engines.machine import nvidia_gpu
from realtime.frames.types import U8

CODEC = "h264_nvenc"
OPTIONS = {"preset": "p4", "tune": "hq", "rc": "vbr", "cq": "19", "b": "0"}
"""A constant quality that is to look like the input."""
_FRAMES, _SIDE_PX = 12, 256  # more frames than are encoded out of order; cards refuse sides of less than 145
_LEAST_PSNR = 34.0  # dB, of a picture that is easy to encode


@cache
def problem() -> str:
    """Why a few moving pictures do not come back from the card as they went there; empty where they do. Asked once."""
    if not nvidia_gpu():
        return "no NVIDIA GPU is visible here"
    pictures = [_picture(index) for index in range(_FRAMES)]
    try:
        seen = _decoded(_encoded(pictures))
    except (av.FFmpegError, ValueError) as e:
        return f"no usable encoder ({getattr(e, 'strerror', None) or e})"
    if len(seen) != len(pictures):
        return f"of {len(pictures)} pictures {len(seen)} came back"
    worst = min(_psnr(*pair) for pair in zip(pictures, seen, strict=True))
    return "" if worst >= _LEAST_PSNR else f"pictures come back spoilt (PSNR {worst:.0f} dB)"


def _picture(index: int) -> U8:
    """(S * 3 / 2, S) uint8, yuv420p: soft stripes that wander, in grey."""
    x = np.arange(_SIDE_PX)
    stripes = 128 + 90 * np.sin((x[None] + 2 * x[:, None] + 5 * index) / 20)
    return np.vstack([stripes, np.full((_SIDE_PX // 2, _SIDE_PX), 128)]).astype(np.uint8)


def _encoded(pictures: list[U8]) -> list[Packet]:
    encoder = av.CodecContext.create(CODEC, "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = _SIDE_PX, _SIDE_PX, "yuv420p"
    encoder.time_base = Fraction(1, 30)
    encoder.options = OPTIONS
    packets = []
    for index, picture in enumerate(pictures):
        frame = VideoFrame.from_ndarray(picture, "yuv420p")
        frame.pts, frame.time_base = index, encoder.time_base
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)


def _decoded(packets: list[Packet]) -> list[U8]:
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    return [np.asarray(frame.to_ndarray(), np.uint8) for packet in [*packets, None] for frame in decoder.decode(packet)]


def _psnr(one: U8, other: U8) -> float:
    """In dB; of pictures of different shapes 0."""
    if one.shape != other.shape:
        return 0.0
    return 10 * math.log10(255**2 / max(1e-9, float(np.mean((one.astype(float) - other) ** 2))))
