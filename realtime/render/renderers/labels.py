"""The renderer `labels`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime.render.registry import renderer

if TYPE_CHECKING:
    from realtime.frames.types import Frame
    from realtime.render.draw import Scene


@renderer(
    "labels",
    "Class ids in one lossless channel (FFV1 or PNG), for programs.",
    codec="ffv1",
    video_suffix=".mkv",
    image_suffix=".png",
)
def labels(scene: Scene) -> Frame:
    """Write label ids as a `gray` frame; 0 where no face is."""
    return scene.label_ids()
