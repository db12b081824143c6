"""What may be changed while a run goes on: by a key, by a viewer in a browser."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any

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


class Controls:
    """Holds the settings of a run for those who change them, and for the loop, which reads them before each frame.

    Any thread may call it.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
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
