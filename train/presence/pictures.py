"""Composed pictures for the output `presence`: those of the face finder, and faces that are hard to make out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from realtime.frames.types import U8
from train.data.augment import random_look
from train.finder.pictures.backgrounds import background, clutter, strip_beside
from train.finder.pictures.canvas import Canvas, PlacedFace, similarity
from train.finder.pictures.compose import Compositions, Frame, Truth, in_frame, occlude, place
from train.finder.pictures.portraits import Portrait, is_profile
from train.finder.pictures.sources import Sources
from train.finder.pictures.upright_box import UprightBox
from train.heads.landmarks import CHIN, Points
from train.occluders.shapes import texture
from train.presence.samples import PresencePicture, Shown

Rng = np.random.Generator

PICTURE_PX = 384
"""Side of the pictures before a frame is cut out of them."""
_COMPOSED = 0.45  # of the pictures are those of the finder's training
_MODES = {"cut": 0.26, "behind": 0.22, "hands": 0.2, "posed": 0.08, "thing": 0.24}  # of the others
_BEYOND = (0.2, 0.6)  # of a cut face lies beyond the frame's edge
_BEHIND = (0.25, 0.75)  # of a face behind an object is seen
_SIDE = (0.2, 0.85)  # of a face, in sides of the picture
_THING_SIDE = (0.15, 0.9)
_SHAPES = ((384, 384), (384, 288), (384, 216), (288, 384))
_LOOKING_DOWN = 0.08  # of the portraits: those whose nose is nearest to the chin
_EYES, _NOSE_TIP = (33, 263), 4  # FaceMesh: outer corners of the eyes
_HANDS, _HAND_SHARES = ("hand", "sleeved", "fingers", "drawn hand"), (0.5, 0.2, 0.15, 0.15)
_MOST_HANDS = 7
_COVERED = 0.25  # of a face is seen, at most, where hands cover it
_EDGES, _EDGE_SHARES = ("photo", "filled", "head", "oval"), (0.35, 0.3, 0.2, 0.15)
_PRINTED = 0.3  # of the things: in one colour, as on a shirt


class PresencePictures:
    """Endless pictures by index: the same seed and index always give the same picture."""

    def __init__(self, sources: Sources, seed: int) -> None:
        self._sources, self._seed = sources, seed
        self._compositions = Compositions(sources, PICTURE_PX, seed)
        self._posed = _posed(sources)

    def __getitem__(self, index: int) -> PresencePicture:
        rng = np.random.default_rng((self._seed, 1, index))
        if rng.random() < _COMPOSED:
            composed = self._compositions[index]
            return _cut_out(composed.rgb, composed.frame, [_shown("composed", truth) for truth in composed.faces])
        mode = str(rng.choice(list(_MODES), p=list(_MODES.values())))
        frame = _random_frame(rng)
        canvas = background(self._sources, PICTURE_PX, rng)
        clutter(canvas, self._sources, rng, 2)
        shown = [_thing(canvas, self._sources, rng)] if mode == "thing" else self._with_face(canvas, frame, mode, rng)
        return _cut_out(random_look(canvas.rgb, rng), frame, shown)

    def _with_face(self, canvas: Canvas, frame: Frame, mode: str, rng: Rng) -> list[Shown]:
        """Paste a face, and what makes it hard to make out."""
        portrait = self._posed[rng.integers(len(self._posed))] if mode == "posed" else None
        face = _place(canvas, portrait or self._sources.any_portrait(rng), frame, mode, rng)
        if face is None:
            return []
        if mode in ("cut", "posed") and rng.random() < 0.3:
            occlude(canvas, self._sources, face, (str(rng.choice(("hand", "object", "mask"))),), rng)
        if mode == "behind":
            _hide_half(canvas, self._sources, face, rng)
        if mode == "hands":
            _cover(canvas, self._sources, face, rng)
        faces = in_frame(canvas, frame).faces
        seen = next((truth for truth in faces if truth.box == face.box), None)
        # Under hands a face is there, however little of it is seen: a tracker knows that it was.
        if mode == "hands" and (seen is None or seen.visible_share < _COVERED):
            mode, seen = "covered", replace(seen or _unseen(face), counts=True)
        return [_shown(mode, seen)] if seen else []


def _shown(kind: str, truth: Truth) -> Shown:
    return Shown(kind, truth.box, truth.visible_xy, truth.visible_share, truth.counts)


def _unseen(face: PlacedFace) -> Truth:
    return Truth(face.box, (face.box.centre_x, face.box.centre_y), 0.0, True)


def _cut_out(rgb: U8, frame: Frame, shown: Sequence[Shown]) -> PresencePicture:
    x0, y0, x1, y1 = frame
    return PresencePicture(np.ascontiguousarray(rgb[y0:y1, x0:x1]), tuple(each.moved(-x0, -y0) for each in shown))


def _random_frame(rng: Rng) -> Frame:
    width, height = _SHAPES[rng.integers(len(_SHAPES))]
    x0, y0 = (PICTURE_PX - width) // 2, (PICTURE_PX - height) // 2
    return x0, y0, x0 + width, y0 + height


def _place(canvas: Canvas, portrait: Portrait, frame: Frame, mode: str, rng: Rng) -> PlacedFace | None:
    """A face inside the frame, or beyond one of its edges."""
    x0, y0, x1, y1 = frame
    side = math.exp(rng.uniform(*np.log(_SIDE))) * min(x1 - x0, y1 - y0)
    x, y = rng.uniform(x0 + 0.3 * side, x1 - 0.3 * side), rng.uniform(y0 + 0.4 * side, y1 - 0.4 * side)
    if mode == "cut":
        inside = (0.5 - rng.uniform(*_BEYOND)) * side
        x, y = ((x0 + 0.75 * inside, y), (x1 - 0.75 * inside, y), (x, y0 + inside), (x, y1 - inside))[rng.integers(4)]
    edge = str(rng.choice(_EDGES, p=_EDGE_SHARES))
    return place(canvas, portrait, side, (float(x), float(y)), float(rng.normal(0, 14)), edge, rng)


def _cover(canvas: Canvas, sources: Sources, face: PlacedFace, rng: Rng) -> None:
    """A hand or two, or as many as it takes to cover most of a face."""
    covered = rng.random() < 0.5
    for number in range(_MOST_HANDS if covered else int(rng.integers(1, 3))):
        occlude(canvas, sources, face, (str(rng.choice(_HANDS, p=_HAND_SHARES)),), rng)
        if covered and number and canvas.visible_share(face) < _COVERED:
            return


def _hide_half(canvas: Canvas, sources: Sources, face: PlacedFace, rng: Rng) -> None:
    """Something large over one side of a face: a thing, a wall, or somebody's clothes."""
    before_rgb, before_owner = canvas.rgb.copy(), canvas.owner.copy()
    for _ in range(4):
        direction = ((1, 0.1), (-1, 0.1), (0, 1), (0, -1))[rng.choice(4, p=(0.32, 0.32, 0.28, 0.08))]
        if rng.random() < 0.6:
            _large_thing(canvas, sources, face, direction, rng)
        else:
            _half_plane(canvas, sources, face, direction, rng)
        if _BEHIND[0] <= canvas.visible_share(face) <= _BEHIND[1]:
            return
        canvas.rgb[:], canvas.owner[:] = before_rgb, before_owner


