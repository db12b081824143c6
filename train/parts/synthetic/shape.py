"""Random identity, expression, pose and camera of a head. Lengths are in centimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from train.heads.model import HeadModel

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

_IDENTITIES, _MOST_SIGMA = 60, 2.2
_EXPRESSIONLESS = 0.3  # share of heads without an expression
# (name, share of the other heads that have it, largest strength)
_MOVES = (
    ("mouthSmile", 0.45, 1.0), ("jawOpen", 0.45, 0.75), ("browInnerUp", 0.25, 0.9), ("browOuterUp", 0.2, 0.9),
    ("browDown", 0.25, 0.9), ("eyeSquint", 0.25, 0.8), ("eyeBlink", 0.2, 0.9), ("eyeWide", 0.15, 0.8),
    ("cheekRaiser", 0.2, 0.7), ("cheekPuff", 0.06, 0.8), ("mouthPucker", 0.1, 0.8), ("mouthFunnel", 0.1, 0.6),
    ("mouthFrown", 0.12, 0.8), ("mouthStretch", 0.12, 0.6), ("mouthUpperUp", 0.15, 0.6), ("mouthLowerDown", 0.15, 0.6),
    ("mouthPress", 0.1, 0.7), ("mouthDimple", 0.1, 0.6), ("noseSneer", 0.1, 0.7), ("jawLeft", 0.05, 0.5),
    ("jawRight", 0.05, 0.5), ("mouthLeft", 0.06, 0.5), ("mouthRight", 0.06, 0.5), ("mouthRollLower", 0.06, 0.5),
    ("mouthRollUpper", 0.05, 0.4), ("mouthShrugUpper", 0.06, 0.4),
)  # fmt: skip
_ONE_SIDED = 0.15  # share of the expressions on one side only, such as a wink

_PIVOT = np.array((0.0, -5.0, -1.0), np.float32)  # about which the head rotates on the neck
_BODY_TURN = 0.35  # rotation of the shoulders over that of the head
_TURNS_FROM, _TURNS_TO = -13.0, -4.0  # y + z / 2 at the shoulders and at the head; between, the neck bends
_LOOKED_AT = np.array((0.0, 1.0, 3.0), np.float32)  # the point near the middle of the picture
_FACE_CM = 20.0


@dataclass(frozen=True, eq=False)
class Camera:
    """The pose of a head and its camera. Camera coordinates: x right, y down, z away, centimetres."""

    rotation: Rotation
    """Rotation of the head, in its own coordinates (x to the subject's left, y up, z out of the face)."""
    distance: float
    focal: float
    """Focal length in picture sides."""
    shift: F32
    """(2,) offset of the head from the middle of the picture, in picture sides."""

    def placed(self, points: F32) -> F32:
        """(V, 3) of the head -> (V, 3) camera coordinates; the neck bends, and the shoulders rotate less."""
        turn = self.rotation.as_rotvec()
        share = _BODY_TURN + (1 - _BODY_TURN) * smoothstep(points[:, 1] + points[:, 2] / 2, _TURNS_FROM, _TURNS_TO)
        turned = Rotation.from_rotvec(share[:, None] * turn).apply(points - _PIVOT) + _PIVOT
        middle = self.rotation.apply(_LOOKED_AT - _PIVOT) + _PIVOT
        return ((turned - middle) * (1, -1, -1) + (0, 0, self.distance)).astype(np.float32)

    def projected(self, placed: F32, side_px: int) -> F32:
        """(V, 3) camera coordinates -> (V, 3) pixels and z."""
        pixels = (placed[:, :2] / placed[:, 2:] * self.focal + 0.5 + self.shift) * side_px
        return np.concatenate([pixels, placed[:, 2:]], axis=1).astype(np.float32)

    def unprojected(self, pixels: F32, depth: F32, side_px: int) -> F32:
        """(N, 2) pixels and (N,) depth -> (N, 3) camera coordinates."""
        flat = (pixels / side_px - 0.5 - self.shift) / self.focal * depth[:, None]
        return np.concatenate([flat, depth[:, None]], axis=1).astype(np.float32)


def random_camera(rng: Rng) -> Camera:
    """Yaw to 60 degrees, pitch and roll to 30, 38 cm to 1.5 m away; the picture is 1.55 to 2.3 faces wide."""
    yaw = rng.uniform(-60, 60) if rng.random() < 0.4 else np.clip(rng.normal(0, 18), -60, 60)
    pitch, roll = np.clip(rng.normal(0, 11), -30, 30), np.clip(rng.normal(0, 8), -30, 30)
    distance = float(np.exp(rng.uniform(np.log(38), np.log(150))))
    side_cm = _FACE_CM * rng.uniform(1.55, 2.3)
    return Camera(
        rotation=Rotation.from_euler("ZXY", [roll, pitch, yaw], degrees=True),
        distance=distance,
        focal=distance / side_cm,
        shift=np.clip(rng.normal(0, 0.04, 2), -0.1, 0.1).astype(np.float32),
    )


def random_shape(head: HeadModel, rng: Rng) -> F32:
    """(V, 3) vertices of a random person with a random expression, in the head's own coordinates."""
    sigmas = np.clip(rng.normal(0, 1, min(_IDENTITIES, len(head.identity))), -_MOST_SIGMA, _MOST_SIGMA)
    shape = head.neutral + np.tensordot(sigmas.astype(np.float32), head.identity[: len(sigmas)], 1)
    for name, strength in random_moves(head.expression_names, rng).items():
        shape += np.float32(strength) * head.expression[head.expression_names.index(name)]
    return shape


def random_moves(names: tuple[str, ...], rng: Rng) -> dict[str, float]:
    """Random expressions and their strengths, mostly about the same on both sides."""
    moves: dict[str, float] = {}
    if rng.random() < _EXPRESSIONLESS:
        return moves
    for name, share, most in _MOVES:
        if rng.random() >= share:
            continue
        strength = float(most * rng.beta(1.2, 1.5))
        sides = [side for side in (f"{name}_L", f"{name}_R", name) if side in names]
        if len(sides) == 2 and rng.random() < _ONE_SIDED:
            sides = [sides[rng.integers(2)]]
        moves |= {side: strength * float(rng.uniform(0.85, 1.0)) for side in sides}
    return moves


def smoothstep(values: npt.NDArray[np.floating], low: float, high: float) -> F32:
    """0 up to `low`, 1 from `high` on, smooth in between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)
