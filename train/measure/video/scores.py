"""Scores of one scene: what the loop showed, against the exact truth. Each is defined in its docstring."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engines.spec import FACE
from train.measure.video.scenes.truth import Observed, Truth

_VISIBLE = 0.5  # share of a face that must be in the frame and not covered, so that it counts as visible
_LEAST_FACE_PX = 30  # a visible face has more pixels than this
_MASKED = 0.5  # IoU of a masked face
_GHOST_SHARE = 2e-4  # of the frame's pixels: 61 in 640x480. Fewer are specks
_AROUND_FACE = 0.5  # of a face's size: a mask so far around it belongs to it. The network's crop reaches 0.25 to 0.4
_FRAMES_TO_RETURN = 5  # a covered face must be masked again so soon after it is visible


def visible_faces(truth: Truth) -> list[int]:
    """The ids of the faces of which at least half can be seen, and more than 30 pixels."""
    pixels = np.bincount(truth.ids.ravel(), minlength=256)
    return [
        face.face_id for face in truth.faces if face.visible_share >= _VISIBLE and pixels[face.face_id] > _LEAST_FACE_PX
    ]


@dataclass
class FaceStory:
    """One face through a scene: a value per frame."""

    visible: list[bool] = field(default_factory=list)
    iou: list[float] = field(default_factory=list)
    track: list[int] = field(default_factory=list)
    """The track that shows the face; 0 where none does."""

    @property
    def masked(self) -> list[bool]:
        """Whether the face is masked: visible, and its IoU is 0.5 or more."""
        return [there and iou >= _MASKED for there, iou in zip(self.visible, self.iou, strict=True)]


@dataclass(frozen=True)
class SceneScore:
    """Counts of one scene, or the sum of several."""

    frames: int
    visible_frames: int
    """Face-frames: each visible face counts in each frame."""
    ghost_frames: int
    late_frames: int
    faces: int
    faces_late: int
    lost_frames: int
    switches: int
    iou_sum: float
    """The sum over visible face-frames. A face that is not masked counts with what IoU it has."""

    def __add__(self, other: SceneScore) -> SceneScore:
        mine, others = vars(self).values(), vars(other).values()
        return SceneScore(*(a + b for a, b in zip(mine, others, strict=True)))


def score(truths: Sequence[Truth], observed: Sequence[Observed]) -> SceneScore:
    """Score one scene."""
    stories = face_stories(truths, observed)
    late = [late_frames(story) for story in stories.values()]
    visible = sum(sum(story.visible) for story in stories.values())
    return SceneScore(
        frames=len(truths),
        visible_frames=visible,
        ghost_frames=len(ghost_frames(truths, observed)),
        late_frames=sum(late),
        faces=len(stories),
        faces_late=sum(count > 0 for count in late),
        lost_frames=sum(len(lost_frames(story)) for story in stories.values()),
        switches=sum(identity_switches(story) for story in stories.values()),
        iou_sum=sum(
            iou for story in stories.values() for iou, there in zip(story.iou, story.visible, strict=True) if there
        ),
    )


def ghost_frames(truths: Sequence[Truth], observed: Sequence[Observed]) -> list[int]:
    """The frames with a ghost: at least 0.02 % of the frame is labelled face or occlusion where no face is.

    What lies within half of a face's size around its full-face box belongs to the face, visible or not. A frame
    counts from the first one after a cut on.
    """
    return [frame for frame, pair in enumerate(zip(truths, observed, strict=True)) if _is_ghost(*pair)]


def late_frames(story: FaceStory) -> int:
    """Frames from the one in which a face is first visible (half of it or more) to the one in which it is masked.

    A face that is never masked is late in every visible frame.
    """
    masked = story.masked
    first = masked.index(True) if any(masked) else len(masked)
    return sum(story.visible[:first])


def lost_frames(story: FaceStory) -> list[int]:
    """The frames in which a face is visible and not masked, after it has been masked once."""
    masked = story.masked
    if not any(masked):
        return []
    first = masked.index(True)
    return [frame for frame in range(first, len(masked)) if story.visible[frame] and not masked[frame]]


def identity_switches(story: FaceStory) -> int:
    """How often the track that masks a face changes. Two faces that exchange their tracks count twice."""
    tracks = [track for track, masked in zip(story.track, story.masked, strict=True) if masked]
    return sum(one != other for one, other in itertools.pairwise(tracks))


def survives(story: FaceStory, covered: tuple[int, int]) -> bool:
    """Whether a covered face is masked again under its track, at most 5 frames after half of it is visible again.

    Args:
        covered: the first frame of the cover, and the one after its last.
    """
    before = [story.track[frame] for frame in range(covered[0]) if story.masked[frame]]
    back = next((frame for frame in range(covered[1], len(story.visible)) if story.visible[frame]), None)
    if not before or back is None:
        return False
    soon = range(back, min(back + _FRAMES_TO_RETURN + 1, len(story.visible)))
    return any(story.masked[frame] and story.track[frame] == before[-1] for frame in soon)


def face_stories(truths: Sequence[Truth], observed: Sequence[Observed]) -> dict[int, FaceStory]:
    """Each face that is visible in any frame, by its id. A face is shown by the track that covers most of it."""
    ids = {face.face_id for truth in truths for face in truth.faces}
    stories = {face_id: FaceStory() for face_id in sorted(ids)}
    for truth, shown in zip(truths, observed, strict=True):
        found = matches(truth, shown)
        visible = visible_faces(truth)
        for face_id, story in stories.items():
            iou, track = found.get(face_id, (0.0, 0))
            story.visible.append(face_id in visible)
            story.iou.append(iou)
            story.track.append(track)
    return {face_id: story for face_id, story in stories.items() if any(story.visible)}


def matches(truth: Truth, shown: Observed) -> dict[int, tuple[float, int]]:
    """Face id -> (IoU with its best track's face, that track)."""
    tracks = np.where(shown.labels == FACE, shown.tracks, 0)
    numbers = np.flatnonzero(np.bincount(tracks.ravel()))
    index = np.zeros(int(numbers.max()) + 1, np.int32)
    index[numbers] = np.arange(len(numbers))
    pairs = truth.ids.astype(np.int32) * len(numbers) + index[tracks]
    together = np.bincount(pairs.ravel(), minlength=256 * len(numbers)).reshape(256, len(numbers))
    of_face, of_track = together.sum(axis=1), together.sum(axis=0)
    found = {}
    for face_id in np.flatnonzero(of_face[1:]) + 1:
        union = of_face[face_id] + of_track - together[face_id]
        iou: npt.NDArray[np.float64] = np.where(numbers > 0, together[face_id] / np.maximum(union, 1), 0.0)
        best = int(iou.argmax())
        found[int(face_id)] = (float(iou[best]), int(numbers[best]) if iou[best] else 0)
    return found


def false_faces(truth: Truth, shown: Observed) -> int:
    """The number of tracks that label at least 0.02 % of the picture where no face is."""
    counts = np.bincount(np.where(_outside_faces(truth, shown), shown.tracks, 0).ravel())
    return int((counts[1:] >= _least_ghost(shown.labels.size)).sum())


def _is_ghost(truth: Truth, shown: Observed) -> bool:
    return int(_outside_faces(truth, shown).sum()) >= _least_ghost(shown.labels.size)


def _least_ghost(pixels: int) -> float:
    return max(4.0, _GHOST_SHARE * pixels)


def _outside_faces(truth: Truth, shown: Observed) -> npt.NDArray[np.bool_]:
    """(H, W) bool: where something is labelled face or occlusion, and no face is near."""
    outside: npt.NDArray[np.bool_] = shown.labels > 0
    for face in truth.faces:
        outside[_around(face.box_xyxy, outside.shape)] = False
    return outside


def _around(box_xyxy: tuple[float, float, float, float], shape: tuple[int, ...]) -> tuple[slice, slice]:
    left, top, right, bottom = box_xyxy
    margin = _AROUND_FACE * max(right - left, bottom - top)
    rows = slice(max(0, math.floor(top - margin)), max(0, math.ceil(bottom + margin)))
    columns = slice(max(0, math.floor(left - margin)), max(0, math.ceil(right + margin)))
    return rows, columns
