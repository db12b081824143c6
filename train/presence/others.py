"""Crops without a face: what lies around faces, pictures, textures, and hands, objects and icons alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from engines.spec import BACKGROUND, ModelSpec
from realtime.faces.detect import Detector
from realtime.frames.resampling import warp
from realtime.frames.types import U8, Frame
from realtime.video.sources.image import is_image, read_rgb
from train.data.split import Split, face_split, occluder_split
from train.labels.label_folder import read_faces
from train.occluders import shapes
from train.occluders.cutouts import read_cutouts
from train.occluders.kinds import Occluders
from train.occluders.scene import Scene, paste
from train.presence.faces import PresenceSample
from train.presence.framing import Affine, camera_look, filled_outside, random_angle, turn

Rng = np.random.Generator
Box = tuple[float, float, float, float]

KINDS = ("surroundings", "picture", "texture", "hand", "object", "icon")
_SHARES = (0.5, 0.12, 0.08, 0.12, 0.08, 0.1)
_SMALLEST_SIDE, _LARGEST_SIDE = 0.3, 1.4  # of the face's box: side of the box that a tracker takes for a face
_MOST_OF_FACE = 0.08  # of a face may lie in the crop, ...
_MOST_OF_CROP = 0.06  # ... and of the crop may be face
_MASK_PX = 48
_LEAST_INSIDE = 0.4  # of the crop lies inside its picture
_TRIES = 12
_MOST_PICTURES = 600  # of a folder, evenly spread
_PRINTED_SHARE = 0.3  # of the icons: in one colour, as on a shirt
_ICON_PX = 200


@dataclass(frozen=True)
class Surroundings:
    """A picture, and where its faces are."""

    path: Path
    boxes: tuple[Box, ...]
    """Full-face boxes in pixels of the picture."""


class OtherCrops:
    """Endless crops without a face.

    Args:
        around: pictures with faces, whose surroundings are shown (one side of the split).
        folder: pictures without a face, as `PresenceConfig.without_faces`; None for none.
        occluders: of the same side.
        split: the side of `folder` that is used.
    """

    def __init__(
        self, around: Sequence[Surroundings], folder: Path | None, occluders: Occluders, spec: ModelSpec, split: Split
    ) -> None:
        self._around, self._occluders, self._spec = around, occluders, spec
        self._pictures = _backgrounds(folder, split) if folder else []
        self._icons = read_cutouts(folder, split, _ICON_PX) if folder else []

    def sample(self, rng: Rng) -> PresenceSample:
        """A random crop."""
        kind = str(rng.choice(KINDS, p=_SHARES))
        if (kind == "picture" and not self._pictures) or (kind == "icon" and not self._icons):
            kind = "surroundings"
        rgb = self._background(kind, rng)
        if kind in ("hand", "object"):
            for _ in range(int(rng.integers(1, 3))):
                rgb = self._pasted(kind, rgb, rng)
        if kind == "icon":
            rgb = _with_icon(rgb, self._icons[rng.integers(len(self._icons))][1], rng)
        return PresenceSample(camera_look(rgb, rng), kind, False)

    def _background(self, kind: str, rng: Rng) -> U8:
        if kind == "texture":
            return _texture(self._spec.size_px, rng)
        if kind == "picture" or (kind != "surroundings" and self._pictures and rng.random() < 0.3):
            picture = self._pictures[rng.integers(len(self._pictures))]
            side = min(picture.shape[:2]) * rng.uniform(0.15, 1.0)
            return _cut_out(picture, rng.uniform((0, 0), picture.shape[1::-1]), side, self._spec.size_px, rng)[0]
        for _ in range(_TRIES):
            crop = off_face(self._around[rng.integers(len(self._around))], self._spec, rng)
            if crop is not None:
                return crop
        return _texture(self._spec.size_px, rng)

    def _pasted(self, kind: str, rgb: U8, rng: Rng) -> U8:
        size_px = self._spec.size_px
        middle = np.full((478, 2), size_px / 2, np.float32)
        scene = Scene(rgb, np.full((size_px, size_px), BACKGROUND, np.uint8), middle, size_px / self._spec.crop_scale)
        return paste(scene, self._occluders.make(kind, scene, rng), rng).rgb


def surroundings(folders: Sequence[Path], split: Split) -> list[Surroundings]:
    """The labelled pictures of one side of the split, with the boxes of all their faces: labelled or detected."""
    found = []
    detector = Detector()
    for folder in folders:
        rows = [row for row in read_faces(folder) if face_split(row["name"], folder) == split]
        for row in rows[:: math.ceil(len(rows) / _MOST_PICTURES) or 1]:
            path = Path(row["image"])
            detected = detector.detect(Frame((read_rgb(path),), "rgb"))
            boxes = (tuple(row["box_xyxy"]), *(detection.box_xyxy for detection in detected))
            found.append(Surroundings(path, boxes))
    return found


def off_face(picture: Surroundings, spec: ModelSpec, rng: Rng) -> U8 | None:
    """A crop of what lies around the faces of a picture, at their scale; None where a face came to lie in it."""
    rgb = read_rgb(picture.path)
    left, top, right, bottom = picture.boxes[0]
    face_side = max(right - left, bottom - top)
    side = face_side * math.exp(rng.uniform(math.log(_SMALLEST_SIDE), math.log(_LARGEST_SIDE))) * spec.crop_scale
    near = rng.random() < 0.5
    low, high = ((left - face_side, top - face_side), (right + face_side, bottom + face_side))
    centre = rng.uniform(low, high) if near else rng.uniform((0, 0), rgb.shape[1::-1])
    crop, affine, inside = _cut_out(rgb, centre, side, spec.size_px, rng)
    return crop if inside > _LEAST_INSIDE and not _shows_a_face(picture.boxes, affine, spec.size_px) else None


def _cut_out(rgb: U8, centre: npt.NDArray[np.float64], side: float, size_px: int, rng: Rng) -> tuple[U8, Affine, float]:
    """A square of a picture, turned at random: its pixels, its affine, and the share of it inside the picture."""
    linear = size_px / side * turn(random_angle(rng))
    affine = np.hstack([linear, (size_px / 2 - linear @ centre)[:, None]])
    inside = warp(np.full(rgb.shape[:2], 255, np.uint8), affine, size_px)
    return filled_outside(warp(rgb, affine, size_px), inside, rng), affine, float(inside.mean()) / 255


def _shows_a_face(boxes: Sequence[Box], affine: Affine, size_px: int) -> bool:
    """Whether a crop holds more than a small corner of a face, which is an ellipse in its box."""
    back = cv2.invertAffineTransform(affine)
    points = np.mgrid[0:_MASK_PX, 0:_MASK_PX].reshape(2, -1)[::-1].T * size_px / _MASK_PX
    x, y = (points @ back[:, :2].T + back[:, 2]).T
    crop_area = (size_px**2) * abs(float(np.linalg.det(back[:, :2])))
    for left, top, right, bottom in boxes:
        wide, high = (right - left) / 2, (bottom - top) / 2
        of_crop = float((((x - left) / wide - 1) ** 2 + ((y - top) / high - 1) ** 2 < 1).mean())
        of_face = of_crop * crop_area / (math.pi * wide * high)
        if of_crop > _MOST_OF_CROP or of_face > _MOST_OF_FACE:
            return True
    return False


def _texture(size_px: int, rng: Rng) -> U8:
    """A wall, a cloth or something like it, half of the time in colours of skin."""
    skin = np.array((rng.uniform(50, 215), rng.uniform(131, 150), rng.uniform(132, 158)), np.float32)
    grey = np.array((128, 128, 128), np.float32)
    texture = shapes.texture(size_px, rng, skin if rng.random() < 0.5 else grey)
    return np.clip(texture, 0, 255).astype(np.uint8)


def _with_icon(rgb: U8, icon: U8, rng: Rng) -> U8:
    """A crop with an icon about as large as a face, as an object or printed in one colour."""
    size_px = rgb.shape[0]
    scale = size_px / _ICON_PX * rng.uniform(0.4, 1.1)
    linear = scale * turn(random_angle(rng))
    middle = size_px / 2 + rng.normal(0, 0.1 * size_px, 2)
    affine = np.hstack([linear, (middle - linear @ np.full(2, _ICON_PX / 2))[:, None]])
    warped = warp(icon, affine, size_px)
    alpha = warped[..., 3].astype(np.float32) / 255
    colours = warped[..., :3].astype(np.float32)
    if rng.random() < _PRINTED_SHARE:
        ink = rng.uniform(0, 255, 3).astype(np.float32)
        alpha = alpha * cv2.cvtColor(warped[..., :3], cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
        colours = alpha[..., None] * ink
    return cv2.convertScaleAbs(rgb * (1 - alpha[..., None]) + colours)


def _backgrounds(folder: Path, split: Split) -> list[U8]:
    files = (path for path in sorted(folder.glob("*")) if is_image(path) and occluder_split(path.stem, folder) == split)
    pictures = [read_rgb(path) for path in files if not _is_cutout(path)]
    if not pictures:
        raise DataError(f"no {split} picture without transparency in {folder}; expected backgrounds without a face")
    return pictures


def _is_cutout(path: Path) -> bool:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return pixels is not None and pixels.ndim == 3 and pixels.shape[2] == 4
