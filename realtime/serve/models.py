"""The engines that viewers share: each model is loaded once, when the first viewer asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from engines import zoo
from engines.engine import Engine
from engines.load import find_engine
from engines.manifest import read_manifest
from engines.spec import DEPTH_LABELS, PART_LABELS


class Models:
    """Loaded engines by the names of their models.

    Args:
        names: the models that viewers may choose from.
        open_engine: loads one; it may take seconds.
        executor: the threads in which that happens. Shut down by `close`.
    """

    def __init__(self, names: Sequence[str], open_engine: Callable[[str], Engine], executor: Executor) -> None:
        self.names = tuple(names)
        self._open, self._executor = open_engine, executor
        self._loading: dict[str, asyncio.Future[Engine]] = {}

    def is_loaded(self, name: str) -> bool:
        """Whether `load` answers at once."""
        return name in self._loading and self._loading[name].done()

    async def load(self, name: str) -> Engine:
        """The engine of a model. Viewers who ask at the same time wait for the same one.

        Raises:
            UnveilError: it cannot be loaded. The next call tries again.
        """
        if name not in self._loading:
            self._loading[name] = asyncio.get_running_loop().run_in_executor(self._executor, self._open, name)
        loading = self._loading[name]
        try:
            return await asyncio.shield(loading)
        except Exception:
            if self._loading.get(name) is loading:  # another viewer may have begun to load it again
                del self._loading[name]
            raise

    async def close(self) -> None:
        """Close all engines. Those that are still being loaded are waited for."""
        for loaded in await asyncio.gather(*self._loading.values(), return_exceptions=True):
            if not isinstance(loaded, BaseException):
                loaded.close()
        self._loading.clear()
        self._executor.shutdown()


def served_models(first: str) -> tuple[str, ...]:
    """The models that a viewer can choose from: the one of the command line, then those that ship and parse faces."""
    shipped = []
    for name in zoo.names():
        labels = read_manifest(find_engine(name)).spec.labels
        if labels != DEPTH_LABELS:
            shipped += [name, *([name + zoo.WITH_CONSENSUS] if labels == PART_LABELS else [])]
    return tuple(dict.fromkeys([first, *shipped]))
