"""How confident each network's parser must be before a region counts as a face. All values are 0..1.

They differ because the networks do. `consensus-lite` parsed a skull on a shirt (79 framings) with a confidence of 0.75
in the median and 0.84 at most, half-covered faces with 0.91 in the median and 0.81 at the least. The confidences of the
others overlap (`parts`: 0.76 and 0.81 in the median), so that they lose some faces for a few frames.
"""

from __future__ import annotations

from dataclasses import dataclass

from engines.spec import ModelSpec
from engines.zoo import WITH_CONSENSUS
from realtime.frames.types import Detection

_DOUBTFUL_SCORE = 0.65  # a printed skull is detected now and then, with a score of 0.50-0.59
_SURE_SCORE = 0.9
# An elbow scored 0.66 and was parsed with a confidence of 0.52-0.59; nine in ten faces in the dark have 0.70.
_LIKELY = 0.60
# Of 240 objects and hands 22 scored 0.40-0.75 in tiles. Faces of 40 to 80 px are parsed with 0.89 or more by
# `consensus-lite`.
_MORE_IN_TILES = 0.05


@dataclass(frozen=True)
class Thresholds:
    """The least confidence that one network needs, by what the detector says."""

    unconfirmed: float = 0.78
    """For a doubtful detection, and for a track that the detector does not confirm."""
    low_confidence: float | None = None
    """For a low-confidence detection; None: the network cannot tell faces from other things there, so none counts."""

    def for_detection(self, detection: Detection, in_tile: bool) -> float:
        """The least confidence for a new detection. Tiles show textures and hands, too, so they always need some."""
        if detection.low_confidence:
            assert self.low_confidence is not None, "nobody asks for low-confidence detections then"
            return self.low_confidence
        if detection.score < _DOUBTFUL_SCORE:
            return self.unconfirmed + _MORE_IN_TILES * in_tile
        if in_tile:
            return self.unconfirmed
        return _LIKELY if detection.score < _SURE_SCORE else 0.0


def thresholds_of(spec: ModelSpec) -> Thresholds:
    """The thresholds of a network."""
    return _THRESHOLDS.get(spec.name.removesuffix(WITH_CONSENSUS), Thresholds())


_THRESHOLDS = {
    # Of 960 things that are no faces none had 0.88, of half-covered faces four in five do.
    "consensus-lite": Thresholds(0.83, 0.88),
    "consensus": Thresholds(0.78, 0.88),
    "parts": Thresholds(0.80),
    "parts-depth, estimated": Thresholds(0.80),
}
