"""What FFmpeg reports about a file only in its log: damage after which it goes on as if nothing were missing.

PyAV's log is one for the process. Its callback takes the GIL, also in the threads of a decoder. So no decoder may be
closed before its threads are at rest (`rest`): PyAV would wait for them and hold the GIL that they wait for.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import av
import av.logging
from av.codec.context import CodecContext

_Item = TypeVar("_Item")
_Message = tuple[int, str, str]  # level, name of the demuxer or codec, text

_FROM_OPENING = frozenset({"matroska,webm"})
"""Formats whose errors count from the start. Those of others may be about odd headers until packets are read."""
_COUNTED = "mov"
"""Formats with an index that says how many frames there are. Their demuxers also report edit lists as errors."""
_CUT = re.compile("Truncating packet|ended prematurely")
_LOST_PIXELS = re.compile(
    "error while decoding|damaged|corrupt|error count|error y=|overread|Invalid NAL unit size|Error splitting|"
    "Error at MB|invalid mb|out of range|Truncated|ac-tex|slice mismatch|end mismatch|decoding error|CRC mismatch",
    re.IGNORECASE,
)
"""What decoders report of a picture whose pixels are lost."""
_LOST_REFERENCE = re.compile("Missing reference picture|co located POCs unavailable|Could not find ref with POC")
"""What they report of a picture that needs one which is not there. After the start of a recording that is normal."""


@dataclass
class Reports:
    """Messages of one kind: the first one, and how many there were."""

    first: str = ""
    count: int = 0

    def add(self, text: str) -> None:
        """Count a message."""
        self.first = self.first or text
        self.count += 1

    def __str__(self) -> str:
        more = f", and {self.count - 1} more" if self.count > 1 else ""
        return f"FFmpeg: {self.first}{more}"


class FfmpegLog:
    """FFmpeg's errors about one file, as far as something of it is lost.

    PyAV logs while one is open, and is as before once it is closed. What a reader's own thread causes is known by
    `listening`. What the threads of decoders report counts for each open file with such a codec.
    """

    def __init__(self, *, is_heard: bool = True) -> None:
        """Args:
        is_heard: False for a stream, of which packets may be lost on the way: nothing is listened to.
        """
        self.format_name = self.codec_name = ""
        """FFmpeg's names for the demuxer and the decoder, once they are known."""
        self.counts_pictures = False
        """Whether errors of the decoder count: before a first key frame they are normal."""
        self.counts_references = False
        """Whether missing pictures count, to which others refer."""
        self.cut, self.damage = Reports(), Reports()
        """Messages that say that the file ends early; and those about lost packets and pixels."""
        if is_heard:
            _SHARED.add(self)

    def close(self) -> None:
        """Stop listening."""
        _SHARED.remove(self)

    @contextmanager
    def listening(self, *, opening: bool = False) -> Iterator[None]:
        """Call FFmpeg in here: what it reports in this thread is about this file.

        Args:
            opening: the file is being opened, so that its format is not known yet.
        """
        capture = av.logging.Capture()
        try:
            with capture:
                yield
        finally:
            for _, name, text in capture.logs:
                self._add(name, text.strip(), opening=opening)
            _SHARED.deliver()

    def heard(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """The items, while FFmpeg is listened to."""
        iterator = iter(items)
        while True:
            with self.listening():
                item = next(iterator, None)
            if item is None:
                return
            yield item

    def hear(self, message: _Message) -> None:
        """Take a message of a decoder's thread."""
        _, name, text = message
        if name == self.codec_name:
            self._add(name, text.strip())

    def _add(self, name: str, text: str, *, opening: bool = False) -> None:
        if _CUT.search(text):
            self.cut.add(text)
        elif name == self.codec_name:
            is_lost = self.counts_pictures and _LOST_PIXELS.search(text)
            if is_lost or (self.counts_references and _LOST_REFERENCE.search(text)):
                self.damage.add(text)
        elif name in _FROM_OPENING or (name == self.format_name and not opening and not name.startswith(_COUNTED)):
            self.damage.add(text)


class _Shared:
    """Switches PyAV's log on while files are read, and delivers what threads of decoders report."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[FfmpegLog] = []
        self._capture = av.logging.Capture(local=False)
        self._before: tuple[int | None, bool] = (None, True)

    def add(self, log: FfmpegLog) -> None:
        with self._lock:
            if not self._open:
                self._before = av.logging.get_level(), av.logging.get_skip_repeated()
                av.logging.set_level(max(self._before[0] or 0, av.logging.ERROR))
                av.logging.set_skip_repeated(
                    False
                )  # it would hide the error of a second file that is cut like the first
                self._capture.__enter__()
            self._open.append(log)

    def remove(self, log: FfmpegLog) -> None:
        with self._lock:
            if log not in self._open:
                return
            self._open.remove(log)
            if not self._open:
                self._capture.__exit__(None, None, None)
                self._capture.logs.clear()
                av.logging.set_level(self._before[0])
                av.logging.set_skip_repeated(self._before[1])

    def deliver(self) -> None:
        with self._lock:
            messages = self._capture.logs[:]
            del self._capture.logs[: len(messages)]
            for message in messages:
                for log in self._open:
                    log.hear(message)


_SHARED = _Shared()


def rest(decoder: CodecContext) -> None:
    """Wait until the threads of a decoder are at rest, without the GIL. Call it before its container is closed."""
    if decoder.is_open:
        decoder.flush_buffers()
