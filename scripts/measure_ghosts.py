#!/usr/bin/env python
"""Count ghosts and lost faces in composed footage: cuts from a face to a wall, faces that leave the frame, a crowd.

Run: python scripts/measure_ghosts.py [MODEL...] [--shared ../shared]

Every clip of the shared folder is cut to several walls: a corner of its own background, a texture, bricks, a gradient,
an object and the clip's own torso, each with a camera's noise. It also slides sideways out of the frame. The crowd is
24 portraits in one picture. A frame counts as a ghost where a mask is drawn two frames after the cut or later.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engines.engine import Engine
from realtime.faces.composed import load_model
from realtime.faces.detect import Detector, DetectsFaces
from realtime.faces.face_parser import FaceParser
from realtime.faces.held_back import HELD_FRAMES
from realtime.faces.search import HELD_SEARCH_INTERVAL
from realtime.faces.smooth import new_smoothing
from realtime.frames.types import Frame
from realtime.run.report import table
from realtime.video.av_frame import rgb_from_frame
from realtime.video.sources.open import open_source
from train.measure.video.scenes.walls import DRAWN, gradient

Picture = npt.NDArray[np.uint8]
SHARED = Path(__file__).resolve().parents[2] / "shared"
FRAMES_BEFORE, FRAMES_AFTER = 30, 45
FIRST_FRAME_WITHOUT = 2
"""Frames after a cut from which on no mask may be drawn."""
CROWD = 24
PEOPLE = {"bird": 2}
"""Faces of a clip, where there are more than one: half of the second is beyond the frame's edge."""


def clip_pictures(path: Path, count: int | None = None) -> list[Picture]:
    """(H, W, 3) uint8 RGB: the first frames of a clip."""
    pictures = []
    with open_source(path) as source:
        for frame in source:
            if len(pictures) == count:
                break
            pictures.append(rgb_from_frame(frame))
    return pictures


def walls(picture: Picture, seed: int, shared: Path) -> Iterator[tuple[str, Picture]]:
    """Pictures of a clip's size without a face, each with its name."""
    height, width = picture.shape[:2]
    yield "own corner", cv2.resize(picture[: height // 5, : width // 5], (width, height), interpolation=cv2.INTER_CUBIC)
    for name, draw in DRAWN.items():
        yield name, draw((width, height), seed)
    yield "object", _with_object(gradient((width, height), seed + 50), seed, shared)
    yield "torso", cv2.resize(picture[int(0.62 * height) :], (width, height))


def cut_to(pictures: list[Picture], wall: Picture) -> list[Picture]:
    """A face, then a wall with a camera's noise."""
    rng = np.random.default_rng(1)
    return pictures[:FRAMES_BEFORE] + [_noisy(wall, rng) for _ in range(FRAMES_AFTER)]


def leaving(pictures: list[Picture], stays: int = 15, leaves_in: int = 20) -> list[Picture]:
    """The whole picture slides out of the frame to the right, 5 % of its width per frame; its edge is repeated."""
    frames = []
    for index in range(stays + leaves_in + FRAMES_AFTER):
        picture = pictures[min(index, len(pictures) - 1)]
        shift = min(1.0, max(0, index - stays) / leaves_in) * picture.shape[1]
        moved = cv2.warpAffine(
            picture, np.array([[1, 0, shift], [0, 1, 0]]), picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE
        )
        frames.append(np.asarray(moved, np.uint8))
    return frames


def crowd(shared: Path, columns: int = 6, tile_px: int = 240) -> Picture:
    """24 portraits of different people in one picture, in rows."""
    files = sorted((shared / "data" / "faces" / "generated_portraits").rglob("*.*"))[:: 200 // CROWD][:CROWD]
    tiles = [cv2.resize(_read(file)[..., :3], (tile_px, tile_px), interpolation=cv2.INTER_AREA) for file in files]
    return np.vstack([np.hstack(tiles[start : start + columns]) for start in range(0, CROWD, columns)])


def faces_shown(
    engine: Engine, detector: DetectsFaces, pictures: list[Picture], redetect_every: int = HELD_SEARCH_INTERVAL
) -> list[int]:
    """How many faces are drawn in each frame of a file: those of which any pixel is labelled."""
    frames = (Frame((picture,), "rgb", index) for index, picture in enumerate(pictures))
    with FaceParser(
        engine, detector, redetect_every=redetect_every, hold_frames=HELD_FRAMES, smoothing=new_smoothing()
    ) as parser:
        return [
            sum(bool((face.probabilities[..., 0] < 128).any()) for face in faces) for _, faces in parser.steps(frames)
        ]


def shows_a_face(detector: Detector, picture: Picture) -> bool:
    """Whether the detector is sure that a wall shows a face: some objects do (a bust, Father Christmas)."""
    return any(detection.score > 0.9 for detection in detector.detect(Frame((picture,), "rgb")))


def _with_object(picture: Picture, seed: int, shared: Path) -> Picture:
    files = sorted((shared / "data" / "occluders" / "objects").glob("*.webp"))
    side = picture.shape[0] // 2
    cut_out = cv2.resize(_read(files[seed * 37 % len(files)]), (side, side))
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    place = picture[top : top + side, left : left + side]
    alpha = cut_out[..., 3:] / 255
    place[:] = place * (1 - alpha) + cut_out[..., :3] * alpha
    return picture


def _read(path: Path) -> Picture:
    """(H, W, 3 or 4) uint8 RGB(A)."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None, path
    code = cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(picture, code), np.uint8)


def _noisy(picture: Picture, rng: np.random.Generator) -> Picture:
    noise = rng.integers(-3, 4, picture.shape, dtype=np.int16)
    return np.clip(picture.astype(np.int16) + noise, 0, 255).astype(np.uint8)


def main() -> None:
    """Print a table per model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["consensus-lite"])
    parser.add_argument("--shared", type=Path, default=SHARED)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    detector = Detector()
    clips = sorted((arguments.shared / "clips").glob("*.mkv"))
    for model in arguments.models:
        with load_model(model) as engine:
            print(f"{model}\n{_table(engine, detector, clips, arguments.shared)}\n", flush=True)


def _table(engine: Engine, detector: Detector, clips: list[Path], shared: Path) -> str:
    ghosts: dict[str, list[int]] = {}
    lost = 0
    for number, clip in enumerate(clips):
        pictures = clip_pictures(clip)
        for name, wall in walls(pictures[0], number, shared):
            if shows_a_face(detector, wall):
                continue
            shown = faces_shown(engine, detector, cut_to(pictures, wall))
            lost += sum(count != PEOPLE.get(clip.stem, 1) for count in shown[:FRAMES_BEFORE])
            ghosts.setdefault(f"cut to: {name}", []).append(
                sum(count > 0 for count in shown[FRAMES_BEFORE + FIRST_FRAME_WITHOUT :])
            )
        shown = faces_shown(engine, detector, leaving(pictures))
        ghosts.setdefault("face left the frame", []).append(sum(count > 0 for count in shown[-FRAMES_AFTER:]))
    rows = [(name, len(counts), sum(counts), sum(count > 0 for count in counts)) for name, counts in ghosts.items()]
    (in_crowd,) = faces_shown(engine, detector, [crowd(shared)])
    header = ("footage", "clips", "ghost frames", "clips with one")
    return f"{table(rows, header)}\nfaces lost before the cuts: {lost}; faces found in a crowd of {CROWD}: {in_crowd}"


if __name__ == "__main__":
    main()
