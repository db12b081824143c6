"""Training pictures: faces of any size and direction, covered or not, on any background, and pictures without one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import FACE
from realtime.frames.types import U8
from train.data.augment import random_look
from train.finder.pictures.backgrounds import background, clutter
from train.finder.pictures.canvas import NOBODY, Canvas, PlacedFace, similarity
from train.finder.pictures.portraits import Portrait
from train.finder.pictures.sources import Sources
from train.finder.pictures.upright_box import UprightBox
from train.occluders.kinds import random_kind
from train.occluders.scene import Scene, paste

Rng = np.random.Generator
Frame = tuple[int, int, int, int]
"""(left, top, right, bottom): the part of a square picture that a camera's frame fills."""
LOOKS = 3
"""Pictures made of each composition, because composing takes longer than changing its light."""

# A face counts where at least this share of it is seen. Those between the two values count neither as a face nor as
# background: nobody could say.
_FACE_FROM, _NOTHING_BELOW = 0.2, 0.04
_LEAST_SIDE_PX = 8.5
_ASPECTS = (1.0, 4 / 3, 16 / 9, 3 / 4, 9 / 16)
_ASPECT_SHARES = (0.5, 0.12, 0.2, 0.06, 0.12)
_QUARTER_SHARES = (0.7, 0.1, 0.1, 0.1)  # of the further looks: how many right angles they are turned by
_LEAST_SCENE_PX = 56  # what an occluder is drawn on: less would lose its shape


@dataclass(frozen=True)
class Truth:
    """One face of a picture."""

    box: UprightBox
    visible_xy: tuple[float, float]
    """The middle of the part of its box that lies in the picture."""
    visible_share: float
    """How much of the full face is seen, 0..1."""
    counts: bool
    """False where too little is seen to call it a face or not."""

    def moved(self, dx: float, dy: float) -> Truth:
        """The same face elsewhere."""
        box = replace(self.box, centre_x=self.box.centre_x + dx, centre_y=self.box.centre_y + dy)
        return replace(self, box=box, visible_xy=(self.visible_xy[0] + dx, self.visible_xy[1] + dy))


@dataclass(frozen=True, eq=False)
class Picture:
    """A composed picture."""

    rgb: U8
    """(S, S, 3) uint8; black outside the frame."""
    frame: Frame
    faces: tuple[Truth, ...]


class Compositions:
    """Endless pictures by index: the same seed and index always give the same picture.

    Args:
        size_px: side of the pictures.
    """

    def __init__(self, sources: Sources, size_px: int, seed: int) -> None:
        self._sources, self._size_px, self._seed = sources, size_px, seed
        self._last: tuple[int, Picture] | None = None

    def __getitem__(self, index: int) -> Picture:
        number, look = divmod(index, LOOKS)
        if self._last is None or self._last[0] != number:
            self._last = number, self._composed(np.random.default_rng((self._seed, number)))
        rng = np.random.default_rng((self._seed, number, look))
        quarters = int(rng.choice(4, p=_QUARTER_SHARES))
        picture = self._last[1] if look == 0 else mirrored(self._last[1], quarters)
        return replace(picture, rgb=_looked(picture, rng))

    def _composed(self, rng: Rng) -> Picture:
        """A picture in which light and camera are still to be changed."""
        frame = _frame_in(self._size_px, rng)
        canvas = background(self._sources, self._size_px, rng)
        mode = rng.random()
        if mode < 0.42:
            _one(canvas, self._sources, frame, rng)
        elif mode < 0.62:
            _few(canvas, self._sources, rng)
        elif mode < 0.78:
            _crowd(canvas, self._sources, rng)
        elif mode < 0.83:
            _erased(canvas, self._sources, rng)
        else:
            clutter(canvas, self._sources, rng, 6)
        return in_frame(canvas, frame)


def in_frame(canvas: Canvas, frame: Frame) -> Picture:
    """What a frame shows of a canvas, and the faces that are left."""
    x0, y0, x1, y1 = frame
    seen = np.full_like(canvas.owner, NOBODY)
    seen[y0:y1, x0:x1] = canvas.owner[y0:y1, x0:x1]
    canvas.owner = seen
    faces = (truth_of(canvas, face, frame) for face in canvas.faces)
    return Picture(canvas.rgb, frame, tuple(face for face in faces if face is not None))


def mirrored(picture: Picture, quarters: int) -> Picture:
    """The picture mirrored, then turned clockwise by right angles: another one for hardly any time."""
    size_px = picture.rgb.shape[0]
    affine = np.array([[-1.0, 0, size_px], [0, 1, 0], [0, 0, 1]])
    for _ in range(quarters):
        affine = np.array([[0.0, -1, size_px], [1, 0, 0], [0, 0, 1]]) @ affine
    rgb = np.ascontiguousarray(np.rot90(picture.rgb[:, ::-1], -quarters))
    corners = np.array(picture.frame, float).reshape(2, 2) @ affine[:2, :2].T + affine[:2, 2]
    (x0, y0), (x1, y1) = corners.min(axis=0).round().astype(int), corners.max(axis=0).round().astype(int)
    return Picture(
        rgb, (int(x0), int(y0), int(x1), int(y1)), tuple(_turned(f, affine, quarters) for f in picture.faces)
    )


