"""Crops of composed pictures, made by the run-time code: of faces as a tracker frames them, and of what is no face."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import ModelSpec
from realtime.faces.finding.finder import FaceFinder
from realtime.faces.following.track import steady_angle
from realtime.frames.crop import crop_from_frame, crop_rgb, region_from_box
from realtime.frames.types import U8, Frame, Region
from train.finder.pictures.upright_box import UprightBox
from train.presence.samples import PresencePicture, PresenceSample, Shown

T = TypeVar("T")
Rng = np.random.Generator
F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_MOST_FACES = 2  # of one picture
_MOST_PROPOSED = 3  # of what a finder takes for a face there; those are the hardest, and rare
_OTHERS_SHARE = 0.35  # of the pictures: one more crop without a face, from beside a face or anywhere
_LEAST_ZOOM, _MOST_ZOOM = 0.62, 1.5  # a tracker's region drifts by a factor of 1.6 at most
_FAR_OFF_SHARE = 0.12
_TURNED_SHARE = 0.1  # of the crops: at any angle. The others are about upright, as a tracker turns them
_PROPOSED_SHARE = 0.6  # of the crops, where the finder proposes any: as it frames them
_LEAST_SCORE = 0.04  # of a proposal: a fifth of what a tracker asks the parser about
_LEAST_SEEN = 0.12  # of a face: with less of it in the picture, neither answer is right
_LEAST_SIDE_PX = 14.0  # of a face: with fewer pixels, likewise
_LEAST_INSIDE = 0.5  # of what the picture shows of a face must lie in the crop
_MOST_OF_FACE = 0.08  # of a face may lie in a crop without one, ...
_MOST_OF_CROP = 0.06  # ... and of that crop may be face
_LEAST_SCALE, _MOST_SCALE = 0.5, 1.9  # of a proposal's side against the face's
_SMALLEST_PX = 16.0
_TRIES = 10
_GRID = 32
_MOVED_SHARE, _DARK_SHARE, _BLURRED_SHARE = 0.1, 0.07, 0.12
_LEAST_CONTRAST = 8.0  # standard deviation of what a crop shows of its frame: with less, nobody could see a face
_FLAT_SHARE = 0.15  # of the flat crops without a face are kept


class PresenceCrops:
    """Makes crops of pictures.

    Args:
        finder: proposes regions, also with low scores; None: the one that ships.
    """

    def __init__(self, spec: ModelSpec, finder: FaceFinder | None = None) -> None:
        self._spec = spec
        self._finder = finder or FaceFinder(min_score=_LEAST_SCORE)

    def of(self, picture: PresencePicture, rng: Rng) -> Iterator[PresenceSample]:
        """Some crops of a picture: of faces, and of what is none."""
        for sample in self._samples(picture, rng):
            if _contrast(sample.rgb) >= _LEAST_CONTRAST or (not sample.is_face and rng.random() < _FLAT_SHARE):
                yield sample

    def _samples(self, picture: PresencePicture, rng: Rng) -> Iterator[PresenceSample]:
        frame = Frame((picture.rgb,), "rgb")
        proposed = self._proposals(frame)
        faces = [each for each in picture.shown if each.is_face]
        clear = [each for each in faces if _is_clear(each)]
        for face in _some(clear, _MOST_FACES, rng):
            region = self._face_region(face, proposed, frame.size_wh, rng)
            if region is not None:
                angle_deg = (face.box.angle_deg - region.angle_deg + 180) % 360 - 180
                yield PresenceSample(self._crop(frame, region, rng), face.kind, True, angle_deg)
        for kind, region in self._other_regions(picture, proposed, rng):
            if self._is_without(region, faces, frame.size_wh):
                yield PresenceSample(self._crop(frame, region, rng), kind, False)

    def _other_regions(
        self, picture: PresencePicture, proposed: Sequence[Region], rng: Rng
    ) -> Iterator[tuple[str, Region]]:
        """Regions that may show no face: what was pasted, what the finder proposes, and any others."""
        for thing in picture.shown:
            if not thing.is_face:
                yield thing.kind, self._tracked(thing, rng)
        for region in _some(proposed, _MOST_PROPOSED, rng):
            yield "proposal", region
        if rng.random() < _OTHERS_SHARE:
            faces = [each for each in picture.shown if each.is_face]
            if faces and rng.random() < 0.6:
                yield "beside", _beside(faces[rng.integers(len(faces))].box, self._spec, rng)
            else:
                height, width = picture.rgb.shape[:2]
                yield "anywhere", _anywhere((width, height), rng)

    def _proposals(self, frame: Frame) -> list[Region]:
        found = self._finder.detect(frame)
        scale = self._spec.crop_scale
        return [region_from_box(each.box_xyxy, scale, steady_angle(each.angle_deg)) for each in found]

    def _crop(self, frame: Frame, region: Region, rng: Rng) -> U8:
        return camera_look(crop_rgb(frame, region, self._spec.size_px), rng)

    def _face_region(
        self, face: Shown, proposed: Sequence[Region], size_wh: tuple[int, int], rng: Rng
    ) -> Region | None:
        """The finder's own region of a face, or a random one; None where most of the face lies outside of it."""
        own = [region for region in proposed if self._is_of(region, face)]
        if own and rng.random() < _PROPOSED_SHARE:
            region = own[rng.integers(len(own))]
            if self._share_inside(face, region, size_wh) >= _LEAST_INSIDE:
                return region
        for _ in range(_TRIES):
            region = self._tracked(face, rng)
            if self._share_inside(face, region, size_wh) >= _LEAST_INSIDE:
                return region
        return None

    def _tracked(self, face: Shown, rng: Rng) -> Region:
        """A region as a tracker's drift makes it. What it sees of a face decides its place and size."""
        box = face.box
        towards = rng.uniform(0, 1)  # what is seen of it
        x, y = (
            whole + towards * (seen - whole)
            for whole, seen in zip((box.centre_x, box.centre_y), face.visible_xy, strict=True)
        )
        off = math.hypot(face.visible_xy[0] - box.centre_x, face.visible_xy[1] - box.centre_y) / box.side
        side = box.side * self._spec.crop_scale / math.exp(rng.uniform(math.log(_LEAST_ZOOM), math.log(_MOST_ZOOM)))
        side *= 1 - towards * min(off, 0.4)
        if rng.random() < _FAR_OFF_SHARE:
            direction, reach = rng.uniform(0, 2 * math.pi), rng.uniform(0.12, 0.32)
            shift = reach * np.array([math.cos(direction), math.sin(direction)])
        else:
            shift = rng.normal(0, 0.05, 2)
        angle = rng.uniform(-180, 180) if rng.random() < _TURNED_SHARE else box.angle_deg + rng.normal(0, 8)
        return Region(x + side * float(shift[0]), y + side * float(shift[1]), side, steady_angle(float(angle)))

    def _is_of(self, region: Region, face: Shown) -> bool:
        box = face.box
        scale = region.side / self._spec.crop_scale / box.side
        off = math.hypot(region.centre_x - box.centre_x, region.centre_y - box.centre_y)
        return _LEAST_SCALE < scale < _MOST_SCALE and off < 0.6 * box.side

    def _share_inside(self, face: Shown, region: Region, size_wh: tuple[int, int]) -> float:
        """How much of what a frame shows of a face lies in a region, 0..1."""
        box = face.box
        x, y = _ellipse(box)
        in_frame = _inside_frame(x, y, size_wh)
        in_region = _inside_region(x, y, region)
        return float((in_frame & in_region).sum() / max(1, in_frame.sum()))

    def _is_without(self, region: Region, faces: Sequence[Shown], size_wh: tuple[int, int]) -> bool:
        """Whether a region holds no more than a small corner of any face."""
        for face in faces:
            box = face.box
            x, y = _ellipse(box)
            both = _inside_region(x, y, region) & _inside_frame(x, y, size_wh)
            of_face = float(both.mean())
            of_crop = of_face * math.pi / 4 * box.width * box.height / region.side**2
            if of_face > _MOST_OF_FACE or of_crop > _MOST_OF_CROP:
                return False
        left, top, right, bottom = region.box_xyxy
        width, height = size_wh
        wide, high = min(right, width) - max(left, 0), min(bottom, height) - max(top, 0)
        return wide > 0 and high > 0 and wide * high > 0.3 * region.side**2


