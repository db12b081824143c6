"""What a viewer chose on the page, and the check of what comes over the socket."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from engines.errors import UsageError
from realtime.controls import Settings
from realtime.render.background import Background, Blurred, PlainColour
from realtime.render.look import Look

Shown = Literal["camera", "server", "nothing"]
"""Whose frames a viewer sees: those of its own camera, those of the server's source, or none, as in a hidden tab."""
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_KINDS: dict[str, tuple[type, ...]] = {
    "shown": (str,),
    "model": (str,),
    "render": (str,),
    "smooth": (bool,),
    "keep_occluders": (bool,),
    "opacity": (int, float),
    "shown_labels": (list, type(None)),
    "background": (str, type(None)),
}
"""The fields of the JSON object, and the types that each may have."""


@dataclass(frozen=True)
class Choice:
    """What one viewer sees, and how it is masked."""

    shown: Shown = "nothing"
    settings: Settings = field(default_factory=Settings)
    background: str | None = None
    """The look's background as it was chosen: blur, or a colour such as #00ff00."""


def choice_of(text: str, models: Sequence[str]) -> Choice:
    """The choice that a JSON object holds. A field that is missing has its default.

    Args:
        models: the names that a viewer may choose from; the first one is the default.

    Raises:
        UsageError: it is no JSON object, or has another field or a value that does not fit.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise UsageError(f"the settings are not JSON ({e})") from e
    return choice_from(values, models)


def choice_from(values: object, models: Sequence[str]) -> Choice:
    """As `choice_of`, from JSON that was read."""
    checked = _checked(values)
    usual = Choice()
    shown, model = checked.get("shown", usual.shown), checked.get("model", models[0])
    if shown not in get_args(Shown):
        raise UsageError(f"shown is {shown!r}; expected one of {', '.join(get_args(Shown))}")
    if model not in models:
        raise UsageError(f"model {model!r} is not served; expected one of {', '.join(models)}")
    background = checked.get("background")
    if background is not None and background != "blur" and not _COLOUR.fullmatch(background):
        raise UsageError(f"background is {background!r}; expected blur, a colour such as #00ff00, or null")
    labels = checked.get("shown_labels")
    look = Look(
        render=checked.get("render", usual.settings.look.render),
        keep_occluders=checked.get("keep_occluders", usual.settings.look.keep_occluders),
        opacity=checked.get("opacity", usual.settings.look.opacity),
        shown_labels=None if labels is None else frozenset(labels),
        background=None if background is None else _background(background),
    )
    settings = Settings(look, model, checked.get("smooth", usual.settings.smooth))
    return Choice(shown, settings, background)


def _background(text: str) -> Background:
    """The background of `blur` or of a colour. Never a picture, even where the server has a file of such a name."""
    if text == "blur":
        return Blurred()
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return PlainColour((red, green, blue))


def _checked(values: object) -> Mapping[str, Any]:
    """The values, each of a type that its field may have. Raises UsageError otherwise."""
    if not isinstance(values, Mapping):
        raise UsageError(f"the settings are {type(values).__name__}; expected an object")
    for name, value in values.items():
        if name not in _KINDS:
            raise UsageError(f"the settings have an unknown field {name!r}; expected {', '.join(_KINDS)}")
        kinds = _KINDS[name]
        fits = isinstance(value, kinds) and isinstance(value, bool) is (bool in kinds)  # True is an int, too
        if not fits:
            expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
            raise UsageError(f"{name} is {value!r}; expected {expected}")
    labels = values.get("shown_labels") or []
    if not all(isinstance(label, str) for label in labels):
        raise UsageError(f"shown_labels is {labels!r}; expected a list of names")
    return values
