"""Occluders with known masks: real hands, medical masks, rendered objects, and shapes that are drawn here.

Each kind makes a `Patch` in the crop's coordinates for one face; `paste` puts it there with shadow and motion.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from engines.spec import BACKGROUND, OCCLUSION
from realtime.types import U8
from train import shapes
from train.contour import CHIN, Points
from train.data.split import Split, occluder_split

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

KINDS = ("hand", "mask", "object", "shape", "microphone", "sunglasses")
_KIND_SHARE = (0.42, 0.12, 0.20, 0.15, 0.05, 0.06)
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
        pixels = self.rgb[self.labels == 1][::7]
        if not len(pixels):
            return np.array((128, 128, 128), np.float32)
        lab = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2LAB)[0]
        return np.median(lab, axis=0).astype(np.float32)


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
        self.hands = _read_all(folder / "hands", split, 200)
        self.masks = _read_all(folder / "masks", split, 256)
        self.objects = _read_all(folder / "objects", split, 200)

    def make(self, kind: str, scene: Scene, rng: Rng) -> Patch:
        """A random occluder of a kind (one of KINDS), placed on the face."""
        makers: dict[str, Callable[[Scene, Rng], Patch]] = {
            "hand": self._hand,
            "mask": self._mask,
            "object": self._object,
            "shape": shape,
            "microphone": microphone,
            "sunglasses": sunglasses,
        }
        return makers[kind](scene, rng)

    def _hand(self, scene: Scene, rng: Rng) -> Patch:
        _, rgba = self.hands[rng.integers(len(self.hands))]
        rgba = _recolour(rgba, scene, rng)
        # The wrist is cut off at the picture's lower edge: let a forearm follow.
        rgba = cv2.copyMakeBorder(rgba, 0, 160, 0, 0, cv2.BORDER_REPLICATE)
        degrees = rng.uniform(-180, 180) if rng.random() < 0.2 else rng.normal(0, 50)
        return _placed(rgba, (100, 90), scene, rng, size=rng.uniform(0.55, 1.25) * 200 / 170, degrees=degrees)

    def _object(self, scene: Scene, rng: Rng) -> Patch:
        _, rgba = self.objects[rng.integers(len(self.objects))]
        if rng.random() < 0.5:
            rgba = _tinted(rgba, rng)
        degrees = rng.uniform(-180, 180) if rng.random() < 0.4 else rng.normal(0, 25)
        return _placed(rgba, (100, 100), scene, rng, size=rng.uniform(0.3, 1.0), degrees=degrees)

    def _mask(self, scene: Scene, rng: Rng) -> Patch:
        right, left = scene.landmarks[_CHEEK_RIGHT], scene.landmarks[_CHEEK_LEFT]
        nose, chin = scene.landmarks[6], scene.landmarks[CHIN]
        across = left - right
        turned = float((nose - right) @ across / max(1e-3, float(across @ across)))  # 0.5 where the face is frontal
        view = "_left" if turned < 0.36 else "_right" if turned > 0.64 else ""
        named = [(n, m) for n, m in self.masks if (n.endswith(view) if view else not n.endswith(("_left", "_right")))]
        _, rgba = (named or self.masks)[rng.integers(len(named or self.masks))]
        if rng.random() < 0.6:
            rgba = _tinted(rgba, rng)
        rows, columns = np.nonzero(rgba[:, :, 3] > 128)
        x0, x1, y0, y1 = columns.min(), columns.max(), rows.min(), rows.max()
        top = np.float32(rng.uniform(0.25, 0.6)) * (scene.landmarks[4] - nose) + nose - (right + left) / 2
        down = (chin - nose) * rng.uniform(0.02, 0.12)
        corners = np.array([[x0, y0], [x1, y0], [(x0 + x1) / 2, y1]], np.float32)
        targets = np.array([right + top - across * 0.02, left + top + across * 0.02, chin + down], np.float32)
        jitter = rng.normal(0, 0.02 * scene.face_side, (3, 2)).astype(np.float32)
        return _warped(rgba, cv2.getAffineTransform(corners, targets + jitter), scene.rgb.shape[0])


def shape(scene: Scene, rng: Rng) -> Patch:
    """A drawn shape (blob, polygon or bar) with a flat, graded, noisy, skin or cloth-like filling."""
    size = scene.rgb.shape[0]
    centre = _somewhere(scene, rng)
    alpha = shapes.random_shape(size, centre, scene.face_side, rng)
    filling = shapes.texture(size, rng, scene.skin_lab())
    return Patch(filling * alpha[:, :, None], alpha)


def microphone(scene: Scene, rng: Rng) -> Patch:
    """A microphone held before the mouth."""
    mouth = scene.landmarks[13] + rng.normal(0, 0.12 * scene.face_side, 2).astype(np.float32)
    rgb, alpha = shapes.microphone(scene.rgb.shape[0], mouth, scene.face_side, rng)
    return Patch(rgb * alpha[:, :, None], alpha)


def sunglasses(scene: Scene, rng: Rng) -> Patch:
    """Dark or mirroring lenses over both eyes."""
    eyes = [scene.landmarks[[33, 133]], scene.landmarks[[263, 362]]]
    rgb, alpha = shapes.sunglasses(scene.rgb.shape[0], eyes, rng)
    return Patch(rgb * alpha[:, :, None], alpha)


def random_kind(rng: Rng) -> str:
    """One of KINDS, by the shares used in training."""
    return str(rng.choice(KINDS, p=_KIND_SHARE))


def paste(scene: Scene, patch: Patch, rng: Rng) -> Scene:
    """Cover the face: the picture with shadow, light and motion; the labels with OCCLUSION where a full face is."""
    alpha, rgb = patch.alpha, patch.rgb
    if rng.random() < 0.15:
        kernel = shapes.motion_kernel(int(rng.integers(3, 10)), rng.uniform(0, 180))
        alpha, rgb = cv2.filter2D(alpha, -1, kernel), cv2.filter2D(rgb, -1, kernel)
    under = scene.rgb.astype(np.float32)
    if rng.random() < 0.6:
        under *= 1 - _shadow(alpha, scene.face_side, rng)[:, :, None]
    mixed = under * (1 - alpha[:, :, None]) + rgb * np.float32(rng.uniform(0.75, 1.15))
    labels = scene.labels.copy()
    labels[(alpha >= 0.5) & (labels != BACKGROUND)] = OCCLUSION
    return Scene(np.clip(mixed, 0, 255).astype(np.uint8), labels, scene.landmarks, scene.face_side)


def _shadow(alpha: F32, face_side: float, rng: Rng) -> F32:
    offset = rng.normal(0, 0.05 * face_side, 2)
    shifted = cv2.warpAffine(alpha, np.array([[1, 0, offset[0]], [0, 1, offset[1]]], np.float32), alpha.shape[::-1])
    return cv2.GaussianBlur(shifted, (0, 0), rng.uniform(0.02, 0.08) * face_side) * np.float32(rng.uniform(0.1, 0.6))


def _recolour(rgba: U8, scene: Scene, rng: Rng) -> U8:
    """Give a hand the skin tone of the face (often), another tone (sometimes), or leave it."""
    chance = rng.random()
    if chance > 0.8:
        return rgba
    target = scene.skin_lab()
    if chance > 0.55:
        target = np.array((rng.uniform(50, 215), rng.uniform(131, 150), rng.uniform(132, 158)), np.float32)
    lab = cv2.cvtColor(np.ascontiguousarray(rgba[:, :, :3]), cv2.COLOR_RGB2LAB).astype(np.float32)
    own = np.median(lab[rgba[:, :, 3] > 200][::5], axis=0)
    target = target + rng.normal(0, (10, 2.5, 3)).astype(np.float32)
    lab[:, :, 0] *= np.clip(target[0] / max(own[0], 1), 0.3, 2.5)
    lab[:, :, 1:] += target[1:] - own[1:]
    coloured = cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)
    return np.dstack([coloured, rgba[:, :, 3]])


def _tinted(rgba: U8, rng: Rng) -> U8:
    hsv = cv2.cvtColor(np.ascontiguousarray(rgba[:, :, :3]), cv2.COLOR_RGB2HSV).astype(np.int32)
    hsv[:, :, 0] = (hsv[:, :, 0] + int(rng.integers(180))) % 180
    hsv[:, :, 1] = np.clip(hsv[:, :, 1] * rng.uniform(0.2, 1.2), 0, 255)
    hsv[:, :, 2] = np.clip(hsv[:, :, 2] * rng.uniform(0.3, 1.1), 0, 255)
    return np.dstack([cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB), rgba[:, :, 3]])


def _somewhere(scene: Scene, rng: Rng) -> Points:
    return (scene.centre + rng.uniform(-0.5, 0.5, 2) * scene.face_side).astype(np.float32)


def _placed(rgba: U8, anchor: tuple[int, int], scene: Scene, rng: Rng, size: float, degrees: float) -> Patch:
    """Put a 200 px cut-out's anchor somewhere on the face, `size` face sides large."""
    scale = size * scene.face_side / 200
    mirrored = -1.0 if rng.random() < 0.5 else 1.0
    angle = math.radians(degrees)
    linear = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = linear @ np.diag([mirrored * rng.uniform(0.85, 1.15), 1.0])
    shift = _somewhere(scene, rng) - linear @ anchor
    return _warped(rgba, np.hstack([linear, shift[:, None]]), scene.rgb.shape[0])


