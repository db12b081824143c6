"""Scenes of one or two people that are composed as clips: each is a function (material, rng, index) -> scene."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from realtime.frames.types import Rgb
from train.measure.video.scenes.composer import Scene
from train.measure.video.scenes.material import Material, Rng
from train.measure.video.scenes.pieces import (
    HEIGHT,
    SIZE,
    WIDTH,
    any_without_face,
    clip_layer,
    covering,
    occluder_layer,
    outside_pose,
    person_layer,
    person_or_clip,
    standing_pose,
)
from train.measure.video.scenes.sprites import Pose, between, still, swaying, through


def cut_to_wall(material: Material, rng: Rng, index: int) -> Scene:
    """A person, then a cut to something without a face: walls, clothes, hands and objects."""
    first = int(rng.integers(20, 40))
    shown, layers = person_or_clip(material, rng, index)
    picture = any_without_face(material, rng, index)
    return Scene(
        SIZE, first + 40, lambda frame: shown if frame < first else picture,
        tuple(replace(layer, pose=between(layer.pose, 0, first)) for layer in layers), cuts=(first,),
    )  # fmt: skip


def cut_to_face(material: Material, rng: Rng, index: int) -> Scene:
    """A person, then a cut to another one elsewhere."""
    first = int(rng.integers(20, 40))
    walls = [material.wall(rng, SIZE) for _ in range(2)]
    people = material.people(rng, 2)
    poses = standing_pose(rng), standing_pose(rng)
    layers = (
        person_layer(people[0], between(swaying(still(poses[0]), 2, 0), 0, first)),
        person_layer(people[1], between(swaying(still(poses[1]), 2, 1), first, 1000), 2),
    )
    return Scene(SIZE, first + 35, lambda frame: walls[frame >= first], layers, cuts=(first,))


def leaving(material: Material, rng: Rng, index: int) -> Scene:
    """Somebody walks out of the frame; of three scenes, one is a clip that is pushed out."""
    stays, leaves_in = int(rng.integers(15, 30)), int(rng.integers(12, 32))
    wall = material.wall(rng, SIZE)
    if index % 3 == 0 and material.clip_names:
        clip = material.clip(material.clip_names[index // 3 % len(material.clip_names)])
        sign = rng.choice((-1, 1))
        layer = clip_layer(clip.sprites, stays, sign * WIDTH / leaves_in)
        return Scene(SIZE, stays + leaves_in + 40, lambda _: wall, (layer,))
    start = standing_pose(rng)
    out = outside_pose(start, rng)
    path = swaying(through((stays, start), (stays + leaves_in, out)), 1.5, 0)
    path = between(path, 0, stays + leaves_in + 1)
    return Scene(SIZE, stays + leaves_in + 40, lambda _: wall, (person_layer(material.person(rng), path),))


def entering(material: Material, rng: Rng, index: int) -> Scene:
    """Somebody walks into the frame; in two of three scenes another person is already there."""
    enters, enters_in = int(rng.integers(10, 25)), int(rng.integers(12, 32))
    wall = material.wall(rng, SIZE)
    people = material.people(rng, 2)
    side = rng.choice((-1, 1))
    there = Pose(WIDTH * (0.5 - 0.22 * side), HEIGHT * rng.uniform(0.4, 0.5), rng.uniform(110, 150))
    goal = Pose(WIDTH * (0.5 + 0.24 * side), HEIGHT * rng.uniform(0.4, 0.5), rng.uniform(100, 150))
    outside = replace(goal, x=WIDTH * (0.5 + 0.5 * side) + side * goal.height)
    newcomer = person_layer(people[1], between(through((enters, outside), (enters + enters_in, goal)), enters, 1000), 2)
    first = (person_layer(people[0], swaying(still(there), 2, 0)),) if index % 3 else ()
    return Scene(SIZE, enters + enters_in + 30, lambda _: wall, (*first, newcomer))


def revealed(material: Material, rng: Rng, index: int) -> Scene:
    """A second face comes out from behind an object that covered it from the first frame on."""
    wall = material.wall(rng, SIZE)
    people = material.people(rng, 2)
    left, right = (Pose(WIDTH * x, HEIGHT * rng.uniform(0.4, 0.5), rng.uniform(100, 140)) for x in (0.25, 0.72))
    cover = covering(material, rng, people[1], right)
    away = replace(cover[1], y=cover[1].y + HEIGHT)
    path = through((20, cover[1]), (32, away))
    layers = (
        person_layer(people[0], still(left)),
        person_layer(people[1], still(right), 2),
        occluder_layer(cover[0], path),
    )
    return Scene(SIZE, 70, lambda _: wall, layers)


def crossing(material: Material, rng: Rng, index: int) -> Scene:
    """Two people walk past each other, one in front of the other."""
    wall = material.wall(rng, SIZE)
    frames = int(rng.integers(45, 75))
    height = rng.uniform(90, 130)
    y = HEIGHT * rng.uniform(0.4, 0.5)
    behind = through((10, Pose(WIDTH * 0.2, y, height)), (10 + frames, Pose(WIDTH * 0.8, y, height)))
    near = height * rng.uniform(1.0, 1.25)
    front = through((10, Pose(WIDTH * 0.8, y + 8, near)), (10 + frames, Pose(WIDTH * 0.2, y + 8, near)))
    people = material.people(rng, 2)
    return Scene(
        SIZE, frames + 30, lambda _: wall,
        (person_layer(people[0], swaying(behind, 2, 0)), person_layer(people[1], swaying(front, 2, 2), 2)),
    )  # fmt: skip


def fully_covered(material: Material, rng: Rng, index: int) -> Scene:
    """A hand or an object covers the whole face for two seconds."""
    wall = material.wall(rng, SIZE)
    person, pose = material.person(rng), standing_pose(rng)
    sprite, at = covering(material, rng, person, pose, hand=index % 2 == 0)
    below = replace(at, y=HEIGHT + at.height)
    path = swaying(through((15, below), (25, at), (85, at), (95, below)), 2, 1)
    return Scene(
        SIZE, 120, lambda _: wall, (person_layer(person, swaying(still(pose), 2, 0)), occluder_layer(sprite, path)),
        fully_covered=(25, 86),
    )  # fmt: skip


def passing(material: Material, rng: Rng, index: int) -> Scene:
    """A hand or an object moves across the face and back."""
    wall = material.wall(rng, SIZE)
    person, pose = material.person(rng), standing_pose(rng)
    sprite = material.hand(rng) if index % 2 == 0 else material.thing(rng)
    height = pose.height * (rng.uniform(0.9, 1.4) if index % 2 == 0 else rng.uniform(0.5, 0.9))
    turned = rng.uniform(-35, 35)
    reach = pose.height * 1.1 * rng.choice((-1, 1))
    offset = pose.height * rng.uniform(-0.1, 0.45)
    start, end = (Pose(pose.x + sign * reach, pose.y + offset, height, turned) for sign in (-1, 1))
    there, back = int(rng.integers(20, 45)), int(rng.integers(20, 45))
    path = through((10, start), (10 + there, end), (20 + there, end), (20 + there + back, start))
    return Scene(
        SIZE,
        there + back + 30,
        lambda _: wall,
        (person_layer(person, swaying(still(pose), 1, 0)), occluder_layer(sprite, path)),
    )


def flash(material: Material, rng: Rng, index: int) -> Scene:
    """Four frames flash, go dark or blur, so that a detector may blink."""
    shown, layers = person_or_clip(material, rng, index)
    first = int(rng.integers(18, 30))

    def look(picture: Rgb, frame: int) -> Rgb:
        if not first <= frame < first + 4:
            return picture
        if index % 3 == 2:
            return np.asarray(cv2.blur(picture, (41, 5)), np.uint8)
        return cv2.convertScaleAbs(picture, alpha=(2.4, 0.15)[index % 3])

    return Scene(SIZE, 60, lambda _: shown, layers, look)


def turning(material: Material, rng: Rng, index: int) -> Scene:
    """The camera turns once around its axis, or to the side and stays."""
    side = int(np.hypot(*SIZE)) + 2
    wall = material.wall(rng, (side, side))
    frames, goal = int(rng.integers(60, 90)), (360.0, 90.0, 180.0, -90.0)[index % 4]
    centre = np.array(SIZE) / 2
    pose = replace(standing_pose(rng), x=WIDTH / 2 + rng.uniform(-40, 40), y=HEIGHT / 2, height=rng.uniform(110, 150))

    def angle(frame: int) -> float:
        return float(np.interp(frame, (10, 10 + frames), (0, goal)))

    def background(frame: int) -> Rgb:
        affine = cv2.getRotationMatrix2D((side / 2, side / 2), -angle(frame), 1)
        affine[:, 2] += centre - side / 2
        return np.asarray(cv2.warpAffine(wall, affine, SIZE), np.uint8)

    def turned(frame: int) -> Pose:
        radians = np.radians(angle(frame))
        x, y = pose.x - centre[0], pose.y - centre[1]
        cos, sin = np.cos(radians), np.sin(radians)
        return Pose(centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y, pose.height, angle(frame))

    return Scene(SIZE, frames + 30, background, (person_layer(material.person(rng), turned),))


def small(material: Material, rng: Rng, index: int) -> Scene:
    """A small face walks slowly: 24 to 36 px in 480x270, or 36 to 48 px in 1280x720."""
    size = (1280, 720) if index % 3 == 0 else (480, 270)
    height = rng.uniform(36, 48) if index % 3 == 0 else rng.uniform(24, 36)
    wall = material.wall(rng, size)
    start = Pose(size[0] * rng.uniform(0.2, 0.8), size[1] * rng.uniform(0.3, 0.5), height)
    end = start.moved(rng.uniform(-1.5, 1.5) * height, 0)
    return Scene(size, 60, lambda _: wall, (person_layer(material.person(rng), through((0, start), (60, end))),))


def nearing(material: Material, rng: Rng, index: int) -> Scene:
    """Somebody comes from afar until the face fills the picture, or goes away."""
    wall = material.wall(rng, SIZE)
    far = Pose(WIDTH * rng.uniform(0.4, 0.6), HEIGHT * 0.4, rng.uniform(34, 44))
    near = Pose(WIDTH * rng.uniform(0.45, 0.55), HEIGHT * 0.5, rng.uniform(340, 430))
    ends = (far, near) if index % 2 == 0 else (near, far)
    path = through((8, ends[0]), (68, ends[1]))
    return Scene(SIZE, 78, lambda _: wall, (person_layer(material.person(rng), path),))


def shaking(material: Material, rng: Rng, index: int) -> Scene:
    """A camera that is shaken, or a head that moves fast."""
    wall = material.wall(rng, (WIDTH + 80, HEIGHT + 80))
    shifts = rng.normal(0, 10, (70, 2)) if index % 2 == 0 else np.zeros((70, 2))
    shifts = np.clip(shifts, -40, 40)
    pose, person = standing_pose(rng), material.person(rng)
    fast = np.sin(np.arange(70) / rng.uniform(3.0, 5.0)) * (60 if index % 2 else 0)

    def background(frame: int) -> Rgb:
        x, y = (40 - shifts[frame]).astype(int)
        return wall[y : y + HEIGHT, x : x + WIDTH]

    def path(frame: int) -> Pose:
        return pose.moved(*shifts[frame].astype(int)).moved(float(fast[frame]), 0)

    return Scene(SIZE, 70, background, (person_layer(person, path),))


def still_face(material: Material, rng: Rng, index: int) -> Scene:
    """Somebody who does not move at all: only the camera's noise changes."""
    wall = material.wall(rng, SIZE)
    return Scene(SIZE, 60, lambda _: wall, (person_layer(material.person(rng), still(standing_pose(rng))),))


def clips(material: Material, rng: Rng, index: int) -> Scene:
    """A clip as it was filmed."""
    clip = material.clip(material.clip_names[index % len(material.clip_names)])
    layer = clip_layer(clip.sprites, 1000, 0)
    height, width = clip.pictures[0].shape[:2]
    return Scene((width, height), len(clip.pictures), lambda frame: clip.pictures[frame], (layer,))
