"""Loads another model while the run goes on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engines.closing import Closing
from engines.engine import Engine
from engines.errors import UnveilError
from realtime.controls import Controls


class ModelLoader(Closing):
    """Loads models in a thread of its own. The one before goes on until the next is ready; the last one asked for wins.

    Args:
        controls: get the loaded engine.
        open_model: loads the engine of a name, as `--model` takes it.
        say: gets a sentence where a model cannot be loaded; the one before then stays.
    """

    def __init__(self, controls: Controls, open_model: Callable[[str], Engine], say: Callable[[str], None]) -> None:
        self._controls, self._open_model, self._say = controls, open_model, say
        self._loaded = controls.settings.model
        self._thread = ThreadPoolExecutor(1, "model loader")

    def want(self, name: str) -> None:
        """Go on with another model, as soon as it is loaded."""
        self._controls.change(model=name)
        self._thread.submit(self._load, name)

    def close(self) -> None:
        """Wait for a model that is being loaded."""
        self._thread.shutdown(cancel_futures=True)

    def _load(self, name: str) -> None:
        if name == self._loaded or name != self._controls.settings.model:
            return
        try:
            engine = self._open_model(name)
        except UnveilError as e:
            self._say(f"failed: {e}; {self._loaded} goes on")
            self._controls.change(model=self._loaded)
            return
        self._loaded = name
        self._controls.give_engine(engine)
