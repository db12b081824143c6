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
        say: gets a sentence where a model cannot be loaded; the one before then stays. `problem` holds the last one.
    """

    def __init__(self, controls: Controls, open_model: Callable[[str], Engine], say: Callable[[str], None]) -> None:
        self._controls, self._open_model, self._say = controls, open_model, say
        self._loaded = controls.settings.model
        self.problem: str | None = None
        """Why the model that was asked for last does not come, in a sentence."""
        self._thread = ThreadPoolExecutor(1, "model loader")

    def want(self, name: str) -> None:
        """Go on with another model, as soon as it is loaded."""
        self.problem = None
        self._controls.change(model=name)
        self._thread.submit(self._load, name)

    def close(self) -> None:
        """Wait for a model that is being loaded, and close it: the run has ended. Call it after the run."""
        self._thread.shutdown(cancel_futures=True)
        if late := self._controls.take_engine():
            late.close()

    def _load(self, name: str) -> None:
        if name == self._loaded or name != self._controls.settings.model:
            return
        try:
            engine = self._open_model(name)
        except Exception as e:  # nobody asks the thread for it
            why = str(e) if isinstance(e, UnveilError) else f"{name} cannot be loaded ({str(e) or type(e).__name__})"
            self.problem = f"failed: {why}; {self._loaded} goes on"
            self._say(self.problem)
            self._controls.change(model=self._loaded)
            return
        self._loaded = name
        self._controls.give_engine(engine)