def camera_look(rgb: U8, rng: Rng) -> U8:
    """A crop as a camera might show it: moved, dark or out of focus."""
    shown = rgb
    if rng.random() < _MOVED_SHARE:
        shown = _moved(shown, rng)
    if rng.random() < _BLURRED_SHARE:
        shown = cv2.GaussianBlur(shown, (0, 0), rng.uniform(0.5, 2.5) * rgb.shape[0] / 128).astype(np.uint8)
    if rng.random() < _DARK_SHARE:
        shown = cv2.convertScaleAbs(shown, alpha=rng.uniform(0.06, 0.3))
    return shown if _contrast(shown) >= _LEAST_CONTRAST else rgb


def _contrast(rgb: U8) -> float:
    """Standard deviation of the luma of what is not black, 0..128."""
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    shown = luma[luma > 0]
    return float(shown.std()) if len(shown) > luma.size / 20 else 0.0


def _is_clear(face: Shown) -> bool:
    """Whether anybody would call it a face: under hands always, as a tracker knows that it was there."""
    seen = face.kind == "covered" or face.visible_share >= _LEAST_SEEN
    return face.is_face and face.counts and seen and face.box.side >= _LEAST_SIDE_PX


def _some(values: Sequence[T], most: int, rng: Rng) -> list[T]:
    """Some of the values, at random."""
    return [values[number] for number in rng.permutation(len(values))[:most]]


