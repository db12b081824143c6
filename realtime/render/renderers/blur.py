"""The renderer `blur`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime.render.registry import renderer

if TYPE_CHECKING:
    from realtime.frames.types import Frame
    from realtime.render.draw import Scene


@renderer(
    "blur",
    "The whole face and what lies on it made unrecognisable. Hair stays sharp.",
    hides_faces=True,
    keeps_occluders=True,
)
def blur(scene: Scene) -> Frame:
    """Replace each whole face by a few coarse cells."""
    return scene.pixelated()
