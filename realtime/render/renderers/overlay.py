"""The renderer `overlay`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime.render.registry import renderer

if TYPE_CHECKING:
    from realtime.frames.types import Frame
    from realtime.render.draw import Scene


@renderer("overlay", "Face and occlusion tinted; or each part in its colour, with a legend.")
def overlay(scene: Scene) -> Frame:
    """Tint what the model found."""
    if "face" not in scene.spec.labels:
        from realtime.render.parts import parts_overlay

        return parts_overlay(scene)
    if not scene.faces:
        return scene.frame
    tints = {"face": scene.visible_face()}
    if scene.has_occlusion:
        # What covers one face may itself be another face, which is shown.
        tints["occlusion"] = scene.occlusion().without(tints["face"])
    return scene.tinted({label: matte for label, matte in tints.items() if scene.look.shows(label)})
