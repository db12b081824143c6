"""Pictures with faces of every size and place, and pictures without a face, composed of held-out portraits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import Mask, Rgb

Rng = np.random.Generator
Rgba = Rgb
"""(H, W, 4): with alpha."""
Affine = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Portrait:
    """A held-out portrait of one face."""

    rgb: Rgb
    face: Mask
    """(H, W) uint8: 255 on the full face."""
    box_xyxy: tuple[int, int, int, int]

    @property
    def height(self) -> int:
        """The full face's height in pixels."""
        return self.box_xyxy[3] - self.box_xyxy[1]

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of its box."""
        left, top, right, bottom = self.box_xyxy
        return (left + right) / 2, (top + bottom) / 2


@dataclass(frozen=True, eq=False)
class Picture:
    """A composed picture and the masks of its faces."""

    rgb: Rgb
    faces: tuple[Mask, ...]


Compose = Callable[[Sequence[Portrait], Rng, Sequence[Rgba]], Picture]
"""Makes a picture of portraits, a generator and RGBA cut-outs."""


@dataclass(frozen=True)
class Case:
    """One kind of picture."""

    name: str
    least_iou: float
    compose: Compose
    portraits: int = 1
    """Portraits in one picture."""


def as_it_is(portraits: Sequence[Portrait], rng: Rng, cutouts: Sequence[Rgba]) -> Picture:
    """The portrait."""
    return Picture(portraits[0].rgb, (portraits[0].face,))


def small(height: int, size_wh: tuple[int, int]) -> Compose:
    """Four portraits with faces of one height, anywhere on a wall, one in each quarter of the frame."""

    def compose(portraits: Sequence[Portrait], rng: Rng, cutouts: Sequence[Rgba]) -> Picture:
        width, high = size_wh
        canvas, faces = wall(rng, size_wh), []
        for index, portrait in enumerate(portraits):
            x = width / 2 * (index % 2 + rng.uniform(0.2, 0.8))
            y = high / 2 * (index // 2 + rng.uniform(0.2, 0.8))
            quarter = np.zeros((high, width), np.uint8)
            top, left = index // 2 * high // 2, index % 2 * width // 2
            quarter[top : top + high // 2, left : left + width // 2] = 255
            faces.append(_put(canvas, portrait, (x, y), height, quarter))
        return Picture(canvas, tuple(faces))

    return compose


def tiny(side: int) -> Compose:
    """A picture of few pixels, of which the face is about a half high."""

    def compose(portraits: Sequence[Portrait], rng: Rng, cutouts: Sequence[Rgba]) -> Picture:
        canvas = wall(rng, (side, side))
        return Picture(canvas, (_put(canvas, portraits[0], (side / 2, side / 2), side * rng.uniform(0.4, 0.65)),))

    return compose


def filling(portraits: Sequence[Portrait], rng: Rng, cutouts: Sequence[Rgba]) -> Picture:
    """The face from edge to edge: a crop of the portrait, up to a quarter smaller than the face's box."""
    (portrait,) = portraits
    half = portrait.height * rng.uniform(0.38, 0.52)
    left, top, right, bottom = portrait.box_xyxy
    aspect = (right - left) / (bottom - top)
    x, y = portrait.middle
    rows = slice(max(0, round(y - half)), round(y + half))
    columns = slice(max(0, round(x - half * aspect)), round(x + half * aspect))
    return Picture(np.ascontiguousarray(portrait.rgb[rows, columns]), (portrait.face[rows, columns],))


def beyond_edge(portraits: Sequence[Portrait], rng: Rng, cutouts: Sequence[Rgba]) -> Picture:
    """About half of the face lies beyond one edge of the picture."""
    width, height = 640, 480
    face = rng.uniform(90, 300)
    canvas = wall(rng, (width, height))
    x, y = rng.uniform(0.25, 0.75, 2) * (width, height)
    off = rng.uniform(-0.06, 0.06) * face
    x, y = ((off, y), (width + off, y), (x, off), (x, height + off))[rng.integers(4)]
    return Picture(canvas, (_put(canvas, portraits[0], (x, y), face),))


def occluded(portraits: Sequence[Portrait], rng: Rng, cutouts: Sequence[Rgba]) -> Picture:
    """A hand or an object lies on the face."""
    (portrait,) = portraits
    x, y = portrait.middle
    place = x + rng.uniform(-0.3, 0.3) * portrait.height, y + rng.uniform(-0.2, 0.4) * portrait.height
    return _with_cutout(portrait, rng, cutouts, place, rng.uniform(0.5, 0.8) * portrait.height)


def half_covered(portraits: Sequence[Portrait], rng: Rng, cutouts: Sequence[Rgba]) -> Picture:
    """A large object hides half of the face: its left, right or lower half."""
    (portrait,) = portraits
    size = rng.uniform(1.3, 1.8) * portrait.height
    to_x, to_y = ((0.4, 0.1), (-0.4, 0.1), (0, 0.45))[rng.integers(3)]
    x, y = portrait.middle
    return _with_cutout(portrait, rng, cutouts, (x + to_x * size, y + to_y * size), size)