def _warped(rgba: U8, affine: npt.NDArray[np.floating], size: int) -> Patch:
    scale = math.sqrt(abs(affine[0, 0] * affine[1, 1] - affine[0, 1] * affine[1, 0]))
    if scale < 0.6:  # average before a warp that would skip pixels
        rgba = cv2.GaussianBlur(rgba, (0, 0), 0.35 / max(scale, 0.05))
    alpha = rgba[:, :, 3:].astype(np.float32) / 255
    premultiplied = np.dstack([rgba[:, :, :3] * alpha, alpha])
    warped = cv2.warpAffine(premultiplied, affine.astype(np.float64), (size, size), flags=cv2.INTER_LINEAR)
    return Patch(np.ascontiguousarray(warped[:, :, :3]), np.ascontiguousarray(warped[:, :, 3]))


def _read_all(folder: Path, split: Split, size_px: int) -> list[tuple[str, U8]]:
    """(stem, (size_px, size_px, 4) RGBA) of each picture on one side of the split, its shape kept."""
    found = []
    for path in sorted(folder.glob("*")):
        bgra = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if bgra is None or bgra.ndim != 3 or bgra.shape[2] != 4 or occluder_split(path.stem) != split:
            continue
        scale = size_px / max(bgra.shape[:2])
        bgra = cv2.resize(
            bgra, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        )
        spare_y, spare_x = size_px - bgra.shape[0], size_px - bgra.shape[1]
        bgra = cv2.copyMakeBorder(bgra, spare_y, 0, spare_x // 2, spare_x - spare_x // 2, cv2.BORDER_CONSTANT)
        found.append((path.stem, cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA).astype(np.uint8)))
    if not found:
        raise DataError(
            f"no RGBA picture for split {split!r} in {folder}; expected hands, masks and objects as .webp or .png"
        )
    return found
