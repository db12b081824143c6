"""Servers of network streams on 127.0.0.1: each answers a connection with a function, and ends with its test."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from engines.errors import SourceError
from realtime.video.sources.open import open_source
from tests.fakes.video import Clip

Answer = Callable[[socket.socket], None]
"""What a server does with a connection; the connection is closed after it."""
_TS_PACKET = 188
_CHUNKS = 30


class Servers:
    """Starts servers; `close` ends them all."""

    def __init__(self) -> None:
        self._listening: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.ended = threading.Event()
        """Set at the end of the test: what an answer waits for where it is to be silent."""

    def start(self, answer: Answer) -> str:
        """Start one. Returns "127.0.0.1:port"."""
        listening = socket.create_server(("127.0.0.1", 0))
        self._listening.append(listening)
        self._run(self._serve, listening, answer)
        return f"127.0.0.1:{listening.getsockname()[1]}"

    def close(self) -> None:
        """Close all connections and join all threads."""
        self.ended.set()
        for listening in self._listening:
            # Without the first, a thread that waits in `accept` would never know.
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()
        for thread in self._threads:
            thread.join(10)

    def _serve(self, listening: socket.socket, answer: Answer) -> None:
        with contextlib.suppress(OSError):
            while not self.ended.is_set():
                self._run(self._answer, listening.accept()[0], answer)

    def _answer(self, connection: socket.socket, answer: Answer) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            answer(connection)

    def _run(self, function: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


def clip_bytes(path: Path, frames: int = 60, audio: str | None = None, options: dict[str, str] | None = None) -> bytes:
    """A clip of 30 fps with a key frame every half second."""
    key_frames = {"g": "15", "bf": "2"}
    clip = Clip(frames, time_base=Fraction(1, 30), options=key_frames, audio=audio, container_options=options or {})
    return clip.write(path).read_bytes()


def send(connection: socket.socket, content: bytes, seconds: float = 0.3) -> None:
    """Send in small pieces, as a live source does."""
    for piece in pieces(content):
        connection.sendall(piece)
        time.sleep(seconds / _CHUNKS)


def silent_after(servers: Servers, content: bytes) -> Answer:
    """Send this, and then keep the connection open."""

    def answer(connection: socket.socket) -> None:
        send(connection, content)
        servers.ended.wait(30)

    return answer


def pieces(content: bytes) -> Iterator[bytes]:
    """About 30 of them, each a number of whole packets of MPEG-TS."""
    size = max(1, len(content) // _CHUNKS // _TS_PACKET) * _TS_PACKET
    yield from (content[start : start + size] for start in range(0, len(content), size))


def reset(connection: socket.socket) -> None:
    """End a connection as a process does that was killed with data unread."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_request(connection: socket.socket) -> str:
    """The head of an HTTP or RTSP request. Raises ConnectionError where there is none."""
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(4096)
        if not received:
            raise ConnectionError("the client has closed the connection")
        head += received
    return head.decode()


def http(headers: str, body: Answer) -> Answer:
    """The answer of an HTTP server: these headers, and what `body` sends."""

    def answer(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(f"HTTP/1.1 200 OK\r\n{headers}\r\nConnection: close\r\n\r\n".encode())
        body(connection)

    return answer


def chunked(content: Iterator[bytes], terminated: bool = True) -> Answer:
    """A body of "Transfer-Encoding: chunked"; its last chunk, which ends it, may be missing."""

    def body(connection: socket.socket) -> None:
        for piece in content:
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(0.01)
        if terminated:
            connection.sendall(b"0\r\n\r\n")

    return body


def rtsp(content: bytes, seconds: float | None = None) -> Answer:
    """The answer of an RTSP server that sends MPEG-TS over the same connection, as one that is asked for TCP does.

    Args:
        seconds: the duration that it states; None: none, as a camera.
    """
    described = f"a=range:npt=0-{seconds}\r\n" if seconds else ""
    description = f"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\n{described}t=0 0\r\nm=video 0 RTP/AVP 33\r\n"
    headers = {
        "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY\r\n",
        "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(description)}\r\n",
        "SETUP": "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
        "PLAY": "Session: 1\r\n",
    }

    def answer(connection: socket.socket) -> None:
        method = ""
        while method != "PLAY":
            request = read_request(connection)
            method = request.split()[0]
            number = next(line for line in request.splitlines() if line.lower().startswith("cseq"))
            body = description if method == "DESCRIBE" else ""
            connection.sendall(f"RTSP/1.0 200 OK\r\n{number}\r\n{headers[method]}\r\n{body}".encode())
        for count, piece in enumerate(pieces(content)):
            header = struct.pack(">BBHII", 0x80, 33, count, count * 9000, 1)
            connection.sendall(struct.pack(">BBH", ord("$"), 0, len(header) + len(piece)) + header + piece)
            time.sleep(0.01)

    return answer


class Playlist:
    """An HTTP live stream (HLS): segments of a second each, and a playlist that changes from request to request."""

    def __init__(self, servers: Servers, folder: Path, *states: int | str) -> None:
        """Args:
        states: what the playlist is at each request, the last one for ever: "dead" where the server no longer answers,
            else how many segments it lists, as a text where it is complete.
        """
        self._states, self._folder = list(states), folder
        for index in range(4):
            pts = range(30 * index, 30 * index + 30)
            Clip(30, pts=pts, time_base=Fraction(1, 30), options={"g": "15"}).write(folder / f"{index}.ts")
        self.url = f"http://{servers.start(self._answer)}/list.m3u8"

    def _answer(self, connection: socket.socket) -> None:
        name = read_request(connection).split()[1].strip("/")
        path = self._folder / name
        text = self._text() if name.endswith(".m3u8") else ""
        if self._states == ["dead"]:
            return
        if not name.endswith(".m3u8") and not path.is_file():
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        content = path.read_bytes() if path.is_file() else text.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + content)

    def _text(self) -> str:
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        listed = 0 if state == "dead" else int(state)
        segments = "".join(f"#EXTINF:1.0,\n{index}.ts\n" for index in range(listed))
        end = "#EXT-X-ENDLIST\n" if isinstance(state, str) else ""
        return f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n{segments}{end}"


def read(url: str, *, live: bool = False) -> tuple[int, str | None]:
    """How many frames a source gives, and what it raises at their end."""
    count = 0
    with open_source(url, live=live) as source:
        try:
            for _ in source:
                count += 1
        except SourceError as e:
            return count, str(e)
    return count, None


def says(count: int, error: str | None, reason: str) -> bool:
    """Whether the error names the frames and the reason; some of two seconds of frames must have come."""
    assert count > 10
    assert error is not None, "it ended without a word"
    return f"the stream broke off after {count} frames" in error and f"({reason})" in error
