"""What several scenarios are made of: people, clips, covers, and pictures without a face."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from engines.errors import DataError
from realtime.frames.types import Rgb
from train.measure.video.scenes.composer import Layer
from train.measure.video.scenes.material import Material, Rng
from train.measure.video.scenes.sprites import Pose, PoseAt, Sprite, always, draw, frame_from_sprite, still, swaying

SIZE = (640, 480)
"""(width, height) of most scenes."""
WIDTH, HEIGHT = SIZE
_TRIES = 200  # occluders of which one must be large and solid enough to cover a face


def person_layer(sprite: Sprite, path: PoseAt, face_id: int = 1) -> Layer:
    """A person on a path."""
    return Layer(always(sprite), path, face_id)


def occluder_layer(sprite: Sprite, path: PoseAt) -> Layer:
    """A hand or an object on a path."""
    return Layer(always(sprite), path)


def standing_pose(rng: Rng) -> Pose:
    """Somebody who stands about in the middle of the frame."""
    return Pose(WIDTH * rng.uniform(0.3, 0.7), HEIGHT * rng.uniform(0.38, 0.5), rng.uniform(110, 180))


def outside_pose(pose: Pose, rng: Rng) -> Pose:
    """A place beside or below the frame."""
    way = rng.integers(3)
    if way == 2:
        return replace(pose, y=HEIGHT + 0.8 * pose.height)
    return replace(pose, x=(-1.1 * pose.height, WIDTH + 1.1 * pose.height)[way])


def clip_layer(sprites: list[Sprite], stays: int, px_per_frame: float) -> Layer:
    """The frames of a clip, one after the other, pushed sideways after a while."""

    def sprite(frame: int) -> Sprite:
        return sprites[min(frame, len(sprites) - 1)]

    def path(frame: int) -> Pose | None:
        shown = sprite(frame)
        left, top, right, bottom = shown.box_xyxy
        shift = max(0, frame - stays) * px_per_frame
        if abs(shift) >= shown.alpha.shape[1]:
            return None
        return Pose((left + right) / 2 + shift, (top + bottom) / 2, bottom - top)

    return Layer(sprite, path, 1)


def person_or_clip(material: Material, rng: Rng, index: int) -> tuple[Rgb, tuple[Layer, ...]]:
    """A background with a person on it, or every other time a clip."""
    if index % 2 == 0 and material.clip_names:
        clip = material.clip(material.clip_names[index // 2 % len(material.clip_names)])
        return clip.pictures[0], (clip_layer(clip.sprites, 1000, 0),)
    return material.wall(rng, SIZE), (person_layer(material.person(rng), swaying(still(standing_pose(rng)), 2, index)),)


def any_without_face(material: Material, rng: Rng, index: int) -> Rgb:
    """A wall, clothes, a hand or an object, in turn."""
    kind = index // 2 % 4
    if kind == 0:
        return material.wall(rng, SIZE)
    if kind == 1:
        return material.clothes(rng, SIZE)
    return without_face(material, rng, SIZE, hand=kind == 2)


def without_face(material: Material, rng: Rng, size_wh: tuple[int, int], hand: bool) -> Rgb:
    """A wall with a hand or an object before it."""
    width, height = size_wh
    sprite = material.hand(rng) if hand else material.thing(rng)
    pose = Pose(width * rng.uniform(0.3, 0.7), height * rng.uniform(0.4, 0.6), height * rng.uniform(0.25, 0.6),
                rng.uniform(-40, 40))  # fmt: skip
    picture, ids = material.wall(rng, size_wh).copy(), np.zeros((height, width), np.uint8)
    draw(sprite, pose, picture, ids, 0)
    return picture


def covering(material: Material, rng: Rng, person: Sprite, pose: Pose, hand: bool | None = None) -> tuple[Sprite, Pose]:
    """An occluder, and the smallest pose of several in which it covers the whole face."""
    hand = bool(rng.integers(2)) if hand is None else hand
    for _ in range(_TRIES):
        sprite = material.hand(rng) if hand else material.thing(rng)
        for size in (1.3, 1.6, 2.0, 2.5, 3.0):
            for drop in (0.0, 0.15, 0.3):
                at = Pose(pose.x, pose.y - drop * size * pose.height, size * pose.height)
                if _covered_share(person, pose, sprite, at) > 0.97:
                    return sprite, at
    raise DataError(
        f"no {'hand' if hand else 'object'} in {material.occluders} covers a whole face; expected larger ones"
    )


def _covered_share(person: Sprite, pose: Pose, sprite: Sprite, at: Pose) -> float:
    """How much of a face an occluder covers, 0..1. Measured at 64 px, as both are only compared."""
    side = 64
    small_face = Pose(side / 2, side / 2, side * 0.6)
    scale = small_face.height / pose.height
    small_cover = Pose(side / 2 + (at.x - pose.x) * scale, side / 2 + (at.y - pose.y) * scale, at.height * scale)
    masks = []
    for drawn, place, plane in ((person, small_face, person.face), (sprite, small_cover, sprite.alpha)):
        affine = frame_from_sprite(drawn, place)
        masks.append(cv2.warpAffine(plane, affine, (side, side), flags=cv2.INTER_LINEAR) > 127)
    face, cover = masks
    return float((face & cover).sum() / max(1, face.sum()))
