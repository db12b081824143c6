"""The renderer `alpha`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime.render.registry import renderer

if TYPE_CHECKING:
    from realtime.frames.types import Frame
    from realtime.render.draw import Scene


@renderer(
    "alpha",
    "The picture with the visible face as its matte, for editors (ProRes 4444 or PNG). process "
    "--label picks another label.",
    codec="prores",
    video_suffix=".mov",
    image_suffix=".png",
    takes_label=True,
)
def alpha(scene: Scene) -> Frame:
    """Add a label, or the visible face, as a matte: an `rgba` frame, or a `yuv420p` frame with `Frame.alpha`."""
    return scene.with_alpha(scene.chosen_label() if scene.faces else None)
