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
from realtime.faces.probabilities import full_face, occlusion, visible_face
from realtime.faces.track import FACE_ASPECT
from realtime.frames.crop import frame_from_crop
from realtime.frames.types import F32, U8, Cover, Mask, ParsedFace, Region

# On 69 portraits, unmodified and with a hand, mask or object pasted (`consensus-lite`), this cover leaves 0.1 and 0.5 %
# of the hull of FaceMesh's face oval visible; a cover of the labelled face leaves 2.7 and 12.8 %.
_LIKELY = 64  # of 255: what is face with this probability is hidden
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


@dataclass(frozen=True, eq=False)
class _Outline:
    """The outlines of one face in one frame, in continuous pixels of its crop."""

    region: Region
    main: F32
    """(N, 2): the convex outline of the face; N is 0 where there is none."""
    pieces: tuple[F32, ...] = ()
    """Convex outlines of other places that are labelled face, such as ears."""


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
    outline = _outline(face, spec)
    points = [_on_frame(outline.main, face.region, spec)]
    if not face.missed or _shows_the_same(face.crop, past.crop):
        for earlier in past.outlines:
            points.append(_on_frame(earlier.main, face.region, spec))
            if _is_same_place(earlier.region, face.region):
                points.append(_on_frame(earlier.main, earlier.region, spec))
    if not face.missed:
        past.outlines.append(outline)
        past.crop = face.crop
    past.cell_px = _cell_px(face.region.side / spec.crop_scale, past.cell_px)
    polygons = [_hull(np.concatenate(points)), *(_on_frame(piece, face.region, spec) for piece in outline.pieces)]
    return Cover(tuple(polygon for polygon in polygons if len(polygon)), past.cell_px)


def _outline(face: ParsedFace, spec: ModelSpec) -> _Outline:
    oval, beyond_reach = _expected(spec.size_px, spec.crop_scale)
    on_face = cv2.subtract(
        full_face(face.probabilities, spec), cv2.min(occlusion(face.probabilities, spec), beyond_reach)
    )
    visible = visible_face(face.probabilities, spec)
    if face.missed:  # a face may be gone: only what still looks like one is hidden
        return _Outline(face.region, _NO_POINTS, tuple(map(_hull, _likely_pieces(visible, spec))))
    main, pieces = [oval], []
    for piece in _likely_pieces(on_face, spec):
        (main if _meets_oval(piece, spec) else pieces).append(piece)
    outline = _hull(np.concatenate(main))
    ears = cv2.subtract(visible, on_face)  # their hull with the face would hide the hair between them
    pieces += _likely_pieces(ears, spec)
    return _Outline(face.region, outline, tuple(map(_hull, pieces)))


def _likely_pieces(channel: U8, spec: ModelSpec) -> list[F32]:
    """The outlines, (N, 2) each, of the pieces of a crop's channel that are likely enough, with a margin."""
    _, likely = cv2.threshold(channel, _LIKELY - 1, 255, cv2.THRESH_BINARY)
    grown = cv2.dilate(likely, _square(spec))
    outlines, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [outline.reshape(-1, 2).astype(np.float32) + np.float32(0.5) for outline in outlines]


def _meets_oval(piece: F32, spec: ModelSpec) -> bool:
    middle, half_wh = _oval_of(spec.size_px, spec.crop_scale)
    inside = (((piece - middle) / half_wh) ** 2).sum(axis=1) <= 1
    return bool(inside.any()) or cv2.pointPolygonTest(piece, (middle, middle), False) >= 0


@lru_cache(maxsize=8)
def _expected(size_px: int, crop_scale: float) -> tuple[F32, Mask]:
    """The oval of the face that a region expects, (N, 2), and (S, S) uint8: 255 beyond the reach of the face."""
    middle, half_wh = _oval_of(size_px, crop_scale)
    turn = np.linspace(0, 2 * math.pi, 32, endpoint=False)
    oval = middle + np.stack([np.cos(turn), np.sin(turn)], axis=1) * half_wh
    beyond = np.full((size_px, size_px), 255, np.uint8)
    cv2.circle(beyond, (size_px // 2, size_px // 2), round(_REACH * size_px / crop_scale), 0, cv2.FILLED)
    return oval.astype(np.float32), beyond


def _oval_of(size_px: int, crop_scale: float) -> tuple[float, F32]:
    """Both coordinates of its centre, and half its width and height, in pixels of the crop."""
    height = size_px / crop_scale
    return size_px / 2, np.array([FACE_ASPECT * height / 2, height / 2], np.float32)


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


def _shows_the_same(crop: U8, earlier: U8 | None) -> bool:
    """Whether a crop still shows what an earlier one of the same place showed."""
    if earlier is None:
        return False
    small = [cv2.cvtColor(cv2.resize(each, (_ALIKE_PX,) * 2, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
             for each in (crop, earlier)]  # fmt: skip
    return bool(cv2.matchTemplate(*small, cv2.TM_CCOEFF_NORMED)[0, 0] > _ALIKE) and all(map(np.ptp, small))


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
