"""Occluder kinds that place cut-outs on a face: hands, fingers, hands in sleeves, objects and medical masks."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import U8
from train.heads.landmarks import CHIN
from train.occluders.cutouts import Cutouts, Recolour, random_skin_tone, random_tint, warp_cutout
from train.occluders.scene import Patch, Scene
from train.occluders.shapes import texture

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

_CUTOUT_PX = 200  # side of the cut-outs of hands and objects
_HAND_PX = 170  # length of the hand in its cut-out
_FOREARM_ROWS = 160  # added below a hand's cut-out, which ends at the wrist
_BETWEEN_EYES, _NOSE_TIP = 6, 4  # FaceMesh


def hand(scene: Scene, cutouts: Cutouts, rng: Rng) -> Patch:
    """A bare hand with its forearm, anywhere on the face."""
    rgba, recolour = _random_hand(scene, cutouts, rng)
    return _place_hand(rgba, recolour, scene, rng)


def sleeved_hand(scene: Scene, cutouts: Cutouts, rng: Rng) -> Patch:
    """A hand whose forearm is in a sleeve, anywhere on the face."""
    rgba, recolour = _random_hand(scene, cutouts, rng)
    cloth = texture(rgba.shape[1], rng, scene.skin_lab())
    return _place_hand(_with_sleeve(rgba, cloth, rng), recolour, scene, rng)


def fingers(scene: Scene, cutouts: Cutouts, rng: Rng) -> Patch:
    """Fingertips on the face; their hand comes from outside it, mostly from below."""
    rgba, recolour = _random_hand(scene, cutouts, rng)
    tip_y = int(np.argmax((rgba[:, :, 3] > 128).any(axis=1)))
    tip_x = int(np.argmax(rgba[tip_y, :, 3]))
    anchor = (tip_x, tip_y + int(rng.integers(5, 60)))
    target = scene.centre + rng.uniform(-0.4, 0.4, 2) * scene.face_side
    outwards = target - scene.centre + (0, 0.3 * scene.face_side)
    degrees = math.degrees(math.atan2(-outwards[0], outwards[1])) + rng.normal(0, 30)
    size = rng.uniform(0.6, 1.2) * _CUTOUT_PX / _HAND_PX
    return _place(rgba, anchor, scene, rng, size, degrees, recolour, target)


def random_object(scene: Scene, cutouts: Cutouts, rng: Rng) -> Patch:
    """An object, half of the time in other colours, anywhere on the face."""
    _, rgba = cutouts.objects[rng.integers(len(cutouts.objects))]
    recolour = random_tint(rng) if rng.random() < 0.5 else None
    degrees = rng.uniform(-180, 180) if rng.random() < 0.4 else rng.normal(0, 25)
    return _place(rgba, (100, 100), scene, rng, rng.uniform(0.3, 1.0), degrees, recolour)


def medical_mask(scene: Scene, cutouts: Cutouts, rng: Rng) -> Patch:
    """A medical mask from the nose to the chin; its cut-out is chosen by the direction that the face looks in."""
    right, left = scene.cheeks()
    bridge, chin = scene.landmarks[_BETWEEN_EYES], scene.landmarks[CHIN]
    across = left - right
    rgba = _mask_for_view(cutouts, float((bridge - right) @ across / max(1e-3, float(across @ across))), rng)
    recolour = random_tint(rng) if rng.random() < 0.6 else None
    x0, y0, width, height = cv2.boundingRect((rgba[:, :, 3] > 128).astype(np.uint8))
    x1, y1 = x0 + width - 1, y0 + height - 1
    drop = np.float32(rng.uniform(0.25, 0.6)) * (scene.landmarks[_NOSE_TIP] - bridge) + bridge - (right + left) / 2
    below_chin = (chin - bridge) * rng.uniform(0.02, 0.12)
    corners = np.array([[x0, y0], [x1, y0], [(x0 + x1) / 2, y1]], np.float32)
    targets = np.array([right + drop - across * 0.02, left + drop + across * 0.02, chin + below_chin], np.float32)
    jitter = rng.normal(0, 0.02 * scene.face_side, (3, 2)).astype(np.float32)
    affine = cv2.getAffineTransform(corners, targets + jitter)
    return Patch(*warp_cutout(rgba, affine, scene.size_px, recolour))


def _mask_for_view(cutouts: Cutouts, bridge_share: float, rng: Rng) -> U8:
    """A random mask for a view of the face.

    Args:
        bridge_share: where the bridge of the nose lies between the right and the left cheek, 0..1; 0.5 if frontal.
    """
    view = "_left" if bridge_share < 0.36 else "_right" if bridge_share > 0.64 else ""
    fitting = [
        rgba
        for name, rgba in cutouts.masks
        if (name.endswith(view) if view else not name.endswith(("_left", "_right")))
    ]
    masks = fitting or [rgba for _, rgba in cutouts.masks]
    return masks[rng.integers(len(masks))]


def _random_hand(scene: Scene, cutouts: Cutouts, rng: Rng) -> tuple[U8, Recolour | None]:
    """A hand with a forearm below it, and a recolouring for it."""
    _, rgba = cutouts.hands[rng.integers(len(cutouts.hands))]
    recolour = random_skin_tone(rgba, scene.skin_lab, rng)
    with_forearm = cv2.copyMakeBorder(rgba, 0, _FOREARM_ROWS, 0, 0, cv2.BORDER_REPLICATE)
    return with_forearm.astype(np.uint8), recolour


def _place_hand(rgba: U8, recolour: Recolour | None, scene: Scene, rng: Rng) -> Patch:
    degrees = rng.uniform(-180, 180) if rng.random() < 0.2 else rng.normal(0, 50)
    size = rng.uniform(0.55, 1.25) * _CUTOUT_PX / _HAND_PX
    return _place(rgba, (100, 90), scene, rng, size, degrees, recolour)


def _with_sleeve(rgba: U8, cloth: F32, rng: Rng) -> U8:
    """The hand with a sleeve from about the wrist downwards.

    Args:
        rgba: (H, W, 4) uint8 hand with its forearm.
        cloth: (W, W, 3) float32 RGB, 0..255.
    """
    first_row = rgba.shape[0] - _FOREARM_ROWS - int(rng.integers(0, 45))
    arm = np.flatnonzero(rgba[-1, :, 3] > 128)
    if not len(arm):
        return rgba
    width = np.ptp(arm) * rng.uniform(1.0, 1.5) + 4
    from_axis = np.abs(np.arange(rgba.shape[1]) - arm.mean()) / (width / 2)
    height = rgba.shape[0] - first_row
    alpha = np.tile(np.clip((1 - from_axis) * width / 2, 0, 1), (height, 1)).astype(np.float32)
    roundness = np.sqrt(np.clip(1 - from_axis**2, 0.1, 1)).astype(np.float32)  # darker towards the sleeve's edges
    folds = 1 + rng.normal(0, 0.12, (height // 8 + 2, 1)).astype(np.float32)
    light = cv2.resize(folds, (1, height), interpolation=cv2.INTER_CUBIC) * roundness
    sleeve = cv2.resize(cloth, (rgba.shape[1], height), interpolation=cv2.INTER_AREA) * light[:, :, None]
    if rng.random() < 0.3:  # a cuff
        sleeve[: int(rng.integers(4, 16))] = rng.uniform(150, 255) * roundness[:, None]
    dressed = rgba.astype(np.float32)
    bare = dressed[first_row:] * (1 - alpha[:, :, None])
    dressed[first_row:] = bare + np.dstack([np.clip(sleeve, 0, 255), np.full_like(alpha, 255)]) * alpha[:, :, None]
    return dressed.astype(np.uint8)


def _place(
    rgba: U8, anchor_xy: tuple[int, int], scene: Scene, rng: Rng, size: float, degrees: float,
    recolour: Recolour | None, target: npt.NDArray[np.floating] | None = None,
) -> Patch:  # fmt: skip
    """Place a cut-out on the face, mirrored half of the time.

    Args:
        anchor_xy: the pixel of the cut-out that comes to lie on the target.
        size: side of the cut-out, in sides of the face.
        degrees: rotation, clockwise in the picture.
        target: (2,) pixel of the crop; None for a random one on the face.
    """
    scale = size * scene.face_side / _CUTOUT_PX
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    angle = math.radians(degrees)
    linear = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = linear @ np.diag([mirror * rng.uniform(0.85, 1.15), 1.0])
    shift = (scene.random_point(rng) if target is None else target) - linear @ anchor_xy
    return Patch(*warp_cutout(rgba, np.hstack([linear, shift[:, None]]), scene.size_px, recolour))
