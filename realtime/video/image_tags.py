"""What an image file states about its pictures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageTags:
    """What an image file states, and an output in a format that can hold it states again."""

    exif: bytes = b""
    """Without the orientation, which the pixels have already, and without previews, which would show the faces."""
    icc_profile: bytes | None = None
    """The colours that the RGB values stand for; None: sRGB."""
    dpi: tuple[float, float] | None = None
    durations_ms: tuple[float, ...] = ()
    """How long each picture of an animation is shown."""
    loop: int | None = None
    """How often an animation is repeated; 0: for ever."""