def _turned(face: Truth, affine: npt.NDArray[np.float64], quarters: int) -> Truth:
    box = face.box
    (x, y), (visible_x, visible_y) = (
        (affine[:2, :2] @ point + affine[:2, 2]).tolist() for point in ((box.centre_x, box.centre_y), face.visible_xy)
    )
    angle_deg = (90 * quarters - box.angle_deg + 180) % 360 - 180
    return replace(face, box=UprightBox(x, y, box.width, box.height, angle_deg), visible_xy=(visible_x, visible_y))


def _looked(picture: Picture, rng: Rng) -> U8:
    """The pixels with the light, camera and codec of another picture, black outside the frame."""
    x0, y0, x1, y1 = picture.frame
    rgb = np.zeros_like(picture.rgb)
    rgb[y0:y1, x0:x1] = random_look(picture.rgb, rng)[y0:y1, x0:x1]
    return rgb


def truth_of(canvas: Canvas, face: PlacedFace, frame: Frame) -> Truth | None:
    """What a face of a canvas is to a finder; None where nothing of it is seen."""
    share = canvas.visible_share(face)
    x0, y0, x1, y1 = frame
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    _, inside = cv2.intersectConvexConvex(face.box.corners(), corners)
    if share < _NOTHING_BELOW or inside is None or len(inside) < 3:
        return None
    middle = cv2.moments(inside)
    if middle["m00"] < 1:
        return None
    centre = (middle["m10"] / middle["m00"], middle["m01"] / middle["m00"])
    return Truth(face.box, centre, share, share >= _FACE_FROM and face.box.side >= _LEAST_SIDE_PX)


def place(
    canvas: Canvas,
    portrait: Portrait,
    side_px: float,
    centre_xy: tuple[float, float],
    degrees: float,
    edge: str,
    rng: Rng,
) -> PlacedFace | None:
    """Paste a portrait so that its face has a side, a place and a direction (about: portraits tilt a little)."""
    low, high = portrait.landmarks.min(axis=0), portrait.landmarks.max(axis=0)
    scale = side_px / float((high - low).max()) / 1.1  # the full face is a tenth higher than its landmarks
    affine = similarity(scale, degrees, rng.random() < 0.5, (low + high) / 2, np.array(centre_xy, np.float32))
    stretch = np.eye(3)
    stretch[:2, :2] += rng.normal(0, 0.03, (2, 2))
    softness = rng.uniform(0.01, 0.12) if rng.random() < 0.6 else 0.0
    return canvas.paste_portrait(portrait, affine @ stretch, edge, softness)


def occlude(canvas: Canvas, sources: Sources, face: PlacedFace, kinds: tuple[str, ...], rng: Rng) -> None:
    """Cover a face with occluders of the parsers' training."""
    side = int(min(canvas.size_px, max(_LEAST_SCENE_PX, 2.4 * face.box.side)))
    x0 = int(np.clip(face.box.centre_x - side / 2, 0, canvas.size_px - side))
    y0 = int(np.clip(face.box.centre_y - side / 2, 0, canvas.size_px - side))
    window = slice(y0, y0 + side), slice(x0, x0 + side)
    labels = np.where(canvas.owner[window] == face.number, FACE, 0).astype(np.uint8)
    landmarks = face.landmarks - np.array([x0, y0], np.float32)
    scene = Scene(np.ascontiguousarray(canvas.rgb[window]), labels, landmarks, face.box.side)
    for kind in kinds:
        patch = sources.occluders.make(kind, scene, rng)
        scene = paste(scene, patch, rng)
        canvas.owner[window][patch.alpha >= 0.5] = NOBODY
    canvas.rgb[window] = scene.rgb


def random_kinds(rng: Rng, none: float) -> tuple[str, ...]:
    """The occluders of one face; `none` is the share of faces without any."""
    chance = rng.random()
    if chance < none:
        return ()
    if chance > 0.94:
        return ("hand", "hand") if rng.random() < 0.6 else ("drawn hand", "hand", "object")
    kinds = (random_kind(rng) for _ in range(1 if rng.random() < 0.65 else 2))
    # Drawing a hand takes eight times as long as pasting one.
    return tuple("hand" if kind == "drawn hand" and rng.random() < 0.6 else kind for kind in kinds)


def random_degrees(rng: Rng) -> float:
    """Half of the faces are about upright, the others turned by any angle."""
    return float(rng.normal(0, 12) if rng.random() < 0.5 else rng.uniform(-180, 180))


