"""Frames for comparing face finders: portraits, occluders and scenes held out from training, one kind at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from realtime.frames.types import Rgb
from train.finder.pictures.backgrounds import background, clutter
from train.finder.pictures.canvas import Canvas
from train.finder.pictures.compose import Truth, in_frame, occlude, place
from train.finder.pictures.portraits import Portrait, Portraits, is_profile
from train.finder.pictures.sources import Sources

Rng = np.random.Generator
_CAMERA, _SMALL, _HD = (640, 480), (480, 270), (1280, 720)
_EDGES = ("photo", "filled", "head", "oval")


@dataclass(frozen=True, eq=False)
class Case:
    """One frame with its faces."""

    kind: str
    rgb: Rgb
    faces: tuple[Truth, ...]


@dataclass(frozen=True)
class _Kind:
    """How the faces of one kind are made."""

    size_wh: tuple[int, int] = _CAMERA
    side_px: tuple[float, float] = (70.0, 280.0)
    degrees: float | None = None
    """Turned by this, either way; None: about upright."""
    covers: tuple[str, ...] = ()
    change: Callable[[Rgb, Rng], Rgb] | None = None
    at_edge: bool = False
    profile: bool = False


def _dark(rgb: Rgb, rng: Rng) -> Rgb:
    noise = rng.normal(0, 4, rgb.shape)
    return np.clip(rgb * rng.uniform(0.08, 0.2) + noise, 0, 255).astype(np.uint8)


def _compressed(rgb: Rgb, rng: Rng) -> Rgb:
    _, data = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(4, 11))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _grey(rgb: Rgb, _: Rng) -> Rgb:
    return np.asarray(cv2.merge([cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)] * 3), np.uint8)


KINDS: dict[str, _Kind] = {
    "plain": _Kind(),
    "hand": _Kind(covers=("hand",)),
    "two hands": _Kind(covers=("hand", "hand")),
    "object": _Kind(covers=("object",)),
    "mask": _Kind(covers=("mask",)),
    "turned 45": _Kind(degrees=45),
    "turned 90": _Kind(degrees=90),
    "turned 135": _Kind(degrees=135),
    "turned 180": _Kind(degrees=180),
    "24 px in 480x270": _Kind(_SMALL, (24.0, 24.0)),
    "40 px in 1280x720": _Kind(_HD, (40.0, 40.0)),
    "half beyond the edge": _Kind(side_px=(140.0, 300.0), at_edge=True),
    "fills the picture": _Kind(side_px=(480.0, 720.0)),
    "dark": _Kind(change=_dark),
    "compressed": _Kind(change=_compressed),
    "grey": _Kind(change=_grey),
    "profile": _Kind(profile=True),
}
"""The kinds of faces, by the names that tables show."""


def cases(sources: Sources, kind: str, count: int, seed: int = 0) -> Iterator[Case]:
    """Frames with one face of a kind each, always the same for the same sources and seed."""
    chosen = KINDS[kind]
    profiles = [row for row in range(len(sources.portraits)) if is_profile(sources.portraits[row])]
    portraits = _Some(sources.portraits, profiles) if chosen.profile else sources.portraits
    number = 0
    for attempt in range(4 * count):
        rng = np.random.default_rng((seed, list(KINDS).index(kind), attempt))
        case = _case(kind, chosen, sources, portraits, rng)
        if case is not None:
            yield case
            number += 1
        if number == count:
            return


def without_faces(sources: Sources, count: int, seed: int = 0) -> Iterator[Case]:
    """Frames without a face: scenes, walls and rooms with hands, objects, animals and drawn faces."""
    for number in range(count):
        rng = np.random.default_rng((seed, len(KINDS), number))
        size_wh = _HD if number % 4 == 0 else _CAMERA
        canvas = background(sources, max(size_wh), rng)
        clutter(canvas, sources, rng, 5)
        yield Case("no face", _cut(canvas, size_wh)[0], ())


def _case(kind: str, chosen: _Kind, sources: Sources, portraits: Portraits | _Some, rng: Rng) -> Case | None:
    canvas = background(sources, max(chosen.size_wh), rng)
    side = math.exp(rng.uniform(*np.log(chosen.side_px)))
    edge = str(rng.choice(_EDGES, p=(0.4, 0.25, 0.2, 0.15)))
    degrees = rng.normal(0, 8) + (chosen.degrees or 0) * (1 if rng.random() < 0.5 else -1)
    portrait = portraits[int(rng.integers(len(portraits)))]
    face = place(canvas, portrait, side, _centre(chosen, side, rng), degrees, edge, rng)
    if face is None:
        return None
    if chosen.covers:
        occlude(canvas, sources, face, chosen.covers, rng)
    rgb, truths = _cut(canvas, chosen.size_wh)
    if not any(truth.counts for truth in truths):
        return None
    return Case(kind, chosen.change(rgb, rng) if chosen.change else rgb, truths)


def _centre(chosen: _Kind, side: float, rng: Rng) -> tuple[float, float]:
    """Where the face's middle lies on the square canvas, whose middle rows or columns are the frame."""
    width, height = chosen.size_wh
    x0, y0 = (max(chosen.size_wh) - width) / 2, (max(chosen.size_wh) - height) / 2
    if chosen.at_edge:  # the middle on an edge, or a little inside: half of the face is beyond it
        along, inside = rng.uniform(0.25, 0.75), rng.uniform(0, 0.08) * side
        places = (
            (inside, along * height), (width - inside, along * height), (along * width, inside),
            (along * width, height - inside),
        )  # fmt: skip
        x, y = places[int(rng.integers(4))]
        return x0 + x, y0 + y
    margin = 0.5 * side
    x = rng.uniform(min(margin, width / 2), max(width - margin, width / 2))
    y = rng.uniform(min(margin, height / 2), max(height - margin, height / 2))
    return x0 + x, y0 + y


def _cut(canvas: Canvas, size_wh: tuple[int, int]) -> tuple[Rgb, tuple[Truth, ...]]:
    """The frame in the middle of a canvas, and its faces in the frame's pixels."""
    width, height = size_wh
    x0, y0 = (canvas.size_px - width) // 2, (canvas.size_px - height) // 2
    picture = in_frame(canvas, (x0, y0, x0 + width, y0 + height))
    rgb = np.ascontiguousarray(picture.rgb[y0 : y0 + height, x0 : x0 + width])
    return rgb, tuple(truth.moved(-x0, -y0) for truth in picture.faces)


@dataclass(frozen=True)
class _Some:
    """Some of the portraits."""

    portraits: Portraits
    rows: list[int]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Portrait:
        return self.portraits[self.rows[index]]
