"""Which detection shows which track's face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from realtime.faces.following.looks import LookOf, likeness
from realtime.faces.following.overlap import SAME_FACE, overlap, steps_apart, times_as_large
from realtime.faces.following.track import Track
from realtime.frames.types import Region

_REACH = 1.5  # heights of the face: a track that does not see its face may err by so much about where it is
_MOST_OFF_SIZE = 2.0  # likewise about its size, either way; the detector errs by 1.7 on a face that is half covered
_NEAR = 0.75  # so near, a face that comes back may look different: a hand still covers half of it
# Frames of one person, up to 40 frames apart, have 0.90 or more in common, 95 % of pairs of portraits 0.80 or less.
_ALIKE = 0.7


def paired(tracks: Sequence[Track], detected: Sequence[Region], look_of: LookOf, crop_scale: float) -> dict[int, int]:
    """The track of each detection that shows a tracked face, by the indices of both.

    Tracks that see their faces come first: one that waits behind another face must not take that face's detection. What
    is left may be a face that comes back.
    """
    seeing = [index for index, track in enumerate(tracks) if track.sees_its_face]
    missing = [index for index, track in enumerate(tracks) if not track.sees_its_face]
    near = {
        (number, index): share
        for number, region in enumerate(detected)
        for index in seeing
        if (share := overlap(region, tracks[index].region, crop_scale)) > SAME_FACE
    }
    pairs = best_pairs(near)
    taken = {number for number, _ in near}
    returns = {
        (number, index): score
        for number, region in enumerate(detected)
        if number not in taken
        for index in missing
        if (score := _return_score(tracks[index], region, look_of, crop_scale)) > 0
    }
    return pairs | best_pairs(returns)


def best_pairs(scores: Mapping[tuple[int, int], float]) -> dict[int, int]:
    """Pairs of which no two share a member, the best of all first."""
    pairs: dict[int, int] = {}
    for one, other in sorted(scores, key=lambda pair: -scores[pair]):
        if one not in pairs and other not in pairs.values():
            pairs[one] = other
    return pairs


def _return_score(track: Track, region: Region, look_of: LookOf, crop_scale: float) -> float:
    """How likely a detection is to be the face of a track that does not see it, above 0; 0 if it cannot be."""
    steps = steps_apart(region, track.region, crop_scale)
    if steps > _REACH or times_as_large(region, track.region) > _MOST_OFF_SIZE:
        return 0.0
    alike = _ALIKE if track.look is None else likeness(look_of(region), track.look)
    return alike / (1 + steps) if steps < _NEAR or alike >= _ALIKE else 0.0
