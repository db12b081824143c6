"""Steadies the probabilities of a video over time, without dragging masks behind what moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.crop import crop_from_frame, frame_from_crop
from realtime.frames.resampling import centres
from realtime.frames.types import U8, ParsedFace, Region

_BLUR_PX = 5  # of the crop: change is judged over a patch, so that single noisy pixels do not count
_STILL = 4  # grey levels of mean change over the patch: camera noise
_CHANGED = 16  # grey levels from which the past does not count
_LEAST_WEIGHT = 0.3  # of the new probabilities where the picture is still: an average over about five frames


class Smoothing(Protocol):
    """Steadies the faces of one video. Another one is a class with this method; `new_smoothing` chooses it."""

    def smooth(self, faces: Sequence[ParsedFace]) -> list[ParsedFace]:
        """The faces of the next frame with steadied probabilities, in order. They may be none."""
        ...


class Smoother:
    """Averages each face's probabilities over time where its picture stands still; follows at once where it changes.

    The past is moved along with the region, so that both are compared at the same place of the frame. One instance
    belongs to one video. A track that was missing for a frame starts anew.
    """

    def __init__(self) -> None:
        self._previous: dict[int, ParsedFace] = {}

    def smooth(self, faces: Sequence[ParsedFace]) -> list[ParsedFace]:
        """The faces of the next frame with steadied probabilities, in order."""
        smoothed = [_blend(face, self._previous.get(face.track_id)) for face in faces]
        self._previous = {face.track_id: face for face in smoothed}
        return smoothed


def new_smoothing() -> Smoothing:
    """The smoothing that runs, for one video."""
    return Smoother()


def new_weight(crop: U8, previous_crop: U8) -> npt.NDArray[np.float32]:
    """How much the new probabilities count at each pixel, by how much the picture has changed there.

    Args:
        crop, previous_crop: (S, S, 3) uint8 of the same place.

    Returns:
        (S, S) float32, from `_LEAST_WEIGHT` (nothing moves) to 1 (all is new).
    """
    change = cv2.cvtColor(cv2.absdiff(crop, previous_crop), cv2.COLOR_RGB2GRAY)
    return _WEIGHT_OF_CHANGE[cv2.blur(change, (_BLUR_PX, _BLUR_PX))]


def _blend(face: ParsedFace, previous: ParsedFace | None) -> ParsedFace:
    if previous is None:
        return face
    past_crop, past_probabilities = previous.crop, previous.probabilities
    if previous.region != face.region:
        past_crop, past_probabilities = (
            _moved(values, previous.region, face.region) for values in (past_crop, past_probabilities)
        )
    weight = new_weight(face.crop, past_crop)
    blended = cv2.blendLinear(face.probabilities, past_probabilities, weight, 1 - weight)
    return replace(face, probabilities=blended)


def _moved(values: U8, region: Region, to_region: Region) -> U8:
    """(S, S, C) uint8 of one region, seen in another one. Where they do not overlap, the edge is repeated."""
    size_px = values.shape[0]
    affine = crop_from_frame(to_region, size_px) @ np.vstack([frame_from_crop(region, size_px), [0, 0, 1]])
    parts = [  # cv2.warpAffine takes at most four channels at a time
        cv2.warpAffine(
            np.ascontiguousarray(values[:, :, first : first + 4]), centres(affine), (size_px, size_px),
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
        )
        for first in range(0, values.shape[2], 4)
    ]  # fmt: skip
    return parts[0] if len(parts) == 1 else np.dstack(parts)


_WEIGHT_OF_CHANGE = np.interp(np.arange(256), (_STILL, _CHANGED), (_LEAST_WEIGHT, 1)).astype(np.float32)
