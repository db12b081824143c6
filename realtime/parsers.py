"""The face parsers of a run: one, unless somebody chooses another model, or a renderer that needs another parser."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.closing import Closing
from engines.engine import Engine
from engines.spec import ModelSpec
from realtime.controls import Controls, Settings
from realtime.frames.types import Frame, ParsedFace
from realtime.options import RunState
from realtime.render.look import Look

if TYPE_CHECKING:
    from realtime.faces.face_parser import FaceParser


@dataclass(frozen=True)
class Parsed:
    """A frame whose faces are parsed, but not steadied yet."""

    frame: Frame
    faces: list[ParsedFace]
    parser: FaceParser
    """What parsed it, and steadies it: it knows the frames before."""
    parser_number: int
    """Counts the parsers of a run, from 0. Each numbers its faces by itself."""
    engine: Engine
    look: Look
    """How it is to be drawn. The parser is one for that look: it hides what must be hidden."""

    @property
    def spec(self) -> ModelSpec:
        """The spec of the model that parsed it."""
        return self.engine.spec


class FaceParsers(Closing):
    """Gives the frames of a run to its face parser, and replaces that parser where the settings need another one.

    A new parser searches its first frame for faces at once, so no frame stays without masks.

    Args:
        new_parser: makes one.
        engine: the first engine; the caller closes it. Those that the controls hold are closed here.
        controls: read before each frame. The frames of a file may wait, so a run of a file keeps its settings.
    """

    def __init__(
        self, new_parser: Callable[[Engine, Settings], FaceParser], engine: Engine, controls: Controls
    ) -> None:
        self._new_parser, self._controls = new_parser, controls
        self._engine, self._own_engine = engine, False
        self._settings = controls.settings
        self._parser, self._number = new_parser(engine, self._settings), 0
        self._late_before = 0

    @property
    def late_frames(self) -> int:
        """Faces in frames that `parse_live` gave before it knew them."""
        return self._late_before + self._parser.late_frames

    def parse_each(self, frames: Iterable[Frame], state: RunState, save_every: int | None) -> Iterator[Parsed]:
        """As `FaceParser.parse_each`, with one parser.

        Args:
            state: where another run had ended.
        """
        if state.parser:
            self._parser.restore(state.parser)
        for frame, faces in self._parser.parse_each(frames, save_every):
            yield self._parsed(frame, faces)

    def parse_live(self, frames: Iterable[Frame]) -> Iterator[Parsed]:
        """As `FaceParser.parse_live`, with the settings of the moment for each frame."""
        frames, more = iter(frames), True
        pending: list[Frame] = []  # one that came after a change: it is for the next parser

        def until_another_parser() -> Iterator[Frame]:
            nonlocal more
            more = False
            if pending:
                yield pending.pop()
            for frame in frames:  # a change may come while a frame is waited for
                if self._is_outdated():
                    pending.append(frame)
                    more = True
                    return
                yield frame

        while True:
            for frame, faces in self._parser.parse_live(until_another_parser()):
                yield self._parsed(frame, faces)
            if not more:
                return
            self._replace()

    def close(self) -> None:
        """Wait for a search that still runs, and close the engines that are not the caller's."""
        self._parser.close()
        self._close_engine()
        if untaken := self._controls.take_engine():
            untaken.close()

    def _parsed(self, frame: Frame, faces: list[ParsedFace]) -> Parsed:
        return Parsed(frame, faces, self._parser, self._number, self._engine, self._settings.look)

    def _is_outdated(self) -> bool:
        """Whether the settings of the moment need another parser. If not, they count from the frame at hand on."""
        before, now = self._settings, self._controls.settings
        if self._controls.has_engine or _kind_of_parser(before) != _kind_of_parser(now):
            return True
        self._settings = now
        return False

    def _replace(self) -> None:
        self._late_before += self._parser.late_frames
        self._parser.close()
        if engine := self._controls.take_engine():
            self._close_engine()
            self._engine, self._own_engine = engine, True
        self._settings = self._controls.settings
        self._parser, self._number = self._new_parser(self._engine, self._settings), self._number + 1

    def _close_engine(self) -> None:
        if self._own_engine:
            self._engine.close()


def _kind_of_parser(settings: Settings) -> tuple[bool, bool]:
    return settings.look.hides_faces, settings.smooth
