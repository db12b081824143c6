"""Part labels and depth of one photograph (Cross-Domain Mutual Learning, section 3.1).

The paper takes depth from a 3D head that is reconstructed from the photograph. Here that is the ICT head, fitted to
landmarks. Labels and depth are made in a window around the head, at most 448 px a side, and resized to the picture.
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
from train.heads.landmarks import Points
from train.heads.model import head_model_arrays, head_model_sha256, load_head_model
from train.labels.pseudo_label import PseudoLabel
from train.labels.teachers.hair import require_hair_model
from train.labels.teachers.mediapipe_models import HairSegmenter
from train.parts.photo.depth import depth_cm
from train.parts.photo.fit import MAX_ERROR, FittedHead, PartsFit
from train.parts.photo.mesh import FRONT, LEFT_EAR, RIGHT_EAR, SKULL, PhotoMesh
from train.parts.photo.part_labels import Sources, part_labels
from train.parts.photo.parts_teacher import PartsTeacher
from train.parts.raster import rasterise

DEPTH_SCALE_M = 0.0001
_CM_M = 0.01
_WINDOW_SCALE = 2.8  # of the face box: networks see 2.0, and long hair reaches further
_MAX_WINDOW_PX = 448
"""Largest side of the window: twice the crops of the parsers."""


@dataclass(frozen=True, eq=False)
class RgbdLabel:
    """Part labels and depth of one photograph."""

    parts: U8
    """(H, W) uint8 ids of PART_LABELS."""
    depth: npt.NDArray[np.uint16]
    """(H, W) uint16; times DEPTH_SCALE_M: metres from the camera; 0 where depth is unknown."""
    fit_error: float
    """Mean error of the fitted landmarks, as a share of the face height."""


@dataclass(frozen=True)
class _Window:
    """The part of the picture around a head, reduced if it is large."""

    corners: tuple[int, int, int, int]
    scale: float

    def crop(self, picture: npt.NDArray[Any], flags: int) -> npt.NDArray[Any]:
        x0, y0, x1, y1 = self.corners
        part = np.ascontiguousarray(picture[y0:y1, x0:x1])
        return part if self.scale == 1 else cv2.resize(part, self.size_wh, interpolation=flags)

    def points(self, points: Points) -> Points:
        """(N, 3) pixels of the picture -> pixels of the window; z is unchanged."""
        moved = points.copy()
        moved[:, :2] = (points[:, :2] - self.corners[:2]) * self.scale
        return moved

    def to_picture(self, image: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """(h, w) of the window -> (H, W) of the picture; 0 outside the window."""
        x0, y0, x1, y1 = self.corners
        whole = np.zeros(shape[:2], image.dtype)
        whole[y0:y1, x0:x1] = cv2.resize(image, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
        return whole

    @property
    def size_wh(self) -> tuple[int, int]:
        x0, y0, x1, y1 = self.corners
        return max(1, round((x1 - x0) * self.scale)), max(1, round((y1 - y0) * self.scale))


class PhotoLabeller:
    """Makes part labels and depth. One per process.

    Args:
        head_model: the folder of the head model.
        hair_model: MediaPipe's hair_segmentation.tflite.
        parts_teacher: models for `PartsTeacher`, which corrects the part labels; None for the first round.

    Raises:
        DataError: a model is not named, missing or not of the expected kind.
        UnknownModel, EngineError, UsageError: as `PartsTeacher`.
    """

    def __init__(self, head_model: Path | None, hair_model: Path | None, parts_teacher: str | None = None) -> None:
        self._teacher = PartsTeacher(parts_teacher) if parts_teacher else None
        self._hair = HairSegmenter(require_hair_model(hair_model))
        self._fit = PartsFit(load_head_model(head_model))
        self._mesh = PhotoMesh.load(head_model_arrays(head_model))

    def label(self, rgb: U8, face: PseudoLabel) -> RgbdLabel:
        """Label the parts and the depth of a face.

        Args:
            rgb: (H, W, 3) uint8.
            face: its landmarks, box and visible area.

        Raises:
            Unusable: no head fits the landmarks well enough.
        """
        head = self._fit.head(face.landmarks, (rgb.shape[1], rgb.shape[0]))
        window = _window(face.box_xyxy, (rgb.shape[1], rgb.shape[0]))
        hits = rasterise(window.points(head.points), self._mesh.triangles, window.size_wh, back_faces=False)
        region = self._mesh.region_of_pixels(hits)
        sources = Sources(
            rgb=window.crop(rgb, cv2.INTER_AREA),
            landmarks=window.points(face.landmarks),
            labels=window.crop(face.labels, cv2.INTER_NEAREST),
            hair=window.crop(self._hair.hair(rgb, face.box_xyxy), cv2.INTER_AREA),
            left_ear=(region == LEFT_EAR).astype(np.uint8),
            right_ear=(region == RIGHT_EAR).astype(np.uint8),
            head=((region == FRONT) | (region == SKULL)).astype(np.uint8),
        )
        parts = part_labels(sources)
        occluded = ((sources.labels == OCCLUSION) & (parts == 0)).astype(np.uint8)
        if self._teacher:
            parts = self._teacher.corrected(parts, sources.rgb, sources.landmarks, occluded)
        depth = depth_cm(hits.depth, region, parts, occluded, _px_per_cm(head) * window.scale)
        steps = np.round(depth * (_CM_M / DEPTH_SCALE_M)).clip(0, 65535).astype(np.uint16)
        return RgbdLabel(window.to_picture(parts, rgb.shape), window.to_picture(steps, rgb.shape), head.error)


def provenance(head_model: Path | None, hair_model: Path | None, parts_teacher: str | None = None) -> dict[str, Any]:
    """JSON-ready: how part labels and depth are made. Raises as `PhotoLabeller`."""
    return {
        "parts": "photographs",
        "head_model_sha256": head_model_sha256(head_model),
        "hair_model_sha256": sha256_of(require_hair_model(hair_model)),
        "most_fit_error": MAX_ERROR,
        "depth_scale_m": DEPTH_SCALE_M,
        **(PartsTeacher(parts_teacher).provenance() if parts_teacher else {}),
    }


def _window(box_xyxy: tuple[float, float, float, float], size_wh: tuple[int, int]) -> _Window:
    left, top, right, bottom = region_from_box(box_xyxy, _WINDOW_SCALE).box_xyxy
    x0, y0 = max(0, int(left)), max(0, int(top))
    x1, y1 = min(size_wh[0], round(right)), min(size_wh[1], round(bottom))
    return _Window((x0, y0, x1, y1), min(1.0, _MAX_WINDOW_PX / max(x1 - x0, y1 - y0)))


def _px_per_cm(head: FittedHead) -> float:
    return float(head.pose.camera[0, 0] / head.pose.translation[2])
