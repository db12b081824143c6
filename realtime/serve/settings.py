"""What a viewer chose on the page, and the check of what comes over the socket."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from engines.errors import UsageError
from engines.zoo import DEFAULT_MODEL
from realtime.render.registry import DEFAULT as DEFAULT_RENDER
from realtime.render.registry import find_renderer

Shown = Literal["camera", "server", "nothing"]
"""Whose frames a viewer sees: those of its own camera, those of the server's source, or none, as in a hidden tab."""
_BACKGROUND = re.compile(r"|blur|#[0-9a-f]{6}")


@dataclass(frozen=True)
class Settings:
    """How one viewer's frames are masked."""

    shown: Shown = "nothing"
    model: str = DEFAULT_MODEL
    render: str = DEFAULT_RENDER
    smooth: bool = True
    """Steady the masks over time."""
    keep_occluders: bool = False
    """What lies on a face stays visible, in a renderer that hides faces."""
    opacity: float = 0.5
    """The overlay's, 0..1."""
    hidden_labels: tuple[str, ...] = ()
    """Labels that the overlay does not show."""
    background: str = ""
    """What is shown behind the face: blur, a colour such as #00ff00, or nothing for the picture's own."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return asdict(self)


def settings_of(text: str, models: Collection[str]) -> Settings:
    """The settings that a JSON object holds. A field that is missing has its default.

    Args:
        models: the names that a viewer may choose from.

    Raises:
        UsageError: it is no JSON object, or has another field or a value that does not fit.
    """
    try:
        values = json.loads(text)
    except ValueError as e:
        raise UsageError(f"the settings are no JSON ({e})") from e
    return settings_from(values, models)


def settings_from(values: object, models: Collection[str]) -> Settings:
    """As `settings_of`, from JSON that was read."""
    if not isinstance(values, Mapping):
        raise UsageError(f"the settings are {type(values).__name__}; expected an object")
    known = {field.name for field in fields(Settings)}
    if unknown := sorted(map(str, set(values) - known)):
        raise UsageError(f"the settings have unknown fields: {', '.join(unknown)}; expected {', '.join(sorted(known))}")
    settings = Settings(**{name: _checked(name, value) for name, value in values.items()})
    if settings.shown not in get_args(Shown):
        raise UsageError(f"shown is {settings.shown!r}; expected one of {', '.join(get_args(Shown))}")
    if settings.model not in models:
        raise UsageError(f"model {settings.model!r} is not served; expected one of {', '.join(models)}")
    find_renderer(settings.render)
    if not 0 <= settings.opacity <= 1:
        raise UsageError(f"opacity is {settings.opacity}; expected 0 to 1")
    # A path or anything else that the server would open must not come from a viewer.
    if not _BACKGROUND.fullmatch(settings.background):
        raise UsageError(f"background is {settings.background!r}; expected blur, a colour such as #00ff00, or nothing")
    return settings


def _checked(name: str, value: object) -> Any:
    """A value of the field's own type. Raises UsageError for another type."""
    default = getattr(Settings(), name)
    if isinstance(default, tuple):
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        raise UsageError(f"{name} is {value!r}; expected a list of texts")
    kinds = (int, float) if isinstance(default, float) else (type(default),)
    if not isinstance(value, kinds) or isinstance(value, bool) is not isinstance(default, bool):
        raise UsageError(f"{name} is {value!r}; expected {type(default).__name__}")
    return value