def _large_thing(canvas: Canvas, sources: Sources, face: PlacedFace, direction: tuple[float, float], rng: Rng) -> None:
    rgba = sources.objects[rng.integers(len(sources.objects))]
    size = face.box.side * rng.uniform(1.1, 1.9)
    target = np.array((face.box.centre_x, face.box.centre_y)) + rng.uniform(0.3, 0.5) * size * np.array(direction)
    middle = np.array(rgba.shape[1::-1], np.float32) / 2
    degrees = rng.normal(0, 25)
    canvas.paste_cutout(rgba, similarity(size / max(rgba.shape[:2]), degrees, rng.random() < 0.5, middle, target))


def _half_plane(canvas: Canvas, sources: Sources, face: PlacedFace, direction: tuple[float, float], rng: Rng) -> None:
    """A wall, a door or clothes whose straight edge crosses the face."""
    centre = np.array((face.box.centre_x, face.box.centre_y)) + rng.uniform(-0.25, 0.25) * face.box.side * np.array(
        direction
    )
    angle = math.atan2(direction[1], direction[0]) + rng.normal(0, 0.2)
    rows, columns = np.mgrid[0 : canvas.size_px, 0 : canvas.size_px]
    beyond = (columns - centre[0]) * math.cos(angle) + (rows - centre[1]) * math.sin(angle) > 0
    strip = strip_beside(sources.any_portrait(rng), rng) if rng.random() < 0.5 else None
    if strip is not None:
        filling = cv2.resize(strip, (canvas.size_px, canvas.size_px), interpolation=cv2.INTER_LINEAR)
    else:
        lab = np.array((rng.uniform(30, 230), rng.uniform(120, 150), rng.uniform(120, 160)), np.float32)
        filling = np.clip(texture(canvas.size_px, rng, lab), 0, 255)
    canvas.rgb[beyond] = filling.astype(np.uint8)[beyond]
    canvas.owner[beyond] = -1


