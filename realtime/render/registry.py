"""The registry of renderers: what can be drawn, and how its outputs are named and written.

A renderer is one file in `realtime/render/renderers/` with one decorated function, and is found there by itself:

    @renderer("cutout", "Only the visible face; the rest is black.")
    def cutout(scene: Scene) -> Frame:
        ...

`unveil --help` reads these files. So they import heavy packages (NumPy, OpenCV) inside the function.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from engines.errors import UsageError

if TYPE_CHECKING:
    from realtime.frames.types import Frame
    from realtime.render.draw import Scene
    from realtime.video.sinks.open import Codec

DEFAULT = "overlay"
_PACKAGE = "realtime.render.renderers"
_registered: dict[str, Renderer] = {}


@dataclass(frozen=True)
class Renderer:
    """One way to draw parsed faces, and how its outputs are named and written."""

    name: str
    """As in `--render NAME`."""
    help: str
    """What it draws, in one line for people."""
    draw: Callable[[Scene], Frame]
    """Returns the frame as it is shown or written, with the same size and time. The frame of the scene stays
    unmodified."""
    codec: Codec = "h264"
    """Which sink writes its videos (`realtime.video.sinks.open`)."""
    video_suffix: str = ".mp4"
    image_suffix: str | None = None
    """None: the suffix of the input."""
    hides_faces: bool = False
    """True if no face may stay visible, not even briefly: faces are searched for in every frame."""
    keeps_occluders: bool = False
    """True if it can spare what lies on a face (`Look.keep_occluders`)."""
    takes_label: bool = False
    """True if it draws one label, which can be chosen (`Look.label`)."""

    @property
    def for_viewing(self) -> bool:
        """Whether its frames are pictures for people, and not data for programs. They may have another background."""
        return self.codec == "h264"


def renderer(
    name: str,
    help: str,
    *,
    codec: Codec = "h264",
    video_suffix: str = ".mp4",
    image_suffix: str | None = None,
    hides_faces: bool = False,
    keeps_occluders: bool = False,
    takes_label: bool = False,
) -> Callable[[Callable[[Scene], Frame]], Callable[[Scene], Frame]]:
    """Register the decorated function as a renderer. See the fields of `Renderer`."""

    def register(draw: Callable[[Scene], Frame]) -> Callable[[Scene], Frame]:
        _registered[name] = Renderer(
            name, help, draw, codec, video_suffix, image_suffix, hides_faces, keeps_occluders, takes_label
        )
        return draw

    return register


@contextmanager
def registered(one: Renderer) -> Iterator[None]:
    """Know a renderer for as long as the context is open, for what evaluates the loop through a renderer of its own."""
    _registered[one.name] = one
    try:
        yield
    finally:
        del _registered[one.name]


def renderers() -> dict[str, Renderer]:
    """All renderers by name, the default first."""
    _import_all()
    return {name: _registered[name] for name in sorted(_registered, key=lambda name: (name != DEFAULT, name))}


def find_renderer(name: str) -> Renderer:
    """The renderer of a name. Raises UsageError if there is none."""
    _import_all()
    if name not in _registered:
        near = difflib.get_close_matches(name, _registered, 1)
        advice = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"render {name!r} is unknown; {advice}expected one of {', '.join(renderers())}")
    return _registered[name]


@cache
def _import_all() -> None:
    package = importlib.import_module(_PACKAGE)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{_PACKAGE}.{module.name}")
