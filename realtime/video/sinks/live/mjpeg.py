"""Shows a live run to browsers, OBS and other programs on this machine, as JPEG pictures over HTTP."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

from engines.errors import SinkError
from realtime.frames.types import Frame
from realtime.video.sinks.base import Sink
from realtime.video.sinks.live.viewing import Colours, bgr_to_show, grays

_HOST = "127.0.0.1"
_QUALITY = 85  # no block is seen at a normal distance; 720p takes 60-120 KB
_MOST_VIEWERS = 16
_SEND_SECONDS = 10.0  # a reader that takes nothing for so long is gone
_BOUNDARY = "frame"


class MjpegSink(Sink):
    """Serves the frames at http://127.0.0.1:PORT/. Each reader gets the latest one: a slow one gets fewer.

    Only this machine can connect. Nothing is encoded, and nothing need be parsed, while nobody reads.

    Args:
        port: 0: any free one.
        colours: for class ids.
    """

    def __init__(self, port: int, colours: Colours = grays) -> None:
        self._colours = colours
        self._latest = _Latest()
        try:
            self._server = _Server((_HOST, port), self._latest)
        except OSError as e:
            raise SinkError(f"--mjpeg {port}: the port cannot be used ({e.strerror}); give another one") from e
        self._slot: Frame | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._server.serve_forever, name="mjpeg server", daemon=True),
            threading.Thread(target=self._encode, name="mjpeg encoder", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def url(self) -> str:
        """Where the pictures are."""
        return f"http://{_HOST}:{self._server.server_port}/"

    @property
    def is_watched(self) -> bool:  # type: ignore[override]
        """Whether anybody reads."""
        return self._latest.viewers > 0

    def write(self, frame: Frame) -> None:
        with self._changed:
            self._slot = frame
            self._changed.notify_all()

    def close(self) -> None:
        if self._closed:
            return
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._latest.end()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()

    def abort(self) -> None:
        self.close()

    def _encode(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._slot is not None or self._closed)
                frame, self._slot = self._slot, None
                if self._closed or frame is None:
                    return
            if self.is_watched:
                bgr = bgr_to_show(frame, self._colours)
                _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
                self._latest.put(jpeg.tobytes())


class _Latest:
    """The latest picture, and how many wait for the next one."""

    def __init__(self) -> None:
        self.viewers = 0
        self._number, self._jpeg = 0, b""
        self._ended = False
        self._changed = threading.Condition()

    def put(self, jpeg: bytes) -> None:
        with self._changed:
            self._number, self._jpeg = self._number + 1, jpeg
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def after(self, number: int) -> tuple[int, bytes | None]:
        """The first picture after one of a number; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > number or self._ended)
            return self._number, None if self._ended else self._jpeg

    def enter(self) -> int | None:
        """One viewer more. Returns the number of the latest picture, which is too old; None where all places are
        taken."""
        with self._changed:
            if self.viewers >= _MOST_VIEWERS:
                return None
            self.viewers += 1
            return self._number

    def leave(self) -> None:
        with self._changed:
            self.viewers -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], latest: _Latest) -> None:
        self.latest = latest
        super().__init__(address, _Reader)

    def handle_error(self, request: object, client_address: object) -> None:
        """A reader that goes away is no error."""


class _Reader(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SEND_SECONDS

    def do_GET(self) -> None:
        """Answer with pictures until the reader or the run ends."""
        if not self._is_local():
            self.send_error(403, "Only http://127.0.0.1 and http://localhost are served")
            return
        if self.path not in ("/", "/video.mjpg"):
            self.send_error(404)
            return
        number = self.server.latest.enter()
        if number is None:
            self.send_error(503, f"{_MOST_VIEWERS} viewers are already connected")
            return
        try:
            with contextlib.suppress(OSError):
                self._send_pictures(number)
        finally:
            self.server.latest.leave()

    def log_message(self, format: str, *values: object) -> None:
        """Say nothing: messages of the run are for people."""

    def _is_local(self) -> bool:
        """Whether the request came by a name of this machine: a page of a stranger could use a name of its own."""
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        return host in ("127.0.0.1", "localhost")

    def _send_pictures(self, number: int) -> None:
        # A long queue in the system would only delay what a slow reader sees.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()
        while True:
            number, jpeg = self.server.latest.after(number)
            if jpeg is None:
                return
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