def _one(canvas: Canvas, sources: Sources, frame: Frame, rng: Rng) -> None:
    """A portrait, often with its own background all over the picture, of any size up to more than the picture."""
    x0, y0, x1, y1 = frame
    shorter = min(x1 - x0, y1 - y0)
    low, high = (0.2, 0.9) if rng.random() < 0.5 else (20 / canvas.size_px, 1.75)
    side = math.exp(rng.uniform(math.log(low), math.log(high))) * shorter
    beyond = rng.uniform(0, 0.32) * side  # the edge of the frame may cut a good half of the face
    inside = 0.3 * side - beyond
    reach = [sorted((start + inside, end - inside)) for start, end in ((x0, x1), (y0, y1))]
    x, y = (rng.uniform(least, most) for least, most in reach)
    edge = str(rng.choice(("photo", "filled", "head", "oval"), p=(0.5, 0.22, 0.18, 0.1)))
    face = place(canvas, sources.any_portrait(rng), side, (x, y), random_degrees(rng), edge, rng)
    if rng.random() < 0.25:
        clutter(canvas, sources, rng, 2)
    if face is not None:
        occlude(canvas, sources, face, random_kinds(rng, 0.42), rng)


def _few(canvas: Canvas, sources: Sources, rng: Rng) -> None:
    size_px = canvas.size_px
    clutter(canvas, sources, rng, 3)
    turned = random_degrees(rng)
    for _ in range(int(rng.integers(1, 8))):
        side = math.exp(rng.uniform(math.log(_LEAST_SIDE_PX), math.log(0.6 * size_px)))
        x, y = rng.uniform(-0.05, 1.05, 2) * size_px
        edge = str(rng.choice(("photo", "head", "oval"), p=(0.4, 0.35, 0.25)))
        degrees = turned + rng.normal(0, 12) if rng.random() < 0.5 else random_degrees(rng)
        face = place(canvas, sources.any_portrait(rng), side, (x, y), degrees, edge, rng)
        if face is not None:
            occlude(canvas, sources, face, random_kinds(rng, 0.6), rng)


def _crowd(canvas: Canvas, sources: Sources, rng: Rng) -> None:
    """Faces of about one size, in rows or anywhere."""
    size_px, count = canvas.size_px, int(math.exp(rng.uniform(math.log(6), math.log(44))))
    columns = math.ceil(math.sqrt(count))
    cell = size_px / columns
    side = max(_LEAST_SIDE_PX, cell * rng.uniform(0.4, 0.95))
    turned, jitter = random_degrees(rng), 0.08 if rng.random() < 0.5 else 0.35
    edges = ("photo", "head", "oval") if rng.random() < 0.5 else (str(rng.choice(("photo", "head", "oval"))),)
    for number in range(count):
        row, column = divmod(number, columns)
        x, y = (column + 0.5 + rng.normal(0, jitter)) * cell, (row + 0.5 + rng.normal(0, jitter)) * cell
        own_side = max(_LEAST_SIDE_PX, side * math.exp(rng.normal(0, 0.18)))
        face = place(
            canvas, sources.any_portrait(rng), own_side, (x, y), turned + rng.normal(0, 12), str(rng.choice(edges)), rng
        )
        if face is not None and rng.random() < 0.15:
            occlude(canvas, sources, face, (random_kind(rng),), rng)


def _erased(canvas: Canvas, sources: Sources, rng: Rng) -> None:
    """Heads without a face: the shape, the hair and the colour alone are no face."""
    side = rng.uniform(0.15, 0.8) * canvas.size_px
    x, y = rng.uniform(0.2, 0.8, 2) * canvas.size_px
    face = place(
        canvas,
        sources.any_portrait(rng),
        side,
        (x, y),
        random_degrees(rng),
        str(rng.choice(("photo", "filled", "head"))),
        rng,
    )
    if face is None:
        return
    middle = face.outline.mean(axis=0)
    wider = np.round((face.outline - middle) * rng.uniform(1.0, 1.2) + middle).astype(np.int32)
    mask = np.zeros(canvas.owner.shape, np.uint8)
    cv2.fillConvexPoly(mask, wider, 255)
    alpha = cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.03 * side)).astype(np.float32) / np.float32(255)
    if rng.random() < 0.6:
        small = cv2.resize(canvas.rgb, (24, 24), interpolation=cv2.INTER_AREA)
        blurred = cv2.GaussianBlur(small, (0, 0), 24 * 0.3 * side / canvas.size_px)
        fill = cv2.resize(blurred, canvas.rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    else:
        fill = background(sources, canvas.size_px, rng).rgb
    canvas.rgb = cv2.blendLinear(fill, canvas.rgb, alpha, 1 - alpha)
    canvas.faces.clear()
    canvas.owner[:] = NOBODY


def _frame_in(size_px: int, rng: Rng) -> Frame:
    """(left, top, right, bottom): the frame of a common shape in the middle of the square; half of them fill it."""
    aspect = float(rng.choice(_ASPECTS, p=_ASPECT_SHARES))
    width, height = (size_px, round(size_px / aspect)) if aspect > 1 else (round(size_px * aspect), size_px)
    x0, y0 = (size_px - width) // 2, (size_px - height) // 2
    return x0, y0, x0 + width, y0 + height
