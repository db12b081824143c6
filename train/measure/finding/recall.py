"""Measures how many faces of composed pictures are found, and how many pictures without a face show one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engines.engine import Engine
from realtime.faces.detect import DetectsFaces
from realtime.faces.face_parser import FaceParser
from realtime.faces.probabilities import confidence, full_face
from realtime.frames.crop import channel_on_frame, window_on_frame
from realtime.frames.types import Frame, Mask, ParsedFace, Rgb
from realtime.video.sources.image import read_rgb
from train.data.split import face_split, occluder_split
from train.measure.finding.pictures import CASES, Case, Portrait, Rgba, without_face

_SETS = ("us_portraits", "us_portraits_grey", "generated_portraits", "sfhq_t2i")
_CUTOUTS = ("hands", "objects")
_CLEAR = 0.93  # the parser's confidence in portraits whose masks serve as ground truth


@dataclass(frozen=True)
class Recall:
    """The result of one kind of picture."""

    faces: int
    """Faces in the pictures; for pictures without a face, the pictures."""
    found: int
    """Those that were found; for pictures without a face, those that show one."""
    false: int
    """Masks that overlap with no face."""
    ms_per_picture: float
    """CPU time of one thread."""

    @property
    def share(self) -> float:
        """Found faces, 0..1."""
        return self.found / max(1, self.faces)


def measure(
    engine: Engine, detector: DetectsFaces, data: Path, faces: int, without: int
) -> Iterator[tuple[str, Recall]]:
    """Each kind of picture with its recall.

    Args:
        data: contains the folders `faces` and `occluders`.
        faces: portraits for each kind of picture.
        without: pictures without a face.
    """
    portraits = load_portraits(engine, detector, data / "faces", faces)
    cutouts = load_cutouts(data / "occluders")
    for case in CASES:
        yield case.name, _recall(case, portraits, cutouts, engine, detector)
    yield "no face", _false_faces(portraits, cutouts, engine, detector, without)


def load_portraits(engine: Engine, detector: DetectsFaces, folder: Path, most: int) -> list[Portrait]:
    """Held-out portraits in which the parser is sure of exactly one face; all sets have the same share."""
    portraits = []
    for path in _held_out(folder, most):
        rgb = read_rgb(path)
        faces = _faces(rgb, engine, detector)
        if len(faces) == 1 and confidence(faces[0].probabilities, engine.spec) > _CLEAR:
            mask = _mask(faces[0], rgb, engine)
            rows, columns = (np.flatnonzero((mask > 127).any(axis=axis)) for axis in (1, 0))
            portraits.append(Portrait(rgb, mask, (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)))
    return portraits


def load_cutouts(folder: Path) -> list[Rgba]:
    """Held-out hands and objects."""
    paths = [path for name in _CUTOUTS for path in sorted((folder / name).glob("*.webp"))]
    held_out = [path for path in paths if occluder_split(path.stem) == "held out"]
    pictures = (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in held_out)
    return [
        np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA), np.uint8) for picture in pictures if picture is not None
    ]


def _held_out(folder: Path, most: int) -> Iterator[Path]:
    for name in _SETS:
        paths = [
            path for path in sorted((folder / name).glob("*.jpg")) if face_split(f"{name}/{path.stem}") == "held out"
        ]
        count = most // len(_SETS)
        yield from (paths[index * len(paths) // count] for index in range(min(count, len(paths))))


def _recall(
    case: Case, portraits: list[Portrait], cutouts: list[Rgba], engine: Engine, detector: DetectsFaces
) -> Recall:
    found = false = 0
    seconds = []
    for first in range(0, len(portraits) - case.portraits + 1, case.portraits):
        picture = case.compose(portraits[first : first + case.portraits], np.random.default_rng(first), cutouts)
        start = time.thread_time()
        faces = _faces(picture.rgb, engine, detector)
        seconds.append(time.thread_time() - start)
        masks = [_mask(face, picture.rgb, engine) for face in faces]
        found += sum(any(_iou(mask, truth) >= case.least_iou for mask in masks) for truth in picture.faces)
        false += sum(all(_iou(mask, truth) < 0.1 for truth in picture.faces) for mask in masks)
    return Recall(len(seconds) * case.portraits, found, false, _ms(seconds))


def _false_faces(
    portraits: list[Portrait], cutouts: list[Rgba], engine: Engine, detector: DetectsFaces, count: int
) -> Recall:
    shown, seconds = 0, []
    for rgb in without_face(portraits, cutouts, count):
        start = time.thread_time()
        shown += bool(_faces(rgb, engine, detector))
        seconds.append(time.thread_time() - start)
    return Recall(count, shown, shown, _ms(seconds))


def _faces(rgb: Rgb, engine: Engine, detector: DetectsFaces) -> list[ParsedFace]:
    with FaceParser(engine, detector) as parser:
        return parser.step(Frame((rgb,), "rgb"))


def _mask(face: ParsedFace, rgb: Rgb, engine: Engine) -> Mask:
    """(H, W) uint8: the full face, with what lies on it, in the pixels of the picture."""
    mask = np.zeros(rgb.shape[:2], np.uint8)
    left, top, right, bottom = window = window_on_frame(face.region, (rgb.shape[1], rgb.shape[0]))
    if right > left:
        mask[top:bottom, left:right] = channel_on_frame(full_face(face.probabilities, engine.spec), face.region, window)
    return mask


def _iou(mask: Mask, truth: Mask) -> float:
    one, other = mask > 127, truth > 127
    return float((one & other).sum() / max(1, (one | other).sum()))


def _ms(seconds: list[float]) -> float:
    return round(1000 * float(np.mean(seconds)), 1) if seconds else 0.0
