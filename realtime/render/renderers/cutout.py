"""The renderer `cutout`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime.render.registry import renderer

if TYPE_CHECKING:
    from realtime.frames.types import Frame
    from realtime.render.draw import Scene


@renderer("cutout", "Only the visible face; the rest is black, or another background.")
def cutout(scene: Scene) -> Frame:
    """Keep the visible face on the background alone. Hair is not part of it; ears are."""
    return scene.on_background(scene.kept_face()) if scene.faces else scene.behind
