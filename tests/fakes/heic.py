"""HEIC files made for tests (ISO/IEC 23008-12): one picture, or the tiles of a larger one."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from realtime.frames.types import U8

_PARAMETER_SETS = (32, 33, 34)  # kinds of HEVC's units: of video, sequence and picture


def write_heic(path: Path, gray: U8, *, turns: int = 0, columns: int = 1, bits: int = 8, transfer: int = 1) -> Path:
    """Write a gray picture as HEIC; returns the path.

    Args:
        gray: (H, W) uint8; each tile is even and at least 64 px wide and high.
        turns: quarter turns anticlockwise that a viewer makes.
        columns: tiles side by side, of the same width. With several, the picture is a grid.
        transfer: of ISO/IEC 23091-2; 16 is PQ.
    """
    coded = [_hevc(tile, bits) for tile in np.split(gray, columns, axis=1)]
    height, width = gray.shape
    tile_size = _size_box(width // columns, height)
    colours = _box("colr", b"nclx" + struct.pack(">HHHB", 1, transfer, 1, 0x80))
    properties = [_box("hvcC", coded[0][0]), tile_size, _size_box(width, height), _box("irot", bytes([turns])), colours]
    tiles = range(1, columns + 1)
    main = columns + 1 if columns > 1 else 1
    items = [_item(number, b"hvc1", hidden=columns > 1) for number in tiles]
    of_items = [(number, (1, 2) if columns > 1 else (1, 2, 4, 5)) for number in tiles]
    data = [packet for _, packet in coded]
    references = b""
    if columns > 1:
        items.append(_item(main, b"grid"))
        of_items.append((main, (3, 4, 5)))
        data.append(struct.pack(">BBBBHH", 0, 0, 0, columns - 1, width, height))
        references = _full("iref", _box("dimg", struct.pack(f">HH{columns}H", main, columns, *tiles)))
    association = struct.pack(">I", len(of_items)) + b"".join(
        struct.pack(">HB", number, len(which)) + bytes(which) for number, which in of_items
    )
    start = _box("ftyp", b"heic" + bytes(4) + b"mif1heic")
    meta = b""
    for _ in range(2):  # the second time the length of what comes before the data is known
        at = len(start) + len(meta) + 8
        places = b""
        for number, content in enumerate(data, 1):
            places += struct.pack(">HHHII", number, 0, 1, at, len(content))
            at += len(content)
        meta = _full(
            "meta",
            _full("hdlr", bytes(4) + b"pict" + bytes(13)),
            _full("pitm", struct.pack(">H", main)),
            _full("iinf", struct.pack(">H", len(items)), *items),
            references,
            _box("iprp", _box("ipco", *properties), _full("ipma", association)),
            _full("iloc", struct.pack(">BBH", 0x44, 0, len(data)), places),
        )
    path.write_bytes(start + meta + _box("mdat", *data))
    return path


def _hevc(gray: U8, bits: int) -> tuple[bytes, bytes]:
    """The configuration of the decoder, and the coded picture, as HEIC holds them."""
    pixel_format = "yuv420p" if bits == 8 else f"yuv420p{bits}le"
    encoder = av.CodecContext.create("libx265", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.height, encoder.width = gray.shape
    encoder.pix_fmt, encoder.time_base = pixel_format, Fraction(1, 25)
    encoder.options = {"crf": "4", "x265-params": "log-level=none:info=0"}
    picture = av.VideoFrame.from_ndarray(gray, "gray").reformat(format=pixel_format, dst_color_range="JPEG")
    picture.pts, picture.time_base = 0, Fraction(1, 25)
    stream = b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
    units = [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1")[1:]]
    sets = [unit for unit in units if _kind(unit) in _PARAMETER_SETS]
    slices = [unit for unit in units if _kind(unit) < min(_PARAMETER_SETS)]
    start = bytes([1, 1, 0x60, 0, 0, 0]) + bytes(6) + bytes([93, 0xF0, 0, 0xFC, 0xFD])
    depth = bytes([0xF8 | (bits - 8)]) * 2
    arrays = b"".join(bytes([0x80 | _kind(unit), 0, 1]) + struct.pack(">H", len(unit)) + unit for unit in sets)
    configuration = start + depth + bytes([0, 0, 0x0F, len(sets)]) + arrays
    return configuration, b"".join(struct.pack(">I", len(unit)) + unit for unit in slices)


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 63


def _box(kind: str, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I", len(content) + 8) + kind.encode() + content


def _full(kind: str, *contents: bytes) -> bytes:
    """A box with a version and flags, which are 0."""
    return _box(kind, bytes(4), *contents)


def _size_box(width: int, height: int) -> bytes:
    return _full("ispe", struct.pack(">II", width, height))


def _item(number: int, kind: bytes, *, hidden: bool = False) -> bytes:
    return _box("infe", bytes([2, 0, 0, hidden]) + struct.pack(">HH", number, 0) + kind + b"\0")
