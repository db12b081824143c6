"""Occluders with known masks: real hands, medical masks, rendered objects, and shapes that are drawn here.

Each kind makes a `Patch` in the crop's coordinates for one face; `paste` puts it there with shadow and motion.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import BACKGROUND, FACE, OCCLUSION
from realtime.frames.types import U8
from train.data.split import Split
from train.heads.contour import CHIN, FOREHEAD, Points
from train.occluders import shapes
from train.occluders.cutouts import Colouring, median_lab, random_tint, read_cutouts, skin_colouring, warp_cutout
from train.occluders.drawn_hand import drawn_hand

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

KINDS = ("hand", "mask", "object", "shape", "microphone", "sunglasses")  # of the held-aside set, too
TRAINED_KINDS = (*KINDS, "headwear", "scarf", "eyewear", "fingers", "sleeved", "drawn hand")
_KIND_SHARE = (0.27, 0.08, 0.11, 0.07, 0.04, 0.06, 0.03, 0.03, 0.04, 0.05, 0.04, 0.18)
_CHEEK_RIGHT, _CHEEK_LEFT = 234, 454  # FaceMesh: the oval at ear height; right is the subject's right


@dataclass(frozen=True, eq=False)
class Scene:
    """The face that is to be covered, in a crop."""

    rgb: U8
    """(S, S, 3)"""
    labels: U8
    """(S, S): class ids."""
    landmarks: Points
    """(478, 2) float32, in pixels of the crop."""
    face_side: float
    """The longer side of the full-face box, in pixels of the crop."""

    @property
    def centre(self) -> Points:
        """(2,) the middle of the landmarks."""
        return self.landmarks.mean(axis=0)

    def skin_lab(self) -> F32:
        """(3,) median Lab colour of the visible face (mid grey where there is none)."""
        return median_lab(self.rgb[::3, ::3][self.labels[::3, ::3] == FACE])


@dataclass(frozen=True, eq=False)
class Patch:
    """An occluder in the crop's coordinates."""

    rgb: F32
    """(S, S, 3) float32 0..255, multiplied by alpha."""
    alpha: F32
    """(S, S) float32 0..1"""


