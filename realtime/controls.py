"""What may be changed while a run goes on, by a key or a viewer in a browser; and what the run says meanwhile."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any

from engines.engine import Engine
from engines.zoo import DEFAULT_MODEL
from realtime.render.look import Look


@dataclass(frozen=True)
class Settings:
    """The choices of one viewer."""

    look: Look = field(default_factory=Look)
    model: str = DEFAULT_MODEL
    """The model that is wanted, as `--model` names it. Until it is loaded, the one before it goes on."""
    smooth: bool = True
    """Steady the masks over time."""


@dataclass(frozen=True)
class Vitals:
    """How a run is doing, as of its last frame."""

    frames: int = 0
    """Frames that were shown."""
    fps: float = 0.0
    """Frames shown per second, over the last two seconds."""
    source_fps: float = 0.0
    """Frames per second that the source gave, over the last two seconds: measured, not what it states."""
    latency_ms: float = 0.0
    """From capturing the last frame to handing it to the sink; where that is a window: to showing it."""
    dropped: int = 0
    """Frames that came too fast."""
    reconnects: int = 0
    """How often the source was lost and came back."""
    engine: str = ""
    """The engine that parsed the last frame, in its own words."""
    labels: tuple[str, ...] = ()
    """The labels of that engine's model."""


class Controls:
    """Holds the settings of a run for those who change them, and for the loop, which reads them before each frame.

    Any thread may call it.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.vitals = Vitals()
        """How the run is doing; the loop replaces it after each frame."""
        self._settings = settings or Settings()
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    @property
    def settings(self) -> Settings:
        """The settings that count from the next frame on."""
        return self._settings

    def change(self, **values: Any) -> Settings:
        """Change some settings, by the names of their fields, and return all of them."""
        with self._lock:
            self._settings = replace(self._settings, **values)
            return self._settings

    def change_look(self, **values: Any) -> Settings:
        """Change some fields of the look, and return all settings.

        Raises:
            UsageError: a value makes no sense. Then nothing has changed.
        """
        with self._lock:
            self._settings = replace(self._settings, look=replace(self._settings.look, **values))
            return self._settings

    @property
    def has_engine(self) -> bool:
        """Whether an engine waits that was given and not taken yet."""
        return self._engine is not None

    def give_engine(self, engine: Engine) -> None:
        """Hand over a loaded engine, which parses the faces from the next frame on. The run closes it."""
        with self._lock:
            untaken, self._engine = self._engine, engine
        if untaken:
            untaken.close()

    def take_engine(self) -> Engine | None:
        """The engine that was given since the last call, which the caller must close; None where there is none."""
        with self._lock:
            engine, self._engine = self._engine, None
            return engine
