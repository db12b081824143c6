"""What must be hidden of each face: the whole face as a person would recognise it, however the parser's labels swing.

Open mouths, beards, lenses and hands come and go in the labels. So the cover of a face is not what is labelled, but a
convex outline around it: around all that may be face, or lies on the face, and around the oval in which the region
expects a face. In a video the outlines of the last frames belong to it, too.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import cv2
import numpy as np

from engines.spec import ModelSpec
from realtime.faces.following.overlap import FACE_ASPECT
from realtime.faces.following.track import LEAST_COVERED_FACE
from realtime.faces.probabilities import covered_share, full_face, occlusion, visible_face
from realtime.frames.crop import frame_from_crop
from realtime.frames.types import F32, U8, Cover, Mask, ParsedFace, Region

# On 69 portraits, unmodified and with a hand, mask or object pasted (`consensus-lite`), this cover leaves 0.1 and 0.5 %
# of the hull of FaceMesh's face oval visible; a cover of the labelled face leaves 2.7 and 12.8 %.
_LIKELY, _LIKELIER_THAN_NOT = 64, 128  # of 255: what is face with this probability is hidden; where one was missed
_MARGIN = 1 / 64  # of the crop's side: a cover must not end exactly at the face's edge
_REACH = 0.62  # of the face's height, from the region's centre: what covers something farther away is not on the face
_CELLS = 6  # along the face's height, at most: familiar faces are recognised from 7 x 10 pixels (Sinha et al. 2006)
_LEAST_CELL_PX = 4
_SMALLER_CELLS = 0.8  # of the size at which cells would halve: a face that breathes must not change its cells
_PAST_FRAMES = 3  # a mask that shrinks for a moment does not show skin
_SAME_PLACE = 0.25  # of the region's side: after a larger step the past is only at the face's new place
_SURELY_OCCLUSION = 191  # of 255
_ALIKE = 0.8  # correlation of two crops that show the same
_ALIKE_PX = 16
_LEAST_INSIDE = 0.3  # of the oval must lie in the frame, so that two crops can be compared


@dataclass(frozen=True, eq=False)
class _Outline:
    """The outlines of one face in one frame."""

    region: Region
    main: F32
    """(N, 2) pixels of its crop: the convex outline of the face; N is 0 where there is none."""
    main_on_frame: F32
    """The same in pixels of the frame."""
    pieces: tuple[F32, ...]
    """Convex outlines of other places that are labelled face, such as ears, in pixels of the frame."""


@dataclass
class _Past:
    """What is remembered of one track."""

    outlines: deque[_Outline] = field(default_factory=lambda: deque(maxlen=_PAST_FRAMES))
    crop: U8 | None = None
    """The crop in which its face was last seen."""
    cell_px: int = 0


class Covers:
    """Covers the faces of one video. A track that is not among the faces of a frame is forgotten."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._past: dict[int, _Past] = {}

    def cover(self, faces: Sequence[ParsedFace]) -> list[ParsedFace]:
        """The faces of the next frame with their covers. A missed face of which nothing is to be hidden is left out."""
        self._past = {face.track_id: self._past.get(face.track_id, _Past()) for face in faces}
        covered = [
            replace(face, cover=_cover(face, self._past[face.track_id], self._spec), missed=False) for face in faces
        ]
        return [face for face in covered if face.cover and face.cover.polygons]


def cover_of(face: ParsedFace, spec: ModelSpec) -> Cover:
    """The cover of a face, from a single picture if it has none yet."""
    return face.cover or _cover(face, _Past(), spec)


def surely_occlusion(face: ParsedFace, spec: ModelSpec) -> Mask:
    """(S, S) uint8: 255 where the parser is confident that something lies on the face, without its edge; else 0."""
    _, sure = cv2.threshold(occlusion(face.probabilities, spec), _SURELY_OCCLUSION, 255, cv2.THRESH_BINARY)
    return np.asarray(cv2.erode(sure, _square(spec), borderType=cv2.BORDER_REPLICATE), np.uint8)


def _cover(face: ParsedFace, past: _Past, spec: ModelSpec) -> Cover:
    outline = _missed_outline(face, spec) if face.missed else _outline(face, spec)
    points = [outline.main_on_frame]
    if past.outlines and (not face.missed or _shows_the_same(face.crop, past.crop, spec)):
        # The face has moved since, or only its region has: both places are hidden.
        points.append(_on_frame(np.concatenate([earlier.main for earlier in past.outlines]), face.region, spec))
        points += [earlier.main_on_frame for earlier in past.outlines if _is_same_place(earlier.region, face.region)]
    if not face.missed:
        past.outlines.append(outline)
        past.crop = face.crop
    past.cell_px = _cell_px(face.region.side / spec.crop_scale, past.cell_px)
    polygons = [_hull(np.concatenate(points)), *outline.pieces]
    return Cover(tuple(polygon for polygon in polygons if len(polygon)), past.cell_px)


def _outline(face: ParsedFace, spec: ModelSpec) -> _Outline:
    expected = _expected(spec.size_px, spec.crop_scale)
    far_cover = cv2.min(occlusion(face.probabilities, spec), expected.beyond_reach)
    on_face = cv2.subtract(full_face(face.probabilities, spec), far_cover)
    main: list[F32] = [expected.oval]
    pieces: list[F32] = []
    for piece in _likely_pieces(on_face, _LIKELY, spec):
        (main if expected.meets(piece) else pieces).append(piece)
    if "left ear" in spec.labels:  # ears have outlines of their own: the hair between them and the face stays
        pieces += _likely_pieces(cv2.subtract(visible_face(face.probabilities, spec), on_face), _LIKELY, spec)
    return _made_of(main, pieces, face.region, spec)


