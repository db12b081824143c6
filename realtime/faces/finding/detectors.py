"""The face detectors, by name."""

from __future__ import annotations

from collections.abc import Callable

from engines.errors import UsageError
from realtime.faces.detect import Detector, DetectsFaces
from realtime.faces.finding.finder import FaceFinder

DETECTORS: dict[str, Callable[[], DetectsFaces]] = {
    "auto": Detector,
    "short": lambda: Detector("short"),
    "full": lambda: Detector("full"),
    "own": FaceFinder,
}
"""Makes a detector, by the name that `Options.detector` takes."""


def open_detector(name: str = "auto") -> DetectsFaces:
    """The detector of a name. Raises UsageError if there is none."""
    if name not in DETECTORS:
        raise UsageError(f"detector {name!r} is unknown; expected one of {', '.join(DETECTORS)}")
    return DETECTORS[name]()
