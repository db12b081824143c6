"""Finds the JPEG pictures in a stream of bytes, whatever lies between them.

FFmpeg's reader of multipart streams ends at the first byte that it does not expect. So part headers are not read at
all: a JPEG picture states its own beginning and end (ITU-T T.81, annex B).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_START = b"\xff\xd8\xff"
_END, _SCAN = 0xD9, 0xDA
_NEVER_INSIDE = frozenset({*range(0xC0), 0xD8, 0xFF})  # no segment; or a second start, so the first was cut off
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # the others are a part of the scan's own data
_MOST_BYTES = 64 << 20  # of one picture: what goes on longer is none


class JpegSplitter:
    """Cuts a stream of bytes into pictures. Give it the bytes as they come."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._at = 0  # where the next marker of the picture at the start of the bytes is looked for
        self._in_scan = False
        self.cut_off = 0
        """Pictures that began and did not end."""

    def feed(self, received: bytes) -> Iterator[bytes]:
        """The pictures that end in the bytes that were received."""
        self._bytes += received
        while self._find_start():
            end = self._find_end()
            if end is None:
                return
            if end:
                yield bytes(self._bytes[:end])
                self._drop(end)

    def _find_start(self) -> bool:
        """Brings a picture to the start of the bytes. False where there is none yet."""
        if self._at or self._bytes.startswith(_START):
            self._at = self._at or 2
            return True
        start = self._bytes.find(_START)
        left = start if start >= 0 else max(0, len(self._bytes) - len(_START) + 1)
        self._drop(left)
        self._at = 2 if start >= 0 else 0
        return start >= 0

    def _find_end(self) -> int | None:
        """Where the picture at the start ends; None: not yet; 0: it was none, and its start was dropped."""
        data = self._bytes
        while True:
            if self._in_scan:
                marker_at = _MARKER_IN_SCAN.search(data, self._at)
                if marker_at is None:
                    self._at = max(self._at, len(data) - 1)
                    return self._unfinished()
                self._at, self._in_scan = marker_at.start(), False
            if len(data) < self._at + 2:
                return self._unfinished()
            fill, marker = data[self._at], data[self._at + 1]
            if marker == _END and fill == 0xFF:
                return self._at + 2
            if fill != 0xFF or marker in _NEVER_INSIDE:
                return self._give_up()
            if len(data) < self._at + 4:
                return self._unfinished()
            self._at += 2 + int.from_bytes(data[self._at + 2 : self._at + 4], "big")
            self._in_scan = marker == _SCAN

    def _unfinished(self) -> int | None:
        return self._give_up() if len(self._bytes) > _MOST_BYTES else None

    def _give_up(self) -> int:
        """What began is no whole picture: look for the next start, which may begin with the last byte of its own."""
        self.cut_off += 1
        self._drop(len(_START) - 1)
        return 0

    def _drop(self, count: int) -> None:
        del self._bytes[:count]
        self._at, self._in_scan = 0, False
