"""Scenes that are composed as single pictures, and crowds: each is a function (material, rng, index) -> scene."""

from __future__ import annotations

import math

import cv2
import numpy as np

from realtime.frames.types import Rgb
from train.measure.video.scenes.composer import Layer, Scene
from train.measure.video.scenes.material import Material, Rng
from train.measure.video.scenes.pieces import SIZE, person_layer, without_face
from train.measure.video.scenes.sprites import Pose, always, still, swaying

_HD = (1280, 720)
TURNED_SIDE = 520
"""Side of the square picture of a turned face in pixels."""
TURNED_ANGLES = (90, 135, 180, 270)


def turned(material: Material, rng: Rng, angle_deg: float) -> Scene:
    """A person in a square picture that is turned clockwise about its middle. The same rng gives the same person."""
    person = material.person(rng)
    pose = Pose(TURNED_SIDE / 2, TURNED_SIDE * 0.48, TURNED_SIDE * rng.uniform(0.28, 0.42))
    wide = math.ceil(TURNED_SIDE * math.sqrt(2)) + 2
    wall = material.wall(rng, (wide, wide))
    affine = cv2.getRotationMatrix2D((wide / 2, wide / 2), -angle_deg, 1)
    affine[:, 2] += (TURNED_SIDE - wide) / 2
    background = np.asarray(cv2.warpAffine(wall, affine, (TURNED_SIDE, TURNED_SIDE)), np.uint8)
    angle, off = math.radians(angle_deg), pose.y - TURNED_SIDE / 2
    at = Pose(TURNED_SIDE / 2 - math.sin(angle) * off, TURNED_SIDE / 2 + math.cos(angle) * off, pose.height, angle_deg)
    return _picture((TURNED_SIDE, TURNED_SIDE), background, person_layer(person, still(at)))


def small_in_270p(material: Material, rng: Rng, index: int) -> Scene:
    """A face of 24 px in 480x270."""
    return _somewhere(material, rng, (480, 270), 24)


def small_in_720p(material: Material, rng: Rng, index: int) -> Scene:
    """A face of 40 px in 1280x720."""
    return _somewhere(material, rng, _HD, 40)


def filling(material: Material, rng: Rng, index: int) -> Scene:
    """A face that fills the picture."""
    width, height = SIZE
    pose = Pose(width * rng.uniform(0.45, 0.55), height * rng.uniform(0.47, 0.53), height * rng.uniform(0.9, 1.15))
    return _picture(SIZE, material.wall(rng, SIZE), person_layer(material.person(rng), still(pose)))


def half_outside(material: Material, rng: Rng, index: int) -> Scene:
    """A face of which half lies beyond an edge: left, right, top or bottom."""
    width, height = SIZE
    x, y = width * rng.uniform(0.35, 0.65), height * rng.uniform(0.4, 0.55)
    x, y = ((0, y), (width, y), (x, 0), (x, height))[index % 4]
    pose = Pose(x, y, rng.uniform(130, 220))
    return _picture(SIZE, material.wall(rng, SIZE), person_layer(material.person(rng), still(pose)))


def occluded(material: Material, rng: Rng, index: int) -> Scene:
    """A hand or an object covers a part of a face."""
    width, height = SIZE
    pose = Pose(width * rng.uniform(0.35, 0.65), height * rng.uniform(0.4, 0.5), rng.uniform(110, 200))
    hand = index % 2 == 0
    sprite = material.hand(rng) if hand else material.thing(rng)
    size = pose.height * (rng.uniform(0.8, 1.3) if hand else rng.uniform(0.4, 0.8))
    x, y = pose.height * rng.uniform(-0.35, 0.35), pose.height * rng.uniform(-0.2, 0.55)
    cover = Layer(always(sprite), still(Pose(pose.x + x, pose.y + y, size, rng.uniform(-40, 40))))
    return _picture(SIZE, material.wall(rng, SIZE), person_layer(material.person(rng), still(pose)), cover)


def half_behind(material: Material, rng: Rng, index: int) -> Scene:
    """A large object hides half of a face: its left, right or lower half."""
    width, height = SIZE
    pose = Pose(width * rng.uniform(0.4, 0.6), height * rng.uniform(0.4, 0.5), rng.uniform(110, 180))
    size = pose.height * rng.uniform(1.3, 1.8)
    x, y = ((0.4, 0.1), (-0.4, 0.1), (0, 0.45))[index % 3]
    cover = Layer(always(material.thing(rng)), still(Pose(pose.x + x * size, pose.y + y * size, size)))
    return _picture(SIZE, material.wall(rng, SIZE), person_layer(material.person(rng), still(pose)), cover)


def few_pixels(material: Material, rng: Rng, index: int) -> Scene:
    """A picture of 64x64 or 100x100, of which the face is about a half high."""
    side = (64, 100)[index % 2]
    pose = Pose(side / 2, side * 0.48, side * rng.uniform(0.4, 0.65))
    return _picture((side, side), material.wall(rng, (side, side)), person_layer(material.person(rng), still(pose)))


def nobody(material: Material, rng: Rng, index: int) -> Scene:
    """A wall, clothes, a hand or an object, and no face."""
    kind = index % 4
    if kind == 0:
        return _picture(SIZE, material.wall(rng, SIZE))
    if kind == 1:
        return _picture(SIZE, material.clothes(rng, SIZE))
    return _picture(SIZE, without_face(material, rng, SIZE, hand=kind == 2))


def crowd_of_24(material: Material, rng: Rng, index: int) -> Scene:
    """24 people in four rows, as a picture or, every other time, a clip."""
    return _crowd(material, rng, (6, 4), 72, 1 if index % 2 == 0 else 15)


def crowd_of_60(material: Material, rng: Rng, index: int) -> Scene:
    """60 people in six rows, as a picture or, every other time, a clip."""
    return _crowd(material, rng, (10, 6), 50, 1 if index % 2 == 0 else 8)


def _crowd(material: Material, rng: Rng, columns_rows: tuple[int, int], height: float, frames: int) -> Scene:
    columns, rows = columns_rows
    width, high = _HD[0] / (columns + 0.5), _HD[1] / rows
    layers = []
    for number, sprite in enumerate(material.people(rng, columns * rows)):
        row, column = divmod(number, columns)
        x, y = (column + 0.5 + 0.5 * (row % 2)) * width, (row + 0.45) * high
        pose = Pose(x + rng.normal(0, 0.06) * width, y, height * rng.uniform(0.9, 1.1))
        path = swaying(still(pose), 2, number)
        layers.append(Layer(always(sprite), path, number + 1))
    wall = material.wall(rng, _HD)
    kind = "image" if frames == 1 else "video"
    return Scene(_HD, frames, lambda _: wall, tuple(layers), kind=kind)  # type: ignore[arg-type]


def _somewhere(material: Material, rng: Rng, size_wh: tuple[int, int], height: float) -> Scene:
    pose = Pose(size_wh[0] * rng.uniform(0.1, 0.9), size_wh[1] * rng.uniform(0.2, 0.6), height)
    return _picture(size_wh, material.wall(rng, size_wh), person_layer(material.person(rng), still(pose)))


def _picture(size_wh: tuple[int, int], background: Rgb, *layers: Layer) -> Scene:
    return Scene(size_wh, 1, lambda _: background, layers, kind="image")