def _thing(canvas: Canvas, sources: Sources, rng: Rng) -> Shown:
    """A hand, an animal, an icon or another thing as large as a face, as an object or printed in one colour."""
    pictures = sources.hands if rng.random() < 0.3 else sources.objects
    rgba = pictures[rng.integers(len(pictures))]
    side = math.exp(rng.uniform(*np.log(_THING_SIDE))) * canvas.size_px
    target: Points = rng.uniform(0.25, 0.75, 2).astype(np.float32) * canvas.size_px
    middle = np.array(rgba.shape[1::-1], np.float32) / 2
    affine = similarity(side / max(rgba.shape[:2]), rng.normal(0, 20), rng.random() < 0.5, middle, target)
    canvas.paste_cutout(_printed(rgba, rng) if rng.random() < _PRINTED else rgba, affine)
    x, y = target.tolist()
    return Shown("thing", UprightBox(x, y, side, side, 0.0), (x, y), 1.0, is_face=False)


def _printed(rgba: U8, rng: Rng) -> U8:
    """A cut-out in shades of one colour, dark where it was dark."""
    luma = cv2.cvtColor(rgba[..., :3], cv2.COLOR_RGB2GRAY)
    alpha = luma if rng.random() < 0.5 else cv2.subtract(cv2.extractChannel(rgba, 3), luma)
    ink = rng.uniform(0, 1, 3)
    return np.dstack([*(cv2.convertScaleAbs(alpha, alpha=float(share)) for share in ink), alpha])


def _posed(sources: Sources) -> list[Portrait]:
    """Profiles, and people who look down."""
    portraits = [sources.portraits[row] for row in range(len(sources.portraits))]
    lowest = np.quantile([_nose_height(portrait) for portrait in portraits], _LOOKING_DOWN)
    return [each for each in portraits if is_profile(each) or _nose_height(each) <= lowest]


def _nose_height(portrait: Portrait) -> float:
    """How far the nose lies above the chin, in distances of the eyes from the chin."""
    eyes = portrait.landmarks[list(_EYES)].mean(axis=0)
    chin, nose = portrait.landmarks[CHIN], portrait.landmarks[_NOSE_TIP]
    up = eyes - chin
    return float((nose - chin) @ up / max(1e-3, float(up @ up)))
