"""The least confidence of the parser for a new detection, by what the detector reports.

The network's own thresholds travel in its spec (`engines.spec.Thresholds`). What is here depends on the detector.
"""

from __future__ import annotations

from engines.spec import Thresholds
from realtime.faces.detect import UPRIGHT_DEG
from realtime.frames.types import Detection

_LOW_SCORE = 0.65  # a printed skull is detected now and then, with a score of 0.50-0.59
_HIGH_SCORE = 0.9
# An elbow scored 0.66 and was parsed with a confidence of 0.52-0.59; nine in ten faces in the dark have 0.70.
_MEDIUM_SCORE_NEEDS = 0.60
# Of 240 objects and hands 22 scored 0.40-0.75 in tiles. Faces of 40 to 80 px are parsed with 0.89 or more by
# `consensus-lite`.
_MORE_IN_TILES = 0.05


def least_confidence(thresholds: Thresholds, detection: Detection, in_tile: bool) -> float:
    """The confidence, 0..1, that the parser must reach before a new detection counts as a face.

    Args:
        thresholds: of the parser's network. A low-confidence detection needs its `low_confidence`.
        detection: what the detector found.
        in_tile: whether it found it in a tile. Tiles also show textures and hands, and so do searches in several
            directions: every detection there must reach a threshold.
    """
    if detection.low_confidence:
        assert thresholds.low_confidence is not None, "the search returns none for such a network"
        return thresholds.low_confidence
    if detection.score < _LOW_SCORE:
        return thresholds.unconfirmed + _MORE_IN_TILES * in_tile
    if in_tile or abs(detection.angle_deg) > UPRIGHT_DEG:
        return thresholds.unconfirmed
    return _MEDIUM_SCORE_NEEDS if detection.score < _HIGH_SCORE else 0.0
