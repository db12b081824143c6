"""The codecs and encoders of videos for viewing, and their settings, by name."""

from __future__ import annotations

from typing import Literal, get_args

VideoCodec = Literal["h264", "hevc", "av1", "prores", "ffv1"]
"""How a video for viewing is encoded. h264, hevc: for every player; av1: small; prores: for editors; ffv1: no loss."""
VIDEO_CODECS: tuple[VideoCodec, ...] = get_args(VideoCodec)
SUFFIX_OF: dict[VideoCodec, str] = {"h264": ".mp4", "hevc": ".mp4", "av1": ".mp4", "prores": ".mov", "ffv1": ".mkv"}
"""The suffix of such a video."""
PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
)  # fmt: skip
"""The presets of x264, from the fastest (and largest files) to the slowest."""
PRESET, CRF = "veryfast", 18
"""The default preset and quality (CRF) of x264. A lower CRF is better; 18 is visually lossless."""
Encoder = Literal["auto", "x264", "nvenc"]
"""The H.264 encoder: x264 on the CPU or NVENC on an NVIDIA GPU. auto: NVENC where it works, else x264."""
ENCODERS: tuple[Encoder, ...] = get_args(Encoder)
