"""The renderer `cutout`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime.render.registry import renderer

if TYPE_CHECKING:
    from realtime.frames.types import Frame
    from realtime.render.draw import Scene


@renderer("cutout", "Only the visible face; the rest is black.")
def cutout(scene: Scene) -> Frame:
    """Keep the visible face on black. Hair is not part of it; ears are."""
    return scene.on_black(scene.visible_face()) if scene.faces else scene.black()
