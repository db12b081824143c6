"""Files of measured depth: which of them belongs to an input, what their steps mean, and how pictures are read."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engines.errors import SourceError, UsageError
from realtime.frames.types import DepthSteps
from realtime.video.sources.base import VIDEO_SUFFIXES
from realtime.video.sources.image import is_image

_MILLIMETRE = 0.001  # what most depth cameras count in
_SCALE = "depth_scale_m"  # of depth.json, and of the faces.jsonl that `unveil label --depth` writes
_LONGEST_LINE = 1 << 20  # a face with its landmarks has 20,000 characters


@dataclass(frozen=True)
class DepthScale:
    """The length of one step of depth."""

    step_m: float
    origin: str
    """Where the length comes from, for people."""

    def __str__(self) -> str:
        return f"{self.step_m:g} m per step ({self.origin})"


@dataclass(frozen=True)
class DepthInput:
    """The depth of one input."""

    path: Path
    """A 16-bit gray PNG, a folder of them (one per frame, in order), or a 16-bit gray video."""
    scale: DepthScale


def depth_of(source: Path, path: Path, scale_m: float | None = None, *, alone: bool = True) -> DepthInput:
    """The depth of one input.

    Args:
        source: the input.
        path: its depth picture, its depth video, or the folder of its frames' pictures; or a folder that holds
            STEM.png for an image, and STEM.mkv or a folder STEM for a video.
        scale_m: the length of one step in metres; None: as a file next to the depth states, else a millimetre.
        alone: True if the folder may hold the pictures of this one video.

    Raises:
        SourceError: there is no such depth.
        UsageError: the scale is not a positive number.
    """
    found = _found(source, path, alone)
    return DepthInput(found, scale_of(found, scale_m))


def scale_of(path: Path, given_m: float | None) -> DepthScale:
    """The length of one step: as given, else as depth.json or faces.jsonl next to the depth or above it states, else
    a millimetre.

    Raises:
        SourceError: such a file states no usable scale.
        UsageError: the given scale is not a positive number.
    """
    if given_m is not None:
        if not (math.isfinite(given_m) and given_m > 0):
            raise UsageError(f"a depth scale of {given_m} m; expected metres per step, such as 0.001")
        return DepthScale(given_m, "as given")
    for folder in (path, *path.parents[:3]):  # unveil's own depth lies in FOLDER/depth/SET/NAME.png
        for name in ("depth.json", "faces.jsonl"):
            if (folder / name).is_file():
                return DepthScale(_stated(folder / name), str(folder / name))
    return DepthScale(_MILLIMETRE, "assumed; --depth-scale or a depth.json next to it can state another")


def pictures(folder: Path) -> list[Path]:
    """The PNGs of a folder in the order of their names, with numbers in the order of their values."""
    found = (file for file in folder.iterdir() if file.suffix.lower() == ".png" and not file.name.startswith("."))
    return sorted(found, key=_by_numbers)


def read_depth(path: Path) -> DepthSteps:
    """(H, W) uint16 of a depth picture. Raises SourceError where it is missing, damaged or has other than 16 bits."""
    if not path.is_file():
        raise SourceError(f"{path}: no such depth picture; expected a 16-bit gray PNG")
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as e:
        raise SourceError(f"{path}: cannot be read ({e.strerror}); expected depth as a 16-bit gray PNG") from e
    steps = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if steps is None:
        raise SourceError(f"{path}: damaged, or no picture; expected depth as a 16-bit gray PNG")
    if steps.dtype != np.uint16 or steps.ndim != 2:
        channels = 1 if steps.ndim == 2 else steps.shape[2]
        raise SourceError(
            f"{path}: {8 * steps.itemsize} bits in {channels} channel{'s' * (channels > 1)}; expected depth as a "
            "16-bit gray PNG"
        )
    return np.asarray(steps, np.uint16)


def _by_numbers(file: Path) -> list[tuple[int, str]]:
    """A sort key that puts "depth_9" before "depth_10"."""
    parts = re.split(r"(\d+)", file.stem)  # text and digits by turns
    return [(int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts)]


def _found(source: Path, path: Path, alone: bool) -> Path:
    if not path.exists():
        raise SourceError(f"{path}: no such depth; expected a folder of 16-bit PNGs or a 16-bit gray video")
    if path.is_file():
        return path
    if is_image(source):
        return path / f"{source.stem}.png"
    own = [path / source.stem, *(path / f"{source.stem}{suffix}" for suffix in sorted(VIDEO_SUFFIXES))]
    for candidate in own:
        if candidate.exists():
            return candidate
    if alone:
        return path
    raise SourceError(f"{source}: no depth in {path}; expected a folder {source.stem} or a video {source.stem}.mkv")


def _stated(file: Path) -> float:
    try:
        values: Any = json.loads(next(_lines(file)) if file.suffix == ".jsonl" else file.read_text())
        scale = float(values[_SCALE])
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as e:
        raise SourceError(f"{file}: no {_SCALE} in it ({type(e).__name__}: {e}); or give --depth-scale") from e
    if not (math.isfinite(scale) and scale > 0):
        raise SourceError(f"{file}: {_SCALE} is {scale}; expected metres per step, or give --depth-scale")
    return scale


def _lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8") as text:
        yield text.readline(_LONGEST_LINE)
