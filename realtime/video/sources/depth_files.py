"""Which depth belongs to which input, what its steps mean, and depth pictures."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engines.errors import SourceError, UsageError
from realtime.frames.types import U16
from realtime.run.jobs import VIDEO_SUFFIXES, DepthInput, DepthScale, Job, is_image

_MILLIMETRE = 0.001  # what most depth cameras count in
_SCALE = "depth_scale_m"  # of depth.json, and of the faces.jsonl that `unveil label --depth` writes
_LONGEST_LINE = 1 << 20  # a face with its landmarks has 20,000 characters


def with_depth(jobs: Sequence[Job], path: Path, scale_m: float | None = None) -> list[Job]:
    """The jobs with their depth; one for which there is none has a problem.

    Args:
        path: of one input: its depth picture, its depth video, or the folder of its frames' pictures. Of several: a
            folder that holds STEM.png for an image, and STEM.mkv or a folder STEM for a video.
        scale_m: metres that one step stands for; None: as a file beside the depth says, else millimetres.

    Raises:
        SourceError: there is no such path.
        UsageError: one depth file for several inputs, or a scale that is none.
    """
    if path.is_file() and len(jobs) > 1:
        raise UsageError(f"{path} is the depth of one input; got {len(jobs)}: give a folder with the depth of each")
    return [_with_depth(job, path, scale_m, alone=len(jobs) == 1) for job in jobs]


def depth_of(source: Path, path: Path, scale_m: float | None = None, *, alone: bool = True) -> DepthInput:
    """The depth of one input (see `with_depth`); `alone`: the folder may hold the frames of this one video.

    Raises:
        SourceError: there is none.
        UsageError: a scale that is none.
    """
    found = _found(source, path, alone)
    return DepthInput(found, scale_of(found, scale_m))


def scale_of(path: Path, given_m: float | None) -> DepthScale:
    """What a step stands for: as given, as depth.json or faces.jsonl beside the depth (or above it) says, else a
    millimetre.

    Raises:
        SourceError: such a file says nothing that could be understood.
        UsageError: the given scale is none.
    """
    if given_m is not None:
        if not (math.isfinite(given_m) and given_m > 0):
            raise UsageError(f"a depth scale of {given_m} m; expected metres a step, such as 0.001")
        return DepthScale(given_m, "as given")
    for folder in (path, *path.parents[:3]):  # unveil's own depth lies in FOLDER/depth/SET/NAME.png
        for name in ("depth.json", "faces.jsonl"):
            if (folder / name).is_file():
                return DepthScale(_stated(folder / name), str(folder / name))
    return DepthScale(_MILLIMETRE, "assumed; --depth-scale or a depth.json beside it says otherwise")


def pictures(folder: Path) -> list[Path]:
    """The PNGs of a folder in the order of their names, with numbers in the order of their values."""
    found = (file for file in folder.iterdir() if file.suffix.lower() == ".png" and not file.name.startswith("."))
    return sorted(found, key=_by_numbers)


def read_depth(path: Path) -> U16:
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
    """ "depth_9" before "depth_10"."""
    parts = re.split(r"(\d+)", file.stem)  # text and digits by turns
    return [(int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts)]


def _with_depth(job: Job, path: Path, scale_m: float | None, alone: bool) -> Job:
    if job.problem:
        return job
    try:
        return replace(job, depth=depth_of(job.input, path, scale_m, alone=alone))
    except SourceError as e:
        if not path.exists():
            raise
        return replace(job, problem=str(e))


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
        raise SourceError(f"{file}: {_SCALE} is {scale}; expected metres a step, or give --depth-scale")
    return scale


def _lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8") as text:
        yield text.readline(_LONGEST_LINE)
