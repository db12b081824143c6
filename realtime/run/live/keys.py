"""What the keys of the window change, and what is written in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from realtime.controls import Controls
from realtime.faces.composed import face_models
from realtime.render.background import background_of
from realtime.render.registry import renderers

T = TypeVar("T")
_OPACITY_STEP = 0.1
_BACKGROUNDS = ("blur", "white", "black", "#00b140")  # the last is the green that chroma keys take


@dataclass(frozen=True)
class Key:
    """One key."""

    name: str
    help: str
    act: Callable[[], object]


class Keys:
    """Changes the settings of a run by keys, and writes what the window shows over the picture.

    Args:
        controls: of the run.
        want_model: loads another model.
        model, background: those that the run began with; None: the picture's own background.
    """

    def __init__(
        self, controls: Controls, want_model: Callable[[str], None], model: str, background: str | None = None
    ) -> None:
        self._controls, self._want_model = controls, want_model
        self._models = list(dict.fromkeys([model, *face_models()]))
        self._renders = list(renderers())
        self._backgrounds = list(dict.fromkeys([None, *([background] if background else []), *_BACKGROUNDS]))
        self._background = background
        self._keys = {key.name: key for key in self._all_keys()}
        self._shows_numbers, self._shows_help = True, False

    def press(self, name: str) -> None:
        """Do what a key is for. Other keys do nothing."""
        if key := self._keys.get(name.lower()):
            key.act()

    def lines(self) -> Sequence[str]:
        """What the window shows: how the run is doing, the settings, and the keys if they were asked for."""
        help_lines = [f"{key.name}  {key.help}" for key in self._keys.values()] if self._shows_help else []
        return [*(self._numbers() if self._shows_numbers else []), *help_lines]

    def _all_keys(self) -> list[Key]:
        return [
            Key("m", "next model", self._next_model),
            Key("r", "next renderer", self._next_render),
            Key("b", "next background", self._next_background),
            Key("o", "keep or remove what lies on a face", self._switch_occluders),
            Key("s", "smoothing on or off", self._switch_smoothing),
            Key("+", "colours stronger", lambda: self._change_opacity(_OPACITY_STEP)),
            Key("-", "colours weaker", lambda: self._change_opacity(-_OPACITY_STEP)),
            Key("i", "these numbers on or off", self._switch_numbers),
            Key("h", "this list on or off", self._switch_help),
            Key("q", "quit (or Esc)", lambda: None),
        ]

    def _numbers(self) -> list[str]:
        vitals, settings = self._controls.vitals, self._controls.settings
        look, smoothing = settings.look, "on" if settings.smooth else "off"
        back = f"  reconnects {vitals.reconnects}" if vitals.reconnects else ""
        background = f"  background {self._background}" if look.background else ""
        kept = "  occluders kept" if look.keep_occluders else ""
        return [
            f"{vitals.fps:.1f} fps (source {vitals.source_fps:.1f})  latency {vitals.latency_ms:.0f} ms  "
            f"dropped {vitals.dropped}{back}",
            vitals.engine,
            f"{settings.model}  {look.render}{background}{kept}  smoothing {smoothing}  h: keys",
        ]

    def _next_model(self) -> None:
        self._want_model(_next(self._models, self._controls.settings.model))

    def _next_render(self) -> None:
        self._controls.change_look(render=_next(self._renders, self._controls.settings.look.render))

    def _next_background(self) -> None:
        self._background = _next(self._backgrounds, self._background)
        chosen = None if self._background is None else background_of(self._background)
        self._controls.change_look(background=chosen)

    def _switch_occluders(self) -> None:
        self._controls.change_look(keep_occluders=not self._controls.settings.look.keep_occluders)

    def _switch_smoothing(self) -> None:
        self._controls.change(smooth=not self._controls.settings.smooth)

    def _change_opacity(self, by: float) -> None:
        opacity = self._controls.settings.look.opacity + by
        self._controls.change_look(opacity=round(min(1.0, max(0.0, opacity)), 2))

    def _switch_numbers(self) -> None:
        self._shows_numbers = not self._shows_numbers

    def _switch_help(self) -> None:
        self._shows_help = not self._shows_help


def _next(items: Sequence[T], item: T) -> T:
    return items[(items.index(item) + 1) % len(items)] if item in items else items[0]