CASES = (
    Case("unmodified portrait", 0.5, as_it_is),
    Case("24 px in 480x270", 0.5, small(24, (480, 270)), 4),
    Case("40 px in 1280x720", 0.5, small(40, (1280, 720)), 4),
    Case("60 px in 1280x720", 0.5, small(60, (1280, 720)), 4),
    Case("picture of 64x64", 0.5, tiny(64)),
    Case("picture of 100x100", 0.5, tiny(100)),
    Case("face fills the picture", 0.7, filling),
    Case("half beyond the edge", 0.7, beyond_edge),
    Case("hand or object on it", 0.5, occluded),
    Case("half behind an object", 0.5, half_covered),
)


def without_face(portraits: Sequence[Portrait], cutouts: Sequence[Rgba], count: int) -> Iterator[Rgb]:
    """Pictures without a face: walls, hands and objects on walls, and what lies below and beside faces."""
    for index in range(count):
        rng = np.random.default_rng(90_000 + index)
        size_wh = ((640, 480), (480, 270), (1280, 720), (256, 256))[index // 4 % 4]
        canvas = wall(rng, size_wh)
        if index % 4 == 1:
            for _ in range(int(rng.integers(1, 6))):
                cutout = cutouts[rng.integers(len(cutouts))]
                _paste(canvas, cutout, _anywhere(rng, size_wh), rng.uniform(0.1, 0.9) * min(size_wh))
        elif index % 4 > 1:
            canvas = _below_face(portraits[int(rng.integers(len(portraits)))], rng, size_wh)
        yield canvas


def wall(rng: Rng, size_wh: tuple[int, int]) -> Rgb:
    """A plain, a lit or a rough wall of any colour."""
    width, height = size_wh
    kind = rng.integers(3)
    colours = rng.uniform(30, 230, (2, 3))
    share = np.linspace(0, 1, width)[None, :, None] if kind else np.zeros((1, width, 1))
    picture = np.repeat(colours[0] * (1 - share) + colours[1] * share, height, axis=0).astype(np.float32)
    for cell in (6, 30, 120) if kind == 2 else ():
        noise = rng.normal(0, 14, (height // cell + 2, width // cell + 2, 3)).astype(np.float32)
        picture += cv2.resize(noise, size_wh, interpolation=cv2.INTER_CUBIC)
    return np.asarray((picture + rng.normal(0, 2, picture.shape)).clip(0, 255), np.uint8)


def _put(
    canvas: Rgb, portrait: Portrait, middle: tuple[float, float], height: float, within: Mask | None = None
) -> Mask:
    """Draw a portrait with its face in a place, and say where its face then is."""
    scale = height / portrait.height
    size_wh = (canvas.shape[1], canvas.shape[0])
    x, y = portrait.middle
    affine = np.array([[scale, 0, middle[0] - scale * x], [0, scale, middle[1] - scale * y]])
    rgb, face = (_warped(values, affine, size_wh, scale) for values in (portrait.rgb, portrait.face))
    there = _warped(np.full(portrait.face.shape, 255, np.uint8), affine, size_wh, scale)
    shown = there > 254 if within is None else (there > 254) & (within > 0)
    canvas[shown] = rgb[shown]
    return np.where(shown, face, np.uint8(0))


def _warped(values: Rgb | Mask, affine: Affine, size_wh: tuple[int, int], scale: float) -> Rgb:
    affine = affine.copy()
    if scale < 1:  # an area's mean, so that a small face has no jagged edges
        values = np.asarray(cv2.resize(values, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        affine[:, :2] = np.eye(2)
    return np.asarray(cv2.warpAffine(values, affine, size_wh, flags=cv2.INTER_LINEAR), np.uint8)


def _anywhere(rng: Rng, size_wh: tuple[int, int]) -> tuple[float, float]:
    width, height = size_wh
    return rng.uniform(0, width), rng.uniform(0, height)


def _with_cutout(
    portrait: Portrait, rng: Rng, cutouts: Sequence[Rgba], middle: tuple[float, float], size: float
) -> Picture:
    canvas = portrait.rgb.copy()
    _paste(canvas, cutouts[rng.integers(len(cutouts))], middle, size)
    return Picture(canvas, (portrait.face,))


def _paste(canvas: Rgb, cutout: Rgb, middle: tuple[float, float], size: float) -> None:
    scale = size / max(cutout.shape[:2])
    x, y = (edge / 2 * scale for edge in cutout.shape[1::-1])
    affine = np.array([[scale, 0, middle[0] - x], [0, scale, middle[1] - y]])
    patch = _warped(cutout, affine, (canvas.shape[1], canvas.shape[0]), scale).astype(np.float32)
    alpha = patch[..., 3:] / 255
    canvas[:] = canvas * (1 - alpha) + patch[..., :3] * alpha


def _below_face(portrait: Portrait, rng: Rng, size_wh: tuple[int, int]) -> Rgb:
    """What lies below the face, or beside it above the shoulders, enlarged to a frame."""
    left, _, right, bottom = portrait.box_xyxy
    height, width = portrait.face.shape
    margin = round(0.15 * portrait.height)
    parts = [
        portrait.rgb[bottom + margin :],
        portrait.rgb[:, : max(0, left - 2 * margin)],
        portrait.rgb[:, right + 2 * margin :],
    ]
    parts = [part for part in parts if min(part.shape[:2]) > 40]
    part = parts[rng.integers(len(parts))] if parts else wall(rng, (width, height))
    return np.asarray(cv2.resize(part, size_wh, interpolation=cv2.INTER_CUBIC), np.uint8)
