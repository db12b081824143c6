"""What the labels of a model say about a face, whichever model it is."""

from __future__ import annotations

import cv2
import numpy as np

from engines.spec import ModelSpec
from realtime.frames.types import U8

_EARS = ("left ear", "right ear")  # a box from cheek to cheek must not grow as they come out of the hair


def full_face(probabilities: U8, spec: ModelSpec) -> U8:
    """The whole face from cheek to cheek, covered or not, as far as the model knows: no background, hair or ears.

    Args:
        probabilities: (S, S, K) uint8.

    Returns:
        (S, S) uint8.
    """
    return _all_but(probabilities, spec, "background", "hair", *_EARS)


def visible_face(probabilities: U8, spec: ModelSpec) -> U8:
    """(S, S) uint8: the face that nothing covers, with its ears where the model knows them."""
    return _all_but(probabilities, spec, "background", "hair", "occlusion")


def occlusion(probabilities: U8, spec: ModelSpec) -> U8:
    """(S, S) uint8: what covers the face; zero everywhere for a model without that label."""
    if "occlusion" not in spec.labels:
        return np.zeros(probabilities.shape[:2], np.uint8)
    return cv2.extractChannel(probabilities, spec.labels.index("occlusion"))


def _all_but(probabilities: U8, spec: ModelSpec, *labels: str) -> U8:
    rest = np.full(probabilities.shape[:2], 255, np.uint8)
    for label in labels:
        if label in spec.labels:
            rest = cv2.subtract(rest, cv2.extractChannel(probabilities, spec.labels.index(label)))
    return rest
