"""RGB-D data from one photograph: its part labels and the depth of the head that fits it (section 3.1).

Cross-domain mutual learning takes depth from a 3D head that is reconstructed from the photograph, and projects it.
Ours is the ICT head, fitted to landmarks. Depth and labels are made in a window around the head, at most 448 px a
side, and brought back to the size of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engines.manifest import sha256_of
from engines.spec import OCCLUSION
from realtime.frames.crop import region_from_box
from realtime.frames.types import U8
from train.heads.contour import Points
from train.heads.model import head_model_arrays, head_model_sha256, load_head_model
from train.labels.pseudo_label import PseudoLabel
from train.labels.teachers.hair import require_hair_model
from train.labels.teachers.mediapipe_models import HairSegmenter
from train.parts.photo.depth import depth_cm
from train.parts.photo.fit import MOST_ERROR, FittedHead, PartsFit
from train.parts.photo.mesh import FRONT, LEFT_EAR, RIGHT_EAR, SKULL, PhotoMesh
from train.parts.photo.part_labels import Sources, part_labels
from train.parts.photo.parts_teacher import PartsTeacher
from train.parts.raster import rasterise

DEPTH_SCALE_M = 0.0001
_CM_M = 0.01
_WINDOW_SCALE = 2.8  # of the face box: networks see 2.0, and hair hangs further
_MOST_WINDOW_PX = 448
"""What the window of a larger picture is reduced to: twice what the parsers see."""


@dataclass(frozen=True, eq=False)
class RgbdLabel:
    """What was made of one photograph."""

    parts: U8
    """(H, W): PART_LABELS' ids."""
    depth: npt.NDArray[np.uint16]
    """(H, W): x DEPTH_SCALE_M = metres from the camera; 0 = nothing measured."""
    fit_error: float
    """Of the head's landmarks: share of the face height."""


@dataclass(frozen=True)
class _Window:
    """The part of the picture around a head, reduced."""

    corners: tuple[int, int, int, int]
    scale: float

    def cut(self, picture: npt.NDArray[Any], flags: int) -> npt.NDArray[Any]:
        x0, y0, x1, y1 = self.corners
        part = np.ascontiguousarray(picture[y0:y1, x0:x1])
        return part if self.scale == 1 else cv2.resize(part, self.size_wh, interpolation=flags)

    def points(self, points: Points) -> Points:
        """(N, 3) pixels of the picture -> pixels of the window; z as it is."""
        moved = points.copy()
        moved[:, :2] = (points[:, :2] - self.corners[:2]) * self.scale
        return moved

    def restored(self, made: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """(h, w) of the window -> (H, W) of the picture; 0 around it."""
        x0, y0, x1, y1 = self.corners
        whole = np.zeros(shape[:2], made.dtype)
        whole[y0:y1, x0:x1] = cv2.resize(made, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
        return whole

    @property
    def size_wh(self) -> tuple[int, int]:
        x0, y0, x1, y1 = self.corners
        return max(1, round((x1 - x0) * self.scale)), max(1, round((y1 - y0) * self.scale))


class PhotoLabeller:
    """Makes RGB-D labels. One per process.

    Args:
        head_model: the folder of the head model.
        hair_model: MediaPipe's hair_segmentation.tflite.
        parts_teacher: what corrects the part labels, as `PartsTeacher` takes it; None for a first round.

    Raises:
        DataError: one is not named, missing or not what it should be.
        UnknownModel, EngineError, UsageError: as `PartsTeacher`.
    """

    def __init__(self, head_model: Path | None, hair_model: Path | None, parts_teacher: str | None = None) -> None:
        self._teacher = PartsTeacher(parts_teacher) if parts_teacher else None
        self._hair = HairSegmenter(require_hair_model(hair_model))
        self._fit = PartsFit(load_head_model(head_model))
        self._mesh = PhotoMesh.load(head_model_arrays(head_model))

    def label(self, rgb: U8, found: PseudoLabel) -> RgbdLabel:
        """Parts and depth of the face that was found in a picture.

        Args:
            rgb: (H, W, 3) uint8.
            found: its landmarks, box, and what of the face is visible.

        Raises:
            Unusable: no head fits the landmarks well.
        """
        head = self._fit.head(found.landmarks, (rgb.shape[1], rgb.shape[0]))
        window = _window(found.box_xyxy, (rgb.shape[1], rgb.shape[0]))
        hits = rasterise(window.points(head.points), self._mesh.triangles, window.size_wh, back_faces=False)
        region = self._mesh.seen(hits)
        sources = Sources(
            rgb=window.cut(rgb, cv2.INTER_AREA),
            landmarks=window.points(found.landmarks),
            seen=window.cut(found.labels, cv2.INTER_NEAREST),
            hair=window.cut(self._hair.hair(rgb, found.box_xyxy), cv2.INTER_AREA),
            left_ear=(region == LEFT_EAR).astype(np.uint8),
            right_ear=(region == RIGHT_EAR).astype(np.uint8),
            head=((region == FRONT) | (region == SKULL)).astype(np.uint8),
        )
        parts = part_labels(sources)
        covered = ((sources.seen == OCCLUSION) & (parts == 0)).astype(np.uint8)
        if self._teacher:
            parts = self._teacher.corrected(parts, sources.rgb, sources.landmarks, covered)
        far = depth_cm(hits.depth, region, parts, covered, _px_per_cm(head) * window.scale)
        units = np.round(far * (_CM_M / DEPTH_SCALE_M)).clip(0, 65535).astype(np.uint16)
        return RgbdLabel(window.restored(parts, rgb.shape), window.restored(units, rgb.shape), head.error)


def provenance(head_model: Path | None, hair_model: Path | None, parts_teacher: str | None = None) -> dict[str, Any]:
    """JSON-ready: what RGB-D labels are made with. Raises as `PhotoLabeller`."""
    return {
        "parts": "photographs",
        "head_model_sha256": head_model_sha256(head_model),
        "hair_model_sha256": sha256_of(require_hair_model(hair_model)),
        "most_fit_error": MOST_ERROR,
        "depth_scale_m": DEPTH_SCALE_M,
        **(PartsTeacher(parts_teacher).provenance() if parts_teacher else {}),
    }


def _window(box_xyxy: tuple[float, float, float, float], size_wh: tuple[int, int]) -> _Window:
    left, top, right, bottom = region_from_box(box_xyxy, _WINDOW_SCALE).box_xyxy
    x0, y0 = max(0, int(left)), max(0, int(top))
    x1, y1 = min(size_wh[0], round(right)), min(size_wh[1], round(bottom))
    return _Window((x0, y0, x1, y1), min(1.0, _MOST_WINDOW_PX / max(x1 - x0, y1 - y0)))


def _px_per_cm(head: FittedHead) -> float:
    return float(head.pose.camera[0, 0] / head.pose.translation[2])
