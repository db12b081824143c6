"""What scenes are composed of: held-out people, clips, occluders and walls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engines.errors import DataError
from engines.spec import FACE
from realtime.frames.types import U8, Mask, Rgb
from realtime.run.terminal import standard_error_hidden
from realtime.video.sources.image import read_rgb
from train.data.split import face_split
from train.labels.label_folder import read_faces, read_labels
from train.labels.teachers.mediapipe_models import PersonSegmenter
from train.measure.video.scenes import walls
from train.measure.video.scenes.sprites import Box, Sprite, occluder_sprite, photo_sprite
from train.occluders.cutouts import Cutouts

Rng = np.random.Generator
_MOST_FACE_PX = 260  # height of a face in memory: no scene but "nearing" shows a larger one
_ROOM_ABOVE, _ROOM_BESIDE, _ROOM_BELOW = 0.22, 0.3, 0.35  # of the face's height: a head that the photograph cuts off
_BODY_BELOW = 5.0  # face heights that are added below a cut-out person: the last rows, repeated
_SIDE_FADE = 0.06  # of the photograph's width: shoulders that its sides cut off end softly
_LEAST_FACE_PX = 60  # a smaller face of a photograph would be enlarged in most scenes
_FOREARM_ROWS = 160


@dataclass(frozen=True, eq=False)
class Photo:
    """A held-out portrait."""

    name: str
    rgb: Rgb
    labels: U8
    box_xyxy: Box

    @cached_property
    def sprite(self) -> Sprite:
        """The whole photograph."""
        return photo_sprite(self.rgb, _face_mask(self.labels), self.box_xyxy)

    @property
    def shows_whole_head(self) -> bool:
        """Whether the photograph has room around the face, so that nothing of the head is cut off."""
        left, top, right, bottom = self.box_xyxy
        height, (high, wide) = bottom - top, self.labels.shape
        beside = min(left, wide - right) > _ROOM_BESIDE * height
        return beside and top > _ROOM_ABOVE * height and high - bottom > _ROOM_BELOW * height


@dataclass(frozen=True, eq=False)
class FilmedFace:
    """A clip of one person. Pictures and labels have the same order."""

    name: str
    pictures: list[Rgb]
    faces: list[Mask]
    boxes: list[Box]

    @cached_property
    def sprites(self) -> list[Sprite]:
        """Each frame, whole."""
        return [photo_sprite(*frame) for frame in zip(self.pictures, self.faces, self.boxes, strict=True)]


@dataclass
class Material:
    """The material of all scenes. Pictures are read when a scene first needs them.

    Args:
        labels: the folder that `unveil label` wrote. The frames of its videos are the clips.
        occluders: the folder of cut-out occluders.

    Raises:
        DataError: a folder is missing, or has no held-out face.
    """

    labels: Path
    occluders: Path
    rows: list[dict[str, Any]] = field(init=False)
    clip_rows: dict[str, dict[int, dict[str, Any]]] = field(init=False)

    def __post_init__(self) -> None:
        self._photos: dict[str, Photo] = {}
        self._people: dict[str, Sprite] = {}
        self._masks: dict[str, Mask] = {}
        self._clips: dict[str, FilmedFace] = {}
        self.clip_rows = defaultdict(dict)
        self.rows = []
        images = (self.labels / "images").resolve()
        for row in read_faces(self.labels):
            path = Path(row["image"])
            if path.is_relative_to(images):
                self.clip_rows[path.parent.name][int(path.stem)] = row
            elif face_split(row["name"], self.labels) == "held out" and _face_height(row) >= _LEAST_FACE_PX:
                self.rows.append(row)
        if not self.rows:
            raise DataError(f"no held-out face in {self.labels}; expected the output folder of `unveil label`")

    @cached_property
    def cutouts(self) -> Cutouts:
        """Held-out occluders."""
        return Cutouts.load(self.occluders, "held out")

    @cached_property
    def segmenter(self) -> PersonSegmenter:
        """Cuts people out of their photographs."""
        with standard_error_hidden():
            segmenter = PersonSegmenter()
            segmenter.person(np.zeros((256, 256, 3), np.uint8))  # it logs at its first picture
            return segmenter

    @property
    def clip_names(self) -> list[str]:
        """The clips, in order."""
        return sorted(self.clip_rows)

    def photo(self, rng: Rng, suits: Callable[[Photo], bool] = lambda _: True) -> Photo:
        """A random portrait that suits."""
        for index in rng.permutation(len(self.rows)):
            if suits(photo := self._photo(self.rows[index])):
                return photo
        raise DataError(f"no photograph in {self.labels} suits a scene; label more")

    def person(self, rng: Rng) -> Sprite:
        """A random person, cut out, mirrored half of the time."""
        return self.people(rng, 1)[0]

    def people(self, rng: Rng, count: int) -> list[Sprite]:
        """Different people, cut out, each mirrored half of the time. Raises DataError if there are too few."""
        found = []
        for index in rng.permutation(len(self.rows)):
            photo = self._photo(self.rows[index])
            if photo.shows_whole_head and not (self._mask(photo)[0] > 100).any():  # its hair, too
                found.append(self._person(photo))
            if len(found) == count:
                return [sprite.mirrored if rng.random() < 0.5 else sprite for sprite in found]
        raise DataError(f"{len(found)} people in {self.labels} can be cut out, and a scene needs {count}; label more")

    def photos(self, rng: Rng, count: int) -> list[Photo]:
        """Different portraits with whole heads."""
        found = []
        for index in rng.permutation(len(self.rows)):
            photo = self._photo(self.rows[index])
            if photo.shows_whole_head:
                found.append(photo)
            if len(found) == count:
                return found
        raise DataError(f"{len(found)} portraits in {self.labels} show a whole head, and a scene needs {count}")

    def clip(self, name: str) -> FilmedFace:
        """The frames of a clip. A frame without a label of its own gets the nearest one."""
        if name not in self._clips:
            rows = self.clip_rows[name]
            paths = sorted((self.labels / "images" / name).glob("[0-9]*.png"))
            nearest = [rows[min(rows, key=lambda number: abs(number - int(path.stem)))] for path in paths]
            self._clips[name] = FilmedFace(
                name,
                [read_rgb(path) for path in paths],
                [_face_mask(read_labels(self.labels / row["labels"])) for row in nearest],
                [_box(row) for row in nearest],
            )
        return self._clips[name]

    def hand(self, rng: Rng) -> Sprite:
        """A random hand with a long forearm."""
        _, rgba = self.cutouts.hands[rng.integers(len(self.cutouts.hands))]
        sprite = occluder_sprite(rgba, _FOREARM_ROWS * 3)
        return sprite.mirrored if rng.random() < 0.5 else sprite

    def thing(self, rng: Rng) -> Sprite:
        """A random object."""
        return occluder_sprite(self.cutouts.objects[rng.integers(len(self.cutouts.objects))][1])

    def wall(self, rng: Rng, size_wh: tuple[int, int]) -> Rgb:
        """A random wall: mostly what lies beside somebody in a photograph, else drawn."""
        if rng.random() < 0.7:
            for index in rng.permutation(len(self.rows))[:20]:
                photo = self._photo(self.rows[index])
                if (wall := walls.beside(photo.rgb, self._mask(photo), size_wh)) is not None:
                    return wall
        draw = list(walls.DRAWN.values())[rng.integers(len(walls.DRAWN))]
        return draw(size_wh, int(rng.integers(1 << 30)))

    def clothes(self, rng: Rng, size_wh: tuple[int, int]) -> Rgb:
        """What somebody wears, filling the frame."""
        for index in rng.permutation(len(self.rows)):
            photo = self._photo(self.rows[index])
            _, top, _, bottom = photo.box_xyxy
            if (picture := walls.below(photo.rgb, bottom, bottom - top, size_wh)) is not None:
                return picture
        return self.wall(rng, size_wh)

    def _photo(self, row: dict[str, Any]) -> Photo:
        if row["name"] not in self._photos:
            rgb, labels, box = read_rgb(Path(row["image"])), read_labels(self.labels / row["labels"]), _box(row)
            scale = min(1.0, _MOST_FACE_PX / (box[3] - box[1]))
            if scale < 1:
                rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                labels = cv2.resize(labels, rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST)
                left, top, right, bottom = (value * scale for value in box)
                box = (left, top, right, bottom)
            self._photos[row["name"]] = Photo(row["name"], rgb, labels, box)
        return self._photos[row["name"]]

    def _mask(self, photo: Photo) -> Mask:
        """(H, W) uint8: 255 on the person; what is not joined to the face is left out."""
        if photo.name not in self._masks:
            mask = np.clip((self.segmenter.person(photo.rgb) - 0.15) / 0.7, 0, 1) * 255
            mask = np.maximum(mask.astype(np.uint8), _face_mask(photo.labels))
            _, pieces = cv2.connectedComponents((mask > 100).astype(np.uint8))
            on_face = pieces[(photo.labels == FACE) & (pieces > 0)]
            person = (pieces == np.bincount(on_face).argmax()).astype(np.uint8)
            self._masks[photo.name] = np.where(cv2.dilate(person, np.ones((5, 5), np.uint8)) > 0, mask, 0).astype(
                np.uint8
            )
        return self._masks[photo.name]

    def _person(self, photo: Photo) -> Sprite:
        if photo.name not in self._people:
            alpha = self._mask(photo)
            width = alpha.shape[1]
            fade = np.minimum(np.arange(width), np.arange(width)[::-1]) / max(1.0, _SIDE_FADE * width)
            alpha = (alpha * np.clip(fade, 0, 1)[None]).astype(np.uint8)
            rgb = cv2.multiply(photo.rgb, cv2.merge([alpha] * 3), scale=1 / 255)
            left, top, right, bottom = photo.box_xyxy
            rows = int(_BODY_BELOW * (bottom - top))
            longer = [cv2.copyMakeBorder(plane, 0, rows, 0, 0, cv2.BORDER_REPLICATE) for plane in (rgb, alpha)]
            face = cv2.copyMakeBorder(_face_mask(photo.labels), 0, rows, 0, 0, cv2.BORDER_CONSTANT)
            self._people[photo.name] = Sprite(longer[0], longer[1], face, (left, top, right, bottom))
        return self._people[photo.name]


def _face_mask(labels: U8) -> Mask:
    return np.where(labels == FACE, 255, 0).astype(np.uint8)


def _box(row: dict[str, Any]) -> Box:
    left, top, right, bottom = row["box_xyxy"]
    return left, top, right, bottom


def _face_height(row: dict[str, Any]) -> float:
    _, top, _, bottom = row["box_xyxy"]
    return float(bottom - top)
