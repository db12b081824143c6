"""States the shape of the pixels in a Matroska file, which PyAV cannot tell FFmpeg's muxer."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from engines.errors import SinkError

_UNIT_UNKNOWN = bytes.fromhex("54b28104")  # what the muxer writes where it knows no shape: DisplayUnit 4
_COLOUR, _COLOUR_BYTES = bytes.fromhex("55b090"), 19  # a Colour of 16 bytes: range, primaries, transfer, matrix
_FULL_RANGE = bytes.fromhex("55b08455b98102")  # Colour, with nothing in it but Range 2
_WIDTH, _HEIGHT = bytes.fromhex("54b084"), bytes.fromhex("54ba84")  # DisplayWidth, DisplayHeight, four bytes each
_EMPTY = bytes.fromhex("ec80")  # Void
_HEADER_BYTES = 4096

OPTIONS = {"write_crc": "0"}
"""Options of the muxer for a file whose header is changed afterwards."""
PLACE_HOLDER = 1
"""Primaries, transfer and matrix that such a file must state, so that there is room. They are overwritten."""


def state_pixel_aspect(path: Path, size_wh: tuple[int, int], aspect: Fraction) -> None:
    """Change the header of a complete file of one full-range video.

    Args:
        path: written with `OPTIONS` and the tags `PLACE_HOLDER`.
        aspect: width of a pixel over its height.
    """
    width, height = size_wh
    shown = _WIDTH + round(width * aspect).to_bytes(4, "big") + _HEIGHT + height.to_bytes(4, "big")
    with path.open("r+b") as file:
        header = file.read(_HEADER_BYTES)
        at = header.find(_UNIT_UNKNOWN + _COLOUR)
        if at < 0:
            raise SinkError(f"{path}: the shape of its pixels cannot be stated, because its header has another form")
        stated = shown + _FULL_RANGE + _EMPTY
        assert len(stated) == len(_UNIT_UNKNOWN) + _COLOUR_BYTES
        file.seek(at)
        file.write(stated)
