"""The renderer `blur`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime.render.registry import renderer

if TYPE_CHECKING:
    from realtime.frames.types import Frame
    from realtime.render.draw import Scene

_CELLS = 8  # across a face: too few to recognise it
_MARGIN_PX = 2  # pixels of the crop: what hides a face must not end exactly at its edge


@renderer("blur", "The visible face made unrecognisable.", hides_faces=True)
def blur(scene: Scene) -> Frame:
    """Replace the visible face, and a margin around it, by a few coarse cells."""
    return scene.pixelated(scene.visible_face(_MARGIN_PX), _CELLS) if scene.faces else scene.frame