def _beside(box: UprightBox, spec: ModelSpec, rng: Rng) -> Region:
    """A region of what lies around a face, at its scale: hair, ears, a neck, clothes, a hand."""
    side = box.side * math.exp(rng.uniform(math.log(0.3), math.log(1.4)))
    x, y = np.array((box.centre_x, box.centre_y)) + rng.uniform(-1.6, 1.6, 2) * (box.side + side) / 2
    return Region(float(x), float(y), side * spec.crop_scale, steady_angle(float(rng.normal(0, 40))))


def _anywhere(size_wh: tuple[int, int], rng: Rng) -> Region:
    side = math.exp(rng.uniform(math.log(_SMALLEST_PX), math.log(min(size_wh))))
    x, y = rng.uniform((0, 0), size_wh)
    return Region(float(x), float(y), side, steady_angle(float(rng.normal(0, 40))))


def _ellipse(box: UprightBox) -> tuple[F64, F64]:
    """x and y of points that fill the ellipse in a face's box evenly."""
    unit = (np.mgrid[0:_GRID, 0:_GRID].reshape(2, -1) + 0.5) / _GRID * 2 - 1
    across, down = unit[:, (unit**2).sum(axis=0) < 1]
    across, down = across * box.width / 2, down * box.height / 2
    angle = math.radians(box.angle_deg)
    return (
        box.centre_x + across * math.cos(angle) - down * math.sin(angle),
        box.centre_y + across * math.sin(angle) + down * math.cos(angle),
    )


def _inside_frame(x: F64, y: F64, size_wh: tuple[int, int]) -> Bools:
    return np.asarray((x >= 0) & (y >= 0) & (x < size_wh[0]) & (y < size_wh[1]))


def _inside_region(x: F64, y: F64, region: Region) -> Bools:
    crop_x, crop_y = crop_from_frame(region, 1) @ np.stack([x, y, np.ones_like(x)])
    return np.asarray((abs(crop_x - 0.5) < 0.5) & (abs(crop_y - 0.5) < 0.5))


def _moved(rgb: U8, rng: Rng) -> U8:
    length = int(rng.integers(3, rgb.shape[0] // 8))
    kernel = np.zeros((length, length), np.float32)
    middle, angle = (length - 1) / 2, rng.uniform(0, math.pi)
    across, down = math.cos(angle) * middle, math.sin(angle) * middle
    ends = [(round(middle - sign * across), round(middle - sign * down)) for sign in (1, -1)]
    cv2.line(kernel, *ends, 1.0)
    return cv2.filter2D(rgb, -1, kernel / kernel.sum()).astype(np.uint8)
