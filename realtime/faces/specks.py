"""Removes specks that a network leaves in a mask: the papers' blobs are whole objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import BACKGROUND, CONSENSUS_LABELS, FACE, OCCLUSION, ModelSpec
from realtime.frames.types import U8, ParsedFace

# On 314 held-out faces with pasted occluders, sparsity falls by a fifth (`consensus-lite`) or by two thirds
# (`consensus`), and no IoU falls. At 0.02 the IoU of occlusion falls.
_LARGEST = 0.012  # of the full face's area
_SURROUNDED = 0.6  # of the pixels around a speck have the label that it gets
_HALO_PX = 2  # around a speck its label is not the likeliest, but likely enough to be drawn


def without_specks(faces: Sequence[ParsedFace], spec: ModelSpec, *, of_face: bool = True) -> list[ParsedFace]:
    """The faces without specks of occlusion or face. Faces of other models stay unmodified, because parts are small.

    Args:
        of_face: remove specks of face, too. Without it an eye between fingers stays face, however small.
    """
    if spec.labels != CONSENSUS_LABELS:
        return list(faces)
    return [replace(face, probabilities=remove_specks(face.probabilities, of_face=of_face)) for face in faces]


def remove_specks(probabilities: U8, *, of_face: bool = True) -> U8:
    """Give each speck of occlusion or face, with all of its probability, to the label that surrounds it.

    Args:
        probabilities: (S, S, 3) uint8, of the consensus labels.
        of_face: as in `without_specks`.

    Returns:
        The same array where there is no speck; else a new one.
    """
    channels = list(cv2.split(probabilities))
    _, full = cv2.threshold(channels[BACKGROUND], 127, 1, cv2.THRESH_BINARY_INV)
    largest = _LARGEST * cv2.countNonZero(full)
    found = False
    for label, rival in ((OCCLUSION, FACE), (FACE, OCCLUSION))[: 1 + of_face]:
        likeliest = cv2.compare(channels[label], cv2.max(channels[BACKGROUND], channels[rival]), cv2.CMP_GT)
        count, pieces, statistics, _ = cv2.connectedComponentsWithStats(likeliest, connectivity=8, ltype=cv2.CV_16U)
        for piece in range(1, count):
            if statistics[piece, cv2.CC_STAT_AREA] < largest:
                found |= _moved_to_surroundings(channels, label, pieces, piece, statistics[piece])
    return cv2.merge(channels) if found else probabilities


def _moved_to_surroundings(
    channels: list[U8], label: int, pieces: npt.NDArray[np.uint16], piece: int, place: Sequence[int]
) -> bool:
    """Move all probability of a piece to the label that surrounds it. False if no label surrounds it."""
    x, y, wide, high = place[:4]
    window = np.s_[max(0, y - _HALO_PX) : y + high + _HALO_PX, max(0, x - _HALO_PX) : x + wide + _HALO_PX]
    inside = (pieces[window] == piece).astype(np.uint8)
    others = [channel[window] for channel in channels]
    rim = cv2.subtract(cv2.dilate(inside, _square(1)), inside).astype(bool)
    near = np.bincount(np.stack([channel[rim] for channel in others]).argmax(0), minlength=len(channels))
    near[label] = 0
    winner = int(near.argmax())
    if near[winner] < _SURROUNDED * rim.sum():
        return False
    halo = cv2.dilate(inside, _square(_HALO_PX))
    halo[(pieces[window] > 0) & (inside == 0)] = 0  # another piece of the label
    moved = cv2.copyTo(others[label], halo)
    others[winner][:] = cv2.add(others[winner], moved)
    others[label][:] = cv2.subtract(others[label], moved)
    return True


def _square(radius: int) -> U8:
    return np.ones((2 * radius + 1,) * 2, np.uint8)
