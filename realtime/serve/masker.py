"""Masks one viewer's frames, from the first to the last."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Executor
from fractions import Fraction

from engines.closing import Closing
from engines.engine import Engine
from realtime.controls import Settings
from realtime.faces.detect import DetectsFaces
from realtime.faces.face_parser import FaceParser
from realtime.faces.finding.detectors import open_detector
from realtime.faces.smooth import new_smoothing
from realtime.frames.types import Frame
from realtime.render.draw import render
from realtime.render.palette import palette
from realtime.serve.pictures import jpeg_of, rgb_of

_TIME_BASE = Fraction(1, 90_000)


class Masker(Closing):
    """Masks frame after frame. Faces are followed for as long as the frames are of one kind.

    Args:
        search_thread: looks for new faces meanwhile. Its owner shuts it down.
        detector: finds faces; None: the usual one.
    """

    def __init__(self, search_thread: Executor, detector: DetectsFaces | None = None) -> None:
        self._search_thread, self._detector = search_thread, detector
        self._parser: FaceParser | None = None
        self._follows: object = None
        self._index = 0
        self._one_at_a_time = threading.Lock()

    def prepare(self) -> DetectsFaces:
        """Load the detector, so that the first picture does not wait for it."""
        self._detector = self._detector or open_detector()
        return self._detector

    def mask(self, picture: bytes | Frame, engine: Engine, settings: Settings) -> bytes:
        """The next picture, masked, as JPEG.

        Args:
            picture: a JPEG of the viewer's camera, or a frame of the server's source.

        Raises:
            SourceError: it is no JPEG picture, or too large.
        """
        frame = picture if isinstance(picture, Frame) else self._frame(picture)
        with self._one_at_a_time:
            faces = self._parser_for(frame, isinstance(picture, Frame), engine, settings).step(frame)
        return jpeg_of(render(frame, faces, settings.look, engine.spec), palette(engine.spec.labels))

    def close(self) -> None:
        """Forget the faces. A viewer may leave while a picture is being masked: that is waited for."""
        with self._one_at_a_time:
            self._forget()

    def _forget(self) -> None:
        if self._parser is not None:
            self._parser.close()
            self._parser = None

    def _frame(self, jpeg: bytes) -> Frame:
        now = time.perf_counter()
        self._index += 1
        return Frame((rgb_of(jpeg),), "rgb", self._index, round(now / _TIME_BASE), _TIME_BASE, now)

    def _parser_for(self, frame: Frame, of_server: bool, engine: Engine, settings: Settings) -> FaceParser:
        hides_faces = settings.look.hides_faces
        follows = (engine.name, frame.size_wh, of_server, settings.smooth, hides_faces)
        if self._parser is None or self._follows != follows:
            self._forget()
            self._parser = FaceParser(
                engine,
                self.prepare(),
                smoothing=new_smoothing() if settings.smooth else None,
                hides_faces=hides_faces,
                search_thread=self._search_thread,
            )
            self._follows = follows
        return self._parser