class Occluders:
    """The cut-out occluders of one side of the split, loaded once.

    Args:
        folder: holds `hands`, `masks` and `objects` with RGBA pictures.
        split: "train" or "held".

    Raises:
        DataError: a folder is missing or empty.
    """

    def __init__(self, folder: Path, split: Split) -> None:
        self.hands = read_cutouts(folder / "hands", split, 200)
        self.masks = read_cutouts(folder / "masks", split, 256)
        self.objects = read_cutouts(folder / "objects", split, 200)

    def make(self, kind: str, scene: Scene, rng: Rng) -> Patch:
        """A random occluder of a kind (one of TRAINED_KINDS), placed on the face."""
        makers: dict[str, Callable[[Scene, Rng], Patch]] = {
            "hand": self._hand,
            "mask": self._mask,
            "object": self._object,
            "shape": shape,
            "microphone": microphone,
            "sunglasses": sunglasses,
            "headwear": headwear,
            "scarf": scarf,
            "eyewear": eyewear,
            "fingers": self._fingers,
            "sleeved": self._sleeved,
            "drawn hand": drawn,
        }
        return makers[kind](scene, rng)

    def _hand(self, scene: Scene, rng: Rng, sleeved: bool = False) -> Patch:
        rgba, colouring = self._coloured_hand(scene, rng)
        if sleeved:
            rgba = _in_sleeve(rgba, shapes.texture(rgba.shape[1], rng, scene.skin_lab()), rng)
        degrees = rng.uniform(-180, 180) if rng.random() < 0.2 else rng.normal(0, 50)
        return _placed(rgba, (100, 90), scene, rng, rng.uniform(0.55, 1.25) * 200 / 170, degrees, colouring)

    def _sleeved(self, scene: Scene, rng: Rng) -> Patch:
        return self._hand(scene, rng, sleeved=True)

    def _fingers(self, scene: Scene, rng: Rng) -> Patch:
        """Fingertips on the skin, of a hand that comes from outside the face, mostly from below."""
        rgba, colouring = self._coloured_hand(scene, rng)
        tip_y = int(np.argmax((rgba[:, :, 3] > 128).any(axis=1)))
        tip_x = int(np.argmax(rgba[tip_y, :, 3]))
        anchor = (tip_x, tip_y + int(rng.integers(5, 60)))
        at = scene.centre + rng.uniform(-0.4, 0.4, 2) * scene.face_side
        away = at - scene.centre + (0, 0.3 * scene.face_side)
        degrees = math.degrees(math.atan2(-away[0], away[1])) + rng.normal(0, 30)
        return _placed(rgba, anchor, scene, rng, rng.uniform(0.6, 1.2) * 200 / 170, degrees, colouring, at)

    def _coloured_hand(self, scene: Scene, rng: Rng) -> tuple[U8, Colouring | None]:
        _, rgba = self.hands[rng.integers(len(self.hands))]
        colouring = skin_colouring(rgba, scene.skin_lab, rng)
        # The wrist is cut off at the picture's lower edge: let a forearm follow.
        return cv2.copyMakeBorder(rgba, 0, 160, 0, 0, cv2.BORDER_REPLICATE).astype(np.uint8), colouring

    def _object(self, scene: Scene, rng: Rng) -> Patch:
        _, rgba = self.objects[rng.integers(len(self.objects))]
        colouring = random_tint(rng) if rng.random() < 0.5 else None
        degrees = rng.uniform(-180, 180) if rng.random() < 0.4 else rng.normal(0, 25)
        return _placed(rgba, (100, 100), scene, rng, rng.uniform(0.3, 1.0), degrees, colouring)

    def _mask(self, scene: Scene, rng: Rng) -> Patch:
        right, left = scene.landmarks[_CHEEK_RIGHT], scene.landmarks[_CHEEK_LEFT]
        nose, chin = scene.landmarks[6], scene.landmarks[CHIN]
        across = left - right
        turned = float((nose - right) @ across / max(1e-3, float(across @ across)))  # 0.5 where the face is frontal
        view = "_left" if turned < 0.36 else "_right" if turned > 0.64 else ""
        named = [(n, m) for n, m in self.masks if (n.endswith(view) if view else not n.endswith(("_left", "_right")))]
        _, rgba = (named or self.masks)[rng.integers(len(named or self.masks))]
        colouring = random_tint(rng) if rng.random() < 0.6 else None
        x0, y0, width, height = cv2.boundingRect((rgba[:, :, 3] > 128).astype(np.uint8))
        x1, y1 = x0 + width - 1, y0 + height - 1
        top = np.float32(rng.uniform(0.25, 0.6)) * (scene.landmarks[4] - nose) + nose - (right + left) / 2
        down = (chin - nose) * rng.uniform(0.02, 0.12)
        corners = np.array([[x0, y0], [x1, y0], [(x0 + x1) / 2, y1]], np.float32)
        targets = np.array([right + top - across * 0.02, left + top + across * 0.02, chin + down], np.float32)
        jitter = rng.normal(0, 0.02 * scene.face_side, (3, 2)).astype(np.float32)
        affine = cv2.getAffineTransform(corners, targets + jitter)
        return Patch(*warp_cutout(rgba, affine, scene.rgb.shape[0], colouring))