def _missed_outline(face: ParsedFace, spec: ModelSpec) -> _Outline:
    """What still looks like a face in the place of a missed one: an eye between the fingers of a hand."""
    covered = covered_share(face.probabilities, spec) * spec.crop_scale**2 >= LEAST_COVERED_FACE
    pieces = _likely_pieces(visible_face(face.probabilities, spec), _LIKELIER_THAN_NOT, spec) if covered else []
    return _made_of([], pieces, face.region, spec)


def _made_of(main: Sequence[F32], pieces: Sequence[F32], region: Region, spec: ModelSpec) -> _Outline:
    outline = _hull(np.concatenate(main)) if main else _NO_POINTS
    return _Outline(
        region,
        outline,
        _on_frame(outline, region, spec),
        tuple(_on_frame(_hull(piece), region, spec) for piece in pieces),
    )


def _likely_pieces(channel: U8, least: int, spec: ModelSpec) -> list[F32]:
    """The outlines, (N, 2) each, of the pieces of a crop's channel that are likely enough, with a margin."""
    _, likely = cv2.threshold(channel, least - 1, 255, cv2.THRESH_BINARY)
    grown = cv2.dilate(likely, _square(spec))
    outlines, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [outline.reshape(-1, 2).astype(np.float32) + np.float32(0.5) for outline in outlines]


@dataclass(frozen=True, eq=False)
class _Expected:
    """Where a region expects its face."""

    oval: F32
    """(N, 2) pixels of the crop."""
    in_oval: Mask
    """(S, S) uint8: 255 in the oval."""
    beyond_reach: Mask
    """(S, S) uint8: 255 beyond the reach of the face."""
    small: U8
    """(_ALIKE_PX, _ALIKE_PX): 255 in the oval."""

    def meets(self, piece: F32) -> bool:
        """Whether an outline, (N, 2), overlaps the oval."""
        columns, rows = piece.astype(np.intp).T
        middle = len(self.in_oval) / 2
        return bool(self.in_oval[rows, columns].any()) or cv2.pointPolygonTest(piece, (middle, middle), False) >= 0


@lru_cache(maxsize=8)
def _expected(size_px: int, crop_scale: float) -> _Expected:
    middle, height = size_px / 2, size_px / crop_scale
    turn = np.linspace(0, 2 * math.pi, 32, endpoint=False)
    oval = middle + np.stack([FACE_ASPECT * np.cos(turn), np.sin(turn)], axis=1) * height / 2
    in_oval, small = (
        cv2.fillConvexPoly(
            np.zeros((side, side), np.uint8), np.round(oval * side / size_px - 0.5).astype(np.int32), 255
        )
        for side in (size_px, _ALIKE_PX)
    )
    beyond = np.full((size_px, size_px), 255, np.uint8)
    cv2.circle(beyond, (size_px // 2, size_px // 2), round(_REACH * height), 0, cv2.FILLED)
    return _Expected(oval.astype(np.float32), in_oval, beyond, small)


def _square(spec: ModelSpec) -> U8:
    return np.ones((2 * round(_MARGIN * spec.size_px) + 1,) * 2, np.uint8)


def _hull(points: F32) -> F32:
    return cv2.convexHull(points).reshape(-1, 2) if len(points) else points


def _on_frame(points: F32, region: Region, spec: ModelSpec) -> F32:
    """(N, 2) pixels of a region's crop -> (N, 2) pixels of the frame."""
    affine = frame_from_crop(region, spec.size_px).astype(np.float32)
    return points @ affine[:, :2].T + affine[:, 2]


def _is_same_place(region: Region, other: Region) -> bool:
    step = math.dist((region.centre_x, region.centre_y), (other.centre_x, other.centre_y))
    return step < _SAME_PLACE * min(region.side, other.side)


def _shows_the_same(crop: U8, earlier: U8 | None, spec: ModelSpec) -> bool:
    """Whether the middle of a crop still shows what an earlier one of the same place showed."""
    if earlier is None:
        return False
    now, before = (
        cv2.cvtColor(cv2.resize(each, (_ALIKE_PX,) * 2, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        for each in (crop, earlier)
    )
    oval = _expected(spec.size_px, spec.crop_scale).small > 0
    inside = oval & (now > 0) & (before > 0)  # what lies outside the frame is black
    if inside.sum() < _LEAST_INSIDE * oval.sum():
        return False
    one, other = (each[inside].astype(np.float32) - each[inside].mean() for each in (now, before))
    return bool(one @ other > _ALIKE * math.sqrt((one @ one) * (other @ other)))


def _cell_px(height: float, before: int) -> int:
    """The side of the cells that hide a face: a power of two, so that it changes seldom and is averaged quickly.

    Args:
        height: of the face, in pixels of the frame.
        before: the side in the frame before; 0 for none.
    """
    least = max(height / _CELLS, _LEAST_CELL_PX)
    if least <= before and least > _SMALLER_CELLS * before / 2:
        return before
    return int(2 ** math.ceil(math.log2(least)))


_NO_POINTS = np.zeros((0, 2), np.float32)
