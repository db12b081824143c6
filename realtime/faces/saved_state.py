"""Saves the state of the processing stages between two frames, and restores it in another process.

The objects are pickled. Those that belong to the process (detector, threads, timer) are left out, and replaced when the
state is restored. Only classes of this program, numpy and the standard library's containers are restored.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

_OWN = ("engines.", "realtime.")
_ALLOWED = frozenset(
    {"collections", "fractions", "_codecs", "numpy"}
    | {f"numpy.{core}.{module}" for core in ("core", "_core") for module in ("multiarray", "numeric")}
)
_BUILTINS = frozenset({"set", "frozenset", "slice", "range", "bytearray"})


class StateError(ValueError):
    """A saved state is damaged, or of another version."""


def save(values: Any, outside: Mapping[str, object]) -> bytes:
    """The bytes of some objects.

    Args:
        outside: by name, objects that are left out.
    """
    buffer = io.BytesIO()
    _Saver(buffer, outside).dump(values)
    return buffer.getvalue()


def restore(saved: bytes, outside: Mapping[str, object]) -> Any:
    """The objects that were saved.

    Args:
        outside: what takes the place of the objects that were left out, by the same names.

    Raises:
        StateError: it is damaged, or of another version.
    """
    try:
        return _Restorer(io.BytesIO(saved), outside).load()
    except Exception as e:  # damaged bytes can raise anything
        raise StateError(f"a saved state cannot be read ({type(e).__name__}: {e})") from e


class _Saver(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, outside: Mapping[str, object]) -> None:
        super().__init__(buffer, protocol=5)
        self._outside = outside

    def persistent_id(self, obj: object) -> str | None:
        return next((name for name, value in self._outside.items() if obj is value and obj is not None), None)

    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, Future):
            return _done, (obj.result(),)  # waits for a search that still runs
        return NotImplemented


class _Restorer(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, outside: Mapping[str, object]) -> None:
        super().__init__(buffer)
        self._outside = outside

    def persistent_load(self, pid: str) -> object:
        return self._outside[pid]

    def find_class(self, module_name: str, global_name: str) -> Any:
        is_allowed = module_name.startswith(_OWN) or module_name in _ALLOWED
        if not is_allowed and (module_name != "builtins" or global_name not in _BUILTINS):
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is not part of a saved state")
        return super().find_class(module_name, global_name)


def _done(result: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(result)
    return future