def _in_sleeve(rgba: U8, cloth: F32, rng: Rng) -> U8:
    """Dress a hand's forearm, from about the wrist (the cut-out's lower edge, 160 rows above the end) downwards."""
    opening = rgba.shape[0] - 160 - int(rng.integers(0, 45))
    arm = np.flatnonzero(rgba[-1, :, 3] > 128)
    if not len(arm):
        return rgba
    width = np.ptp(arm) * rng.uniform(1.0, 1.5) + 4
    from_axis = np.abs(np.arange(rgba.shape[1]) - arm.mean()) / (width / 2)
    height = rgba.shape[0] - opening
    alpha = np.tile(np.clip((1 - from_axis) * width / 2, 0, 1), (height, 1)).astype(np.float32)
    round_arm = np.sqrt(np.clip(1 - from_axis**2, 0.1, 1)).astype(np.float32)  # darker towards its edges
    folds = 1 + rng.normal(0, 0.12, (height // 8 + 2, 1)).astype(np.float32)
    light = cv2.resize(folds, (1, height), interpolation=cv2.INTER_CUBIC) * round_arm
    rows = cv2.resize(cloth, (rgba.shape[1], height), interpolation=cv2.INTER_AREA) * light[:, :, None]
    if rng.random() < 0.3:  # a cuff
        rows[: int(rng.integers(4, 16))] = rng.uniform(150, 255) * round_arm[:, None]
    dressed = rgba.astype(np.float32)
    under = dressed[opening:] * (1 - alpha[:, :, None])
    dressed[opening:] = under + np.dstack([np.clip(rows, 0, 255), np.full_like(alpha, 255)]) * alpha[:, :, None]
    return dressed.astype(np.uint8)


def shape(scene: Scene, rng: Rng) -> Patch:
    """A drawn shape (blob, polygon or bar) with a flat, graded, noisy, skin or cloth-like filling."""
    size = scene.rgb.shape[0]
    centre = _somewhere(scene, rng)
    alpha = shapes.random_shape(size, centre, scene.face_side, rng)
    filling = shapes.texture(size, rng, scene.skin_lab())
    return _patch(filling, alpha)


def drawn(scene: Scene, rng: Rng) -> Patch:
    """A hand that is drawn, in the face's skin: half of them anywhere, half with their fingers about the eyes."""
    size, at, up_the_hand = scene.rgb.shape[0], _somewhere(scene, rng), 0.0
    if rng.random() < 0.5:
        at = np.concatenate(_eyes(scene)).mean(axis=0) + rng.normal(0, 0.2, 2).astype(np.float32) * scene.face_side
        up_the_hand = rng.uniform(0.5, 1.5)
    skin = scene.skin_lab()
    cloth = shapes.texture(size, rng, skin)
    return _patch(*drawn_hand(size, at, scene.face_side, skin, cloth, rng, up_the_hand))


def microphone(scene: Scene, rng: Rng) -> Patch:
    """A microphone held before the mouth."""
    mouth = scene.landmarks[13] + rng.normal(0, 0.12 * scene.face_side, 2).astype(np.float32)
    rgb, alpha = shapes.microphone(scene.rgb.shape[0], mouth, scene.face_side, rng)
    return _patch(rgb, alpha)


def sunglasses(scene: Scene, rng: Rng) -> Patch:
    """Dark or mirroring lenses over both eyes."""
    return _patch(*shapes.sunglasses(scene.rgb.shape[0], _eyes(scene), rng))


def eyewear(scene: Scene, rng: Rng) -> Patch:
    """Glasses over both eyes whose lenses fade, mirror or reflect."""
    return _patch(*shapes.eyewear(scene.rgb.shape[0], _eyes(scene), rng))


def with_clear_glasses(scene: Scene, rng: Rng) -> Scene:
    """The face with glasses that one sees through. They belong to the face: its labels stay."""
    patch = _patch(*shapes.clear_glasses(scene.rgb.shape[0], _eyes(scene), rng))
    left = cv2.merge([1 - patch.alpha] * 3)
    rgb = cv2.convertScaleAbs(cv2.add(patch.rgb, cv2.multiply(scene.rgb, left, dtype=cv2.CV_32F)))
    return replace(scene, rgb=rgb)


def _eyes(scene: Scene) -> list[Points]:
    """(2, 2) outer and inner corner of each eye."""
    return [scene.landmarks[[33, 133]], scene.landmarks[[263, 362]]]


def _patch(rgb: F32, alpha: F32) -> Patch:
    return Patch(cv2.multiply(rgb, cv2.merge([alpha] * 3)), alpha)


def headwear(scene: Scene, rng: Rng) -> Patch:
    """A cap, a hat or a band over the forehead, of some cloth."""
    across, up = _axes(scene)
    edge = scene.landmarks[9] + rng.uniform(0.1, 0.3) * up  # from just above the brows to the hairline
    alpha = shapes.headwear(scene.rgb.shape[0], edge, across, up, rng)
    return _patch(shapes.texture(scene.rgb.shape[0], rng, scene.skin_lab()), alpha)


def scarf(scene: Scene, rng: Rng) -> Patch:
    """A scarf or a collar that covers the face from below, up to the nose at most."""
    across, up = _axes(scene)
    edge = scene.landmarks[CHIN] + rng.uniform(0.05, 0.5) * up
    alpha = shapes.scarf(scene.rgb.shape[0], edge, across, up, rng)
    return _patch(shapes.texture(scene.rgb.shape[0], rng, scene.skin_lab()), alpha)


def _axes(scene: Scene) -> tuple[Points, Points]:
    """Half of the face's width and its height, as vectors."""
    across = (scene.landmarks[_CHEEK_LEFT] - scene.landmarks[_CHEEK_RIGHT]) / 2
    return across, scene.landmarks[FOREHEAD] - scene.landmarks[CHIN]


def random_kind(rng: Rng) -> str:
    """A kind of occluder, by the shares used in training."""
    return str(rng.choice(TRAINED_KINDS, p=_KIND_SHARE))


def paste(scene: Scene, patch: Patch, rng: Rng) -> Scene:
    """Cover the face: the picture with shadow, light and motion; the labels with OCCLUSION where a full face is."""
    alpha, rgb = patch.alpha, patch.rgb
    if rng.random() < 0.15:
        kernel = shapes.motion_kernel(int(rng.integers(3, 10)), rng.uniform(0, 180))
        alpha, rgb = cv2.filter2D(alpha, -1, kernel), cv2.filter2D(rgb, -1, kernel)
    left = 1 - alpha  # how much of what is under the occluder still shows
    if rng.random() < 0.6:
        left *= 1 - _shadow(alpha, scene.face_side, rng)
    under = cv2.multiply(scene.rgb, cv2.merge([left] * 3), dtype=cv2.CV_32F)
    mixed = cv2.scaleAdd(rgb, rng.uniform(0.75, 1.15), under)
    labels = scene.labels.copy()
    labels[(alpha >= 0.5) & (labels != BACKGROUND)] = OCCLUSION
    return Scene(cv2.convertScaleAbs(mixed), labels, scene.landmarks, scene.face_side)


def _shadow(alpha: F32, face_side: float, rng: Rng) -> F32:
    """(S, S) float32: how much darker it gets. Blurred at half the size, and shifted where it is enlarged."""
    dx, dy = rng.normal(0, 0.05 * face_side, 2)
    half = cv2.resize(alpha, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    half = cv2.GaussianBlur(half, (0, 0), rng.uniform(0.02, 0.08) * face_side / 2)
    enlarge = np.array([[2, 0, dx + 0.5], [0, 2, dy + 0.5]], np.float32)
    return cv2.warpAffine(half, enlarge, alpha.shape[::-1]) * np.float32(rng.uniform(0.1, 0.6))


def _somewhere(scene: Scene, rng: Rng) -> Points:
    return (scene.centre + rng.uniform(-0.5, 0.5, 2) * scene.face_side).astype(np.float32)


def _placed(
    rgba: U8, anchor: tuple[int, int], scene: Scene, rng: Rng, size: float, degrees: float,
    colouring: Colouring | None, at: npt.NDArray[np.floating] | None = None,
) -> Patch:  # fmt: skip
    """Put a 200 px cut-out's anchor `at` a point, or somewhere on the face, `size` face sides large."""
    scale = size * scene.face_side / 200
    mirrored = -1.0 if rng.random() < 0.5 else 1.0
    angle = math.radians(degrees)
    linear = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = linear @ np.diag([mirrored * rng.uniform(0.85, 1.15), 1.0])
    shift = (_somewhere(scene, rng) if at is None else at) - linear @ anchor
    return Patch(*warp_cutout(rgba, np.hstack([linear, shift[:, None]]), scene.rgb.shape[0], colouring))
