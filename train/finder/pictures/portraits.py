"""Portraits in memory-mapped files: the pictures of which training pictures are composed, each with its face.

    portraits.jsonl    one line per picture: its name, its size and where its pixels begin
    portraits.u8       the pixels, RGBA: each picture at full, half, quarter and eighth size
    landmarks.npy      (N, 478, 2) float32: FaceMesh's landmarks in pixels of the full size

The alpha channel is the head (face, ears and hair), so that a head can be pasted without its background.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from realtime.frames.types import U8
from train.data.split import Split, face_split
from train.heads.landmarks import Points

INDEX, PIXELS, LANDMARKS = "portraits.jsonl", "portraits.u8", "landmarks.npy"
LEVELS = 4
"""Sizes in which each picture is stored, each half of the one before."""
_RIGHT_CHEEK, _LEFT_CHEEK, _NOSE_TIP = 234, 454, 4  # FaceMesh
_PROFILE = 0.16  # of the way from cheek to cheek, or less: where the tip of the nose lies


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture with one labelled face."""

    name: str
    levels: tuple[U8, ...]
    """(H, W, 4) uint8 RGBA, then at half, quarter and eighth size; alpha is the head."""
    landmarks: Points
    """(478, 2) float32 in pixels of the full size."""

    def at_scale(self, scale: float) -> tuple[U8, npt.NDArray[np.float64]]:
        """The stored size that a warp to this scale should read, and (3, 3): full size -> that size (continuous)."""
        level = int(np.clip(np.floor(-np.log2(max(scale, 1e-6) / 1.001)), 0, LEVELS - 1))
        pixels, full = self.levels[level], self.levels[0]
        ratio = (pixels.shape[1] / full.shape[1], pixels.shape[0] / full.shape[0])
        return pixels, np.diag([*ratio, 1.0])


def is_profile(portrait: Portrait) -> bool:
    """Whether the tip of the nose is at, or beyond, the outline of a cheek."""
    right, left, nose = (portrait.landmarks[i] for i in (_RIGHT_CHEEK, _LEFT_CHEEK, _NOSE_TIP))
    across = left - right
    share = float((nose - right) @ across / max(1e-3, float(across @ across)))
    return min(share, 1 - share) < _PROFILE


class Portraits(Sequence[Portrait]):
    """The portraits of one side of the split. Raises DataError where the folder holds none."""

    def __init__(self, folder: Path, split: Split) -> None:
        if not (folder / INDEX).is_file():
            raise DataError(f"no {INDEX} in {folder}; expected a folder that `unveil portraits` wrote")
        lines = [json.loads(line) for line in (folder / INDEX).read_text(encoding="utf-8").splitlines()]
        self._rows = [row for row, line in enumerate(lines) if face_split(line["name"], folder) == split]
        if not self._rows:
            raise DataError(f"{folder} holds no portrait of split {split!r}")
        self._lines = lines
        self._pixels = np.memmap(folder / PIXELS, np.uint8, "r")
        self._landmarks = np.load(folder / LANDMARKS, mmap_mode="r")

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Portrait:  # type: ignore[override]  # no slices
        row = self._rows[index]
        line = self._lines[row]
        levels, start = [], int(line["offset"])
        for height, width in sizes(line["height"], line["width"]):
            end = start + height * width * 4
            levels.append(np.asarray(self._pixels[start:end]).reshape(height, width, 4))
            start = end
        return Portrait(line["name"], tuple(levels), np.asarray(self._landmarks[row]))


def sizes(height: int, width: int) -> Iterator[tuple[int, int]]:
    """(height, width) of each stored size."""
    for _ in range(LEVELS):
        yield height, width
        height, width = max(1, height // 2), max(1, width // 2)


class PortraitWriter:
    """Writes a folder of portraits, one after the other; the index of pictures is written last."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._lines, self._offset = folder, list[str](), 0
        self._landmarks: list[Points] = []
        self._file = (folder / PIXELS).open("wb")

    def add(self, name: str, rgba: U8, landmarks: Points) -> None:
        """Store one portrait: (H, W, 4) uint8 and (478, 2) in its pixels."""
        height, width = rgba.shape[:2]
        line = {"name": name, "height": height, "width": width, "offset": self._offset}
        for rows, columns in sizes(height, width):
            pixels = cv2.resize(rgba, (columns, rows), interpolation=cv2.INTER_AREA)
            self._offset += self._file.write(pixels.tobytes())
        self._lines.append(json.dumps(line))
        self._landmarks.append(landmarks[:, :2].astype(np.float32))

    def close(self) -> int:
        """Finish the folder. Returns the number of portraits."""
        self._file.close()
        np.save(self._folder / LANDMARKS, np.stack(self._landmarks))
        (self._folder / INDEX).write_text("\n".join(self._lines) + "\n", encoding="utf-8")
        return len(self._lines)
