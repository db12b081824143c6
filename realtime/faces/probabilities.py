"""Measures the probabilities of a parsed face, for every model: the face's box, what covers it, and the parser's
confidence."""

from __future__ import annotations

import math

import cv2
import numpy as np

from engines.spec import ModelSpec
from realtime.frames.types import U8

_EARS = ("left ear", "right ear")  # a box from cheek to cheek must not grow as they come out of the hair
# The full-face box from the moments of its mask: half its width and height are 1.9 standard deviations (measured on the
# face ovals of 233 portraits: 1.89 +- 0.05 and 1.90 +- 0.02). Moments use every pixel: they jitter less than edges.
_HALF_BOX_PER_STD = 1.9
_CENTRE_BELOW_MEAN_PER_STD = 0.076
_WIDEST_GAP = 0.25  # of the face's height: sunglasses


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


def full_face_box(probabilities: U8, spec: ModelSpec) -> tuple[float, float, float, float] | None:
    """The full-face box in a parsed crop: the largest piece of face and occlusion, or of the parts of a face.

    Args:
        probabilities: (S, S, K) uint8.

    Returns:
        (left, top, right, bottom) in pixels of the crop, which may stick out of it; None where there is no face.
    """
    likely = _without_gaps(full_face(probabilities, spec), spec)
    _, solid = cv2.threshold(likely, 127, 255, cv2.THRESH_BINARY)
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats(solid, connectivity=8, ltype=cv2.CV_16U)
    if len(statistics) < 2:
        return None
    largest = 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())
    moments = cv2.moments(np.where(pieces == largest, likely, np.uint8(0)))
    mass = moments["m00"]
    std_x, std_y = (math.sqrt(moments[name] / mass + 1 / 12) for name in ("mu20", "mu02"))
    centre_x = moments["m10"] / mass + 0.5
    centre_y = moments["m01"] / mass + 0.5 + _CENTRE_BELOW_MEAN_PER_STD * std_y
    half_width, half_height = _HALF_BOX_PER_STD * std_x, _HALF_BOX_PER_STD * std_y
    return centre_x - half_width, centre_y - half_height, centre_x + half_width, centre_y + half_height


def visible_share(probabilities: U8, spec: ModelSpec) -> float:
    """The share of a parsed crop's area that shows a face which nothing covers, 0..1."""
    return cv2.mean(visible_face(probabilities, spec))[0] / 255


def covered_share(probabilities: U8, spec: ModelSpec) -> float:
    """The share of a parsed crop's area that the full face takes, occluded or not, 0..1."""
    return cv2.countNonZero(_inside(probabilities, spec)) / probabilities[..., 0].size


def confidence(probabilities: U8, spec: ModelSpec) -> float:
    """The parser's confidence in the full face, 0..1; 0 where there is none.

    It is the mean probability of face or occlusion, the likelier of the two, over the full face. Which part of a face
    a pixel is does not matter.
    """
    inside = _inside(probabilities, spec)
    likelier = cv2.max(visible_face(probabilities, spec), occlusion(probabilities, spec))
    return cv2.mean(likelier, inside)[0] / 255


def _all_but(probabilities: U8, spec: ModelSpec, *labels: str) -> U8:
    rest = np.full(probabilities.shape[:2], 255, np.uint8)
    for label in labels:
        if label in spec.labels:
            rest = cv2.subtract(rest, cv2.extractChannel(probabilities, spec.labels.index(label)))
    return rest


def _inside(probabilities: U8, spec: ModelSpec) -> U8:
    """(S, S) uint8: 255 where the full face is likelier than not, else 0."""
    return np.asarray(cv2.threshold(full_face(probabilities, spec), 127, 255, cv2.THRESH_BINARY)[1], np.uint8)


def _without_gaps(likely: U8, spec: ModelSpec) -> U8:
    """(S, S): the full face in one piece. To a model without occlusion, sunglasses are background and cut it in two."""
    if "occlusion" in spec.labels:
        return likely
    gap_px = round(_WIDEST_GAP * spec.size_px / spec.crop_scale)
    _, solid = cv2.threshold(likely, 127, 255, cv2.THRESH_BINARY)
    closed = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((gap_px, gap_px), np.uint8))
    return np.asarray(cv2.max(likely, closed), np.uint8)
