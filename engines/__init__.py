"""Engines: what a network takes and returns, how it is compiled, and what a compiled network is.

Importing this package switches off the usage reporting of its dependencies in this process. Every package of the
project imports it before it can import openvino or nncf.

The package `openvino-telemetry` comes with openvino. Unless the user has opted out in a file of their home folder, or
runs in CI, `import openvino` itself reports to Google Analytics, and so do model conversion and `nncf.quantize`; a
client id is kept in the home folder. Opting out with its own tool would write there too, and report once more. Both
openvino and nncf fall back on a stub that does nothing where the package cannot be imported: that is made to happen.
"""

from __future__ import annotations

import sys
from typing import Any

_PACKAGE = "openvino_telemetry"


def _disable_telemetry() -> None:
    """From here on neither openvino nor nncf reports anything from this process."""
    sender = sys.modules.get(f"{_PACKAGE}.utils.sender")
    if sender is not None:  # a caller imported openvino before us: replace the one method that sends
        sender.TelemetrySender.send = _discard
    sys.modules[_PACKAGE] = None  # type: ignore[assignment]  # Python's own way to make an import fail


def _discard(self: Any, backend: Any, message: Any) -> None:
    """Takes the place of `TelemetrySender.send`."""


_disable_telemetry()
