"""What the renderer `blur` leaves of faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import Frame
from realtime.video.av_frame import rgb_from_frame
from train.measure.video.scenes.truth import Truth
from train.measure.video.scores import visible_faces

_SAME = 2  # grey levels: a pixel that changes by no more is unchanged
_PATCH_PX = 5  # a coarse cell leaves single pixels unchanged by chance, but hardly any square of this side
_LEFT = 0.5  # a face is left if so much of it is unchanged


@dataclass(frozen=True)
class BlurScore:
    """Counts of one scene, or the sum of several."""

    faces: int
    """Visible faces of all frames."""
    left: int
    """The faces that are unchanged by more than half."""
    pixels: int
    """Their visible pixels."""
    unchanged: int
    """The pixels that are unchanged together with all others in a square of 5 px around them."""

    def __add__(self, other: BlurScore) -> BlurScore:
        mine, others = vars(self).values(), vars(other).values()
        return BlurScore(*(a + b for a, b in zip(mine, others, strict=True)))


def blur_score(before: Sequence[Frame], after: Sequence[Frame], truths: Sequence[Truth]) -> BlurScore:
    """Compare the frames of a scene with what `blur` made of them."""
    total = BlurScore(0, 0, 0, 0)
    for one, other, truth in zip(before, after, truths, strict=True):
        total += _of_frame(unchanged(one, other), truth)
    return total


def unchanged(before: Frame, after: Frame) -> npt.NDArray[np.bool_]:
    """(H, W) bool: the pixels that are unchanged together with all others in a square of 5 px around them."""
    if before.layout == after.layout == "yuv420p":
        difference = cv2.absdiff(before.planes[0], after.planes[0])
    else:
        difference = cv2.absdiff(rgb_from_frame(before), rgb_from_frame(after)).max(axis=2)
    same = (difference <= _SAME).astype(np.uint8)
    return np.asarray(cv2.erode(same, np.ones((_PATCH_PX, _PATCH_PX), np.uint8)) > 0)


def _of_frame(same: npt.NDArray[np.bool_], truth: Truth) -> BlurScore:
    pixels = np.bincount(truth.ids.ravel(), minlength=256)
    kept = np.bincount(truth.ids[same].ravel(), minlength=256)
    faces = visible_faces(truth)
    return BlurScore(
        faces=len(faces),
        left=sum(bool(kept[face] > _LEFT * pixels[face]) for face in faces),
        pixels=int(sum(pixels[face] for face in faces)),
        unchanged=int(sum(kept[face] for face in faces)),
    )
