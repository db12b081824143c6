"""Scenes of one or two people that are composed as clips: each is a function (material, rng, index) -> scene."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from realtime.frames.types import Rgb
from train.measure.video.composer import Layer, Scene
from train.measure.video.material import Material, Rng
from train.measure.video.sprites import (
    Pose,
    PoseAt,
    Sprite,
    always,
    between,
    draw,
    frame_from_sprite,
    still,
    swaying,
    through,
)

_SIZE = (640, 480)
_WIDTH, _HEIGHT = _SIZE


def cut_to_wall(material: Material, rng: Rng, index: int) -> Scene:
    """A person, then a cut to something without a face: walls, clothes, hands and objects."""
    first = int(rng.integers(20, 40))
    shown, layers = _person_or_clip(material, rng, index)
    picture = _without_face(material, rng, index)
    return Scene(
        _SIZE, first + 40, lambda frame: shown if frame < first else picture,
        tuple(replace(layer, pose=between(layer.pose, 0, first)) for layer in layers), cuts=(first,),
    )  # fmt: skip


def cut_to_face(material: Material, rng: Rng, index: int) -> Scene:
    """A person, then a cut to another one elsewhere."""
    first = int(rng.integers(20, 40))
    walls = [material.wall(rng, _SIZE) for _ in range(2)]
    people = material.people(rng, 2)
    poses = _standing(rng), _standing(rng)
    layers = (
        _person(people[0], between(swaying(still(poses[0]), 2, 0), 0, first)),
        _person(people[1], between(swaying(still(poses[1]), 2, 1), first, 1000), 2),
    )
    return Scene(_SIZE, first + 35, lambda frame: walls[frame >= first], layers, cuts=(first,))


def leaving(material: Material, rng: Rng, index: int) -> Scene:
    """Somebody walks out of the frame; of three scenes, one is a clip that is pushed out."""
    stays, leaves_in = int(rng.integers(15, 30)), int(rng.integers(12, 32))
    wall = material.wall(rng, _SIZE)
    if index % 3 == 0 and material.clip_names:
        clip = material.clip(material.clip_names[index // 3 % len(material.clip_names)])
        sign = rng.choice((-1, 1))
        layer = _clip_layer(clip.sprites, stays, sign * _WIDTH / leaves_in)
        return Scene(_SIZE, stays + leaves_in + 40, lambda _: wall, (layer,))
    start = _standing(rng)
    out = _outside(start, rng)
    path = swaying(through((stays, start), (stays + leaves_in, out)), 1.5, 0)
    path = between(path, 0, stays + leaves_in + 1)
    return Scene(_SIZE, stays + leaves_in + 40, lambda _: wall, (_person(material.person(rng), path),))


def entering(material: Material, rng: Rng, index: int) -> Scene:
    """Somebody walks into the frame; in two of three scenes another person is already there."""
    enters, enters_in = int(rng.integers(10, 25)), int(rng.integers(12, 32))
    wall = material.wall(rng, _SIZE)
    people = material.people(rng, 2)
    side = rng.choice((-1, 1))
    there = Pose(_WIDTH * (0.5 - 0.22 * side), _HEIGHT * rng.uniform(0.4, 0.5), rng.uniform(110, 150))
    goal = Pose(_WIDTH * (0.5 + 0.24 * side), _HEIGHT * rng.uniform(0.4, 0.5), rng.uniform(100, 150))
    outside = replace(goal, x=_WIDTH * (0.5 + 0.5 * side) + side * goal.height)
    newcomer = _person(people[1], between(through((enters, outside), (enters + enters_in, goal)), enters, 1000), 2)
    first = (_person(people[0], swaying(still(there), 2, 0)),) if index % 3 else ()
    return Scene(_SIZE, enters + enters_in + 30, lambda _: wall, (*first, newcomer))


def revealed(material: Material, rng: Rng, index: int) -> Scene:
    """A second face comes out from behind an object that covered it from the first frame on."""
    wall = material.wall(rng, _SIZE)
    people = material.people(rng, 2)
    left, right = (Pose(_WIDTH * x, _HEIGHT * rng.uniform(0.4, 0.5), rng.uniform(100, 140)) for x in (0.25, 0.72))
    cover = _covering(material, rng, people[1], right)
    away = replace(cover[1], y=cover[1].y + _HEIGHT)
    path = through((20, cover[1]), (32, away))
    return Scene(
        _SIZE, 70, lambda _: wall,
        (_person(people[0], still(left)), _person(people[1], still(right), 2), _occluder(cover[0], path)),
    )  # fmt: skip


def crossing(material: Material, rng: Rng, index: int) -> Scene:
    """Two people walk past each other, one in front of the other."""
    wall = material.wall(rng, _SIZE)
    frames = int(rng.integers(45, 75))
    height = rng.uniform(90, 130)
    y = _HEIGHT * rng.uniform(0.4, 0.5)
    behind = through((10, Pose(_WIDTH * 0.2, y, height)), (10 + frames, Pose(_WIDTH * 0.8, y, height)))
    near = height * rng.uniform(1.0, 1.25)
    front = through((10, Pose(_WIDTH * 0.8, y + 8, near)), (10 + frames, Pose(_WIDTH * 0.2, y + 8, near)))
    people = material.people(rng, 2)
    return Scene(
        _SIZE, frames + 30, lambda _: wall,
        (_person(people[0], swaying(behind, 2, 0)), _person(people[1], swaying(front, 2, 2), 2)),
    )  # fmt: skip


def fully_covered(material: Material, rng: Rng, index: int) -> Scene:
    """A hand or an object covers the whole face for two seconds."""
    wall = material.wall(rng, _SIZE)
    person, pose = material.person(rng), _standing(rng)
    sprite, covering = _covering(material, rng, person, pose, hand=index % 2 == 0)
    below = replace(covering, y=_HEIGHT + covering.height)
    path = swaying(through((15, below), (25, covering), (85, covering), (95, below)), 2, 1)
    return Scene(
        _SIZE, 120, lambda _: wall, (_person(person, swaying(still(pose), 2, 0)), _occluder(sprite, path)),
        fully_covered=(25, 86),
    )  # fmt: skip


def passing(material: Material, rng: Rng, index: int) -> Scene:
    """A hand or an object moves across the face and back."""
    wall = material.wall(rng, _SIZE)
    person, pose = material.person(rng), _standing(rng)
    sprite = material.hand(rng) if index % 2 == 0 else material.thing(rng)
    height = pose.height * (rng.uniform(0.9, 1.4) if index % 2 == 0 else rng.uniform(0.5, 0.9))
    turned = rng.uniform(-35, 35)
    reach = pose.height * 1.1 * rng.choice((-1, 1))
    offset = pose.height * rng.uniform(-0.1, 0.45)
    start, end = (Pose(pose.x + sign * reach, pose.y + offset, height, turned) for sign in (-1, 1))
    there, back = int(rng.integers(20, 45)), int(rng.integers(20, 45))
    path = through((10, start), (10 + there, end), (20 + there, end), (20 + there + back, start))
    return Scene(
        _SIZE, there + back + 30, lambda _: wall, (_person(person, swaying(still(pose), 1, 0)), _occluder(sprite, path))
    )


def flash(material: Material, rng: Rng, index: int) -> Scene:
    """Four frames flash, go dark or blur, so that a detector may blink."""
    shown, layers = _person_or_clip(material, rng, index)
    first = int(rng.integers(18, 30))

    def look(picture: Rgb, frame: int) -> Rgb:
        if not first <= frame < first + 4:
            return picture
        if index % 3 == 2:
            return np.asarray(cv2.blur(picture, (41, 5)), np.uint8)
        return cv2.convertScaleAbs(picture, alpha=(2.4, 0.15)[index % 3])

    return Scene(_SIZE, 60, lambda _: shown, layers, look)


def turning(material: Material, rng: Rng, index: int) -> Scene:
    """The camera turns once around its axis, or to the side and stays."""
    side = int(np.hypot(*_SIZE)) + 2
    wall = material.wall(rng, (side, side))
    frames, goal = int(rng.integers(60, 90)), (360.0, 90.0, 180.0, -90.0)[index % 4]
    centre = np.array(_SIZE) / 2
    pose = replace(_standing(rng), x=_WIDTH / 2 + rng.uniform(-40, 40), y=_HEIGHT / 2, height=rng.uniform(110, 150))

    def angle(frame: int) -> float:
        return float(np.interp(frame, (10, 10 + frames), (0, goal)))

    def background(frame: int) -> Rgb:
        affine = cv2.getRotationMatrix2D((side / 2, side / 2), -angle(frame), 1)
        affine[:, 2] += centre - side / 2
        return np.asarray(cv2.warpAffine(wall, affine, _SIZE), np.uint8)

    def turned(frame: int) -> Pose:
        radians = np.radians(angle(frame))
        x, y = pose.x - centre[0], pose.y - centre[1]
        cos, sin = np.cos(radians), np.sin(radians)
        return Pose(centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y, pose.height, angle(frame))

    return Scene(_SIZE, frames + 30, background, (_person(material.person(rng), turned),))


def small(material: Material, rng: Rng, index: int) -> Scene:
    """A small face walks slowly: 24 to 36 px in 480x270, or 36 to 48 px in 1280x720."""
    size = (1280, 720) if index % 3 == 0 else (480, 270)
    height = rng.uniform(36, 48) if index % 3 == 0 else rng.uniform(24, 36)
    wall = material.wall(rng, size)
    start = Pose(size[0] * rng.uniform(0.2, 0.8), size[1] * rng.uniform(0.3, 0.5), height)
    end = start.moved(rng.uniform(-1.5, 1.5) * height, 0)
    return Scene(size, 60, lambda _: wall, (_person(material.person(rng), through((0, start), (60, end))),))


def nearing(material: Material, rng: Rng, index: int) -> Scene:
    """Somebody comes from afar until the face fills the picture, or goes away."""
    wall = material.wall(rng, _SIZE)
    far = Pose(_WIDTH * rng.uniform(0.4, 0.6), _HEIGHT * 0.4, rng.uniform(34, 44))
    near = Pose(_WIDTH * rng.uniform(0.45, 0.55), _HEIGHT * 0.5, rng.uniform(340, 430))
    ends = (far, near) if index % 2 == 0 else (near, far)
    path = through((8, ends[0]), (68, ends[1]))
    return Scene(_SIZE, 78, lambda _: wall, (_person(material.person(rng), path),))


def shaking(material: Material, rng: Rng, index: int) -> Scene:
    """A camera that is shaken, or a head that moves fast."""
    wall = material.wall(rng, (_WIDTH + 80, _HEIGHT + 80))
    shifts = rng.normal(0, 10, (70, 2)) if index % 2 == 0 else np.zeros((70, 2))
    shifts = np.clip(shifts, -40, 40)
    pose, person = _standing(rng), material.person(rng)
    fast = np.sin(np.arange(70) / rng.uniform(3.0, 5.0)) * (60 if index % 2 else 0)

    def background(frame: int) -> Rgb:
        x, y = (40 - shifts[frame]).astype(int)
        return wall[y : y + _HEIGHT, x : x + _WIDTH]

    def path(frame: int) -> Pose:
        return pose.moved(*shifts[frame].astype(int)).moved(float(fast[frame]), 0)

    return Scene(_SIZE, 70, background, (_person(person, path),))


def clips(material: Material, rng: Rng, index: int) -> Scene:
    """A clip as it was filmed."""
    clip = material.clip(material.clip_names[index % len(material.clip_names)])
    layer = _clip_layer(clip.sprites, 1000, 0)
    height, width = clip.pictures[0].shape[:2]
    return Scene((width, height), len(clip.pictures), lambda frame: clip.pictures[frame], (layer,))


def _person(sprite: Sprite, path: PoseAt, face_id: int = 1) -> Layer:
    return Layer(always(sprite), path, face_id)


def _occluder(sprite: Sprite, path: PoseAt) -> Layer:
    return Layer(always(sprite), path)


def _standing(rng: Rng) -> Pose:
    return Pose(_WIDTH * rng.uniform(0.3, 0.7), _HEIGHT * rng.uniform(0.38, 0.5), rng.uniform(110, 180))


def _outside(pose: Pose, rng: Rng) -> Pose:
    """A place beside or below the frame."""
    way = rng.integers(3)
    if way == 2:
        return replace(pose, y=_HEIGHT + 0.8 * pose.height)
    return replace(pose, x=(-1.1 * pose.height, _WIDTH + 1.1 * pose.height)[way])


def _clip_layer(sprites: list[Sprite], stays: int, px_per_frame: float) -> Layer:
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


def _person_or_clip(material: Material, rng: Rng, index: int) -> tuple[Rgb, tuple[Layer, ...]]:
    """A background with a person on it, or every other time a clip."""
    if index % 2 == 0 and material.clip_names:
        clip = material.clip(material.clip_names[index // 2 % len(material.clip_names)])
        return clip.pictures[0], (_clip_layer(clip.sprites, 1000, 0),)
    return material.wall(rng, _SIZE), (_person(material.person(rng), swaying(still(_standing(rng)), 2, index)),)


def _without_face(material: Material, rng: Rng, index: int) -> Rgb:
    kind = index // 2 % 4
    if kind == 0:
        return material.wall(rng, _SIZE)
    if kind == 1:
        return material.clothes(rng, _SIZE)
    return without_face(material, rng, _SIZE, hand=kind == 2)


def without_face(material: Material, rng: Rng, size_wh: tuple[int, int], hand: bool) -> Rgb:
    """A wall with a hand or an object before it."""
    width, height = size_wh
    sprite = material.hand(rng) if hand else material.thing(rng)
    pose = Pose(width * rng.uniform(0.3, 0.7), height * rng.uniform(0.4, 0.6), height * rng.uniform(0.25, 0.6),
                rng.uniform(-40, 40))  # fmt: skip
    picture, ids = material.wall(rng, size_wh).copy(), np.zeros((height, width), np.uint8)
    draw(sprite, pose, picture, ids, 0)
    return picture


def _covering(
    material: Material, rng: Rng, person: Sprite, pose: Pose, hand: bool | None = None
) -> tuple[Sprite, Pose]:
    """An occluder, and the smallest pose of several in which it covers the whole face."""
    hand = bool(rng.integers(2)) if hand is None else hand
    while True:
        sprite = material.hand(rng) if hand else material.thing(rng)
        for size in (1.3, 1.6, 2.0, 2.5, 3.0):
            for drop in (0.0, 0.15, 0.3):
                covering = Pose(pose.x, pose.y - drop * size * pose.height, size * pose.height)
                if _covered_share(person, pose, sprite, covering) > 0.97:
                    return sprite, covering


def _covered_share(person: Sprite, pose: Pose, sprite: Sprite, covering: Pose) -> float:
    """How much of a face an occluder covers, 0..1. Measured at 64 px, as both are only compared."""
    side = 64
    small_face = Pose(side / 2, side / 2, side * 0.6)
    scale = small_face.height / pose.height
    small_cover = Pose(
        side / 2 + (covering.x - pose.x) * scale, side / 2 + (covering.y - pose.y) * scale, covering.height * scale
    )
    masks = []
    for drawn, at, plane in ((person, small_face, person.face), (sprite, small_cover, sprite.alpha)):
        affine = frame_from_sprite(drawn, at)
        masks.append(cv2.warpAffine(plane, affine, (side, side), flags=cv2.INTER_LINEAR) > 127)
    face, cover = masks
    return float((face & cover).sum() / max(1, face.sum()))
