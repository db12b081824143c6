#!/usr/bin/env python
"""Measure faces that are turned: held-out portraits at many angles, and clips that turn round by 360 degrees.

Run: python scripts/measure_turned.py [MODEL...] [--shared ../shared] [--portraits 25] [--clips 8]

Each portrait is a disc on a drawn background. The mask of the face at each angle is turned back and compared with the
mask of the upright picture. A clip turns round within four seconds; its frames are compared likewise.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engines.engine import Engine
from realtime.faces.composed import load_model
from realtime.faces.detect import DetectsFaces
from realtime.faces.face_parser import FaceParser
from realtime.faces.finding.detectors import DETECTORS, open_detector
from realtime.frames.types import Frame
from realtime.render.face import faces_on_frame
from realtime.run.report import table
from scripts.measure_ghosts import SHARED, Picture, clip_pictures, walls
from train.data.split import face_split

Mask = npt.NDArray[np.bool_]
ANGLES_DEG = (0, 30, 45, 60, 75, 90, 120, 135, 150, 180, 225, 270, 315)
SIZE_WH = (640, 480)
DISC = 0.8
"""Diameter of a portrait, over the picture's height."""
FRAMES_PER_TURN = 120
DRAWN = ("texture", "bricks", "gradient")


def held_out_portraits(shared: Path, per_set: int) -> list[Path]:
    """Photographs that no network here was trained on, evenly from every set."""
    root = shared / "data" / "faces"
    chosen = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        files = [
            file
            for file in sorted(folder.rglob("*.jpg"))
            if face_split(file.relative_to(root).with_suffix("").as_posix()) == "held out"
        ]
        chosen += [files[index * len(files) // per_set] for index in range(min(per_set, len(files)))]
    return chosen


def on_background(portrait: Picture, background: Picture, angle_deg: float) -> Picture:
    """The portrait as a disc in the middle of a background, turned clockwise."""
    (width, height), (across, down) = SIZE_WH, portrait.shape[1::-1]
    diameter = DISC * height
    affine = turn_about((across / 2, down / 2), angle_deg, diameter / min(across, down))
    affine[:, 2] += (width - across) / 2, (height - down) / 2
    turned = cv2.warpAffine(portrait, affine, SIZE_WH, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    y, x = np.mgrid[:height, :width]
    inside = np.clip((diameter / 2 - np.hypot(x + 0.5 - width / 2, y + 0.5 - height / 2)) / 6, 0, 1)[..., None]
    return np.asarray(turned * inside + background * (1 - inside), np.uint8)


def turn_about(centre_xy: tuple[float, float], angle_deg: float, scale: float = 1.0) -> npt.NDArray[np.float64]:
    """(2, 3) affine between pixel centres: turns clockwise about a point, in continuous coordinates."""
    x, y = centre_xy
    return np.asarray(cv2.getRotationMatrix2D((x - 0.5, y - 0.5), -angle_deg, scale), np.float64)


def turned_back(mask: Mask, angle_deg: float) -> Mask:
    """A mask after its picture was turned upright again."""
    height, width = mask.shape
    affine = turn_about((width / 2, height / 2), -angle_deg)
    return np.asarray(cv2.warpAffine(mask.astype(np.uint8) * 255, affine, (width, height)) > 127)


def iou(one: Mask, other: Mask) -> float:
    """Intersection over union, 0..1."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def face_masks(engine: Engine, detector: DetectsFaces, pictures: Sequence[Picture]) -> list[Mask]:
    """The visible face of each frame of a video, of all faces that are shown."""
    masks = []
    with FaceParser(engine, detector) as parser:
        for index, picture in enumerate(pictures):
            frame = Frame((picture,), "rgb", index)
            mask = np.zeros(picture.shape[:2], bool)
            for face in faces_on_frame(parser.step(frame), frame, engine.spec):
                mask |= face.mask("face")
            masks.append(mask)
    return masks


def portraits_table(engine: Engine, detector: DetectsFaces, files: Sequence[Path]) -> str:
    """For each angle: how many are found, and how well the mask agrees with the upright one."""
    scores: dict[int, list[float]] = {angle: [] for angle in ANGLES_DEG}
    for number, file in enumerate(files):
        portrait = np.asarray(cv2.imread(str(file), cv2.IMREAD_COLOR_RGB), np.uint8)
        drawn = dict(walls(np.zeros((*SIZE_WH[::-1], 3), np.uint8), number, SHARED))
        background = drawn[DRAWN[number % len(DRAWN)]]
        found = {
            angle: turned_back(face_masks(engine, detector, [on_background(portrait, background, angle)])[0], angle)
            for angle in ANGLES_DEG
        }
        if found[0].any():
            for angle in ANGLES_DEG:
                scores[angle].append(iou(found[angle], found[0]))
    rows = [
        (
            angle,
            len(values),
            f"{np.mean(np.array(values) > 0):.3f}",
            f"{np.mean(values):.3f}",
            f"{np.mean(np.array(values) < 0.8):.3f}",
        )
        for angle, values in scores.items()
    ]
    return table(rows, ("degrees", "portraits", "found", "mean IoU", "share under 0.8"))


def turning_clip(pictures: Sequence[Picture]) -> tuple[list[Picture], list[Picture]]:
    """The frames of a clip, forth and back, on a square; and the same, turned a little further in each frame."""
    there_and_back = [*pictures, *reversed(pictures)]
    side = max(pictures[0].shape[:2])
    upright: list[Picture] = []
    turning: list[Picture] = []
    for index in range(FRAMES_PER_TURN + 15):
        height, width = pictures[0].shape[:2]
        for angle_deg, frames in ((0.0, upright), (angle_of(index), turning)):
            affine = turn_about((width / 2, height / 2), angle_deg)
            affine[:, 2] += (side - width) / 2, (side - height) / 2
            picture = there_and_back[index % len(there_and_back)]
            frames.append(
                np.asarray(cv2.warpAffine(picture, affine, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8)
            )
    return upright, turning


def angle_of(index: int) -> float:
    """The angle of a frame of a turning clip: upright for half a second, then once round."""
    return max(0, index - 14) * 360 / FRAMES_PER_TURN


def clips_table(engine: Engine, detector: DetectsFaces, clips: Sequence[Path]) -> str:
    """For each clip: the frames without a mask, and the IoU per frame with the upright clip's mask."""
    rows = []
    for clip in clips:
        upright, turning = (face_masks(engine, detector, frames) for frames in turning_clip(clip_pictures(clip)))
        scores = [
            iou(turned_back(mask, angle_of(index)), expected)
            for index, (mask, expected) in enumerate(zip(turning, upright, strict=True))
        ]
        lost = sum(not mask.any() for mask in turning)
        rows.append((clip.stem, len(scores), lost, f"{np.mean(scores):.3f}", f"{min(scores):.3f}"))
    return table(rows, ("clip, turned by 360 degrees", "frames", "lost", "mean IoU", "lowest IoU"))


def main() -> None:
    """Print two tables per model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["consensus-lite"])
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--portraits", type=int, default=25, help="from each set of photographs")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--detector", choices=sorted(DETECTORS), default="auto")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    detector = open_detector(arguments.detector)
    files = held_out_portraits(arguments.shared, arguments.portraits)
    clips = sorted((arguments.shared / "clips").glob("*.mkv"))[: arguments.clips]
    for model in arguments.models:
        with load_model(model) as engine:
            print(f"{model}, detector {arguments.detector}\n{portraits_table(engine, detector, files)}\n", flush=True)
            print(f"{clips_table(engine, detector, clips)}\n", flush=True)


if __name__ == "__main__":
    main()
