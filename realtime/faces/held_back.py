"""Frames that are held back, so that a face which is found late is masked from its first frame on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from engines.spec import ModelSpec
from realtime.faces.following.meeting import is_beside, own_part
from realtime.faces.following.overlap import SAME_FACE, overlap
from realtime.faces.following.track import Track
from realtime.faces.following.tracker import TrackedRegion
from realtime.frames.types import Frame, ParsedFace

HELD_FRAMES = 15
"""Frames of a file that are held back: half a second of most videos."""
_MOST_BYTES = 64e6  # of held frames: 15 of 1080p; of larger ones fewer, down to the search interval

ParseRegions = Callable[[Frame, Sequence[TrackedRegion]], list[ParsedFace]]
"""Parses some regions of a frame, in order."""


@dataclass(eq=False)
class HeldFrame:
    """A parsed frame that waits. Faces that are found later may still join it."""

    frame: Frame
    faces: list[ParsedFace]
    left_out: int = 0
    """Faces that were found later, but had no place because of `max_faces`."""

    @property
    def shown(self) -> list[ParsedFace]:
        """The faces that the tracker found in this frame: all but the missed ones."""
        return [face for face in self.faces if not face.missed]

    def add(self, face: ParsedFace) -> None:
        """Put a face where its track's number belongs. If it was missed here, it is found now."""
        others = [other for other in self.faces if other.track_id != face.track_id]
        self.faces = sorted([*others, face], key=lambda face: face.track_id)


def frames_to_hold(frame: Frame, most_frames: int, search_interval: int) -> int:
    """How many frames of this size are held back: fewer of large ones, but always those between two searches."""
    if not most_frames:
        return 0
    return max(search_interval, min(most_frames, int(_MOST_BYTES / frame.nbytes)))


def follow_back(
    tracks: Sequence[Track], held: Sequence[HeldFrame], parse: ParseRegions, spec: ModelSpec, max_faces: int | None
) -> int:
    """Follow faces that have just appeared backwards, and add them to the frames in which the parser sees them.

    A face is followed until the parser sees none, or another track has shown it. The rules are those of a track that
    goes forwards, but for one: frames of low confidence at the end are left out, because no later frame confirms them.

    Args:
        tracks: as they are after the frame in which they appeared.
        held: the frames of the same shot before that one, in order.
        max_faces: a frame that shows so many faces gets no more, but counts them; None: there is no limit.

    Returns:
        How many faces were added, of all frames together.
    """
    before = sum(len(earlier.shown) for earlier in held)
    followed = [_Backwards(track.backwards()) for track in tracks]
    for earlier in reversed(held):
        followed = [face for face in followed if not face.is_shown_in(earlier, spec)]
        if not followed:
            break
        regions = [TrackedRegion(face.track.track_id, face.track.region) for face in followed]
        for face, parsed in zip(followed, parse(earlier.frame, regions), strict=True):
            face.step(earlier, parsed, spec, max_faces)
        followed = [face for face in followed if face.track.shown]
    return sum(len(earlier.shown) for earlier in held) - before


@dataclass
class _Backwards:
    """A face on its way back."""

    track: Track
    unsure: list[tuple[HeldFrame, ParsedFace]] = field(default_factory=list)
    """The last frames, in which the parser's confidence was low. An earlier frame may confirm them."""

    def is_shown_in(self, held: HeldFrame, spec: ModelSpec) -> bool:
        """Whether this face is shown there, by this track or another one."""
        return any(
            face.track_id == self.track.track_id or self.track.is_near(face.region, spec.crop_scale)
            for face in held.shown
        )

    def step(self, held: HeldFrame, parsed: ParsedFace, spec: ModelSpec, max_faces: int | None) -> None:
        """Go one frame back."""
        others = [face.region for face in held.shown]
        own = own_part(parsed, self.track, spec) if is_beside(self.track, others) else parsed
        self.track = self.track.followed(own, spec, spec.thresholds)
        if any(overlap(self.track.region, other, spec.crop_scale) > SAME_FACE for other in others):
            self.track = replace(self.track, shown=False)  # it goes behind another face there
        self.unsure.append((held, own))
        if not self.track.shown or self.track.low_confidence_frames:
            return
        for earlier, face in self.unsure:
            if max_faces is None or len(earlier.shown) < max_faces:
                earlier.add(face)
            else:
                earlier.left_out += 1
        self.unsure.clear()
