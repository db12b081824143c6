"""Groups of held-out faces, and the accuracy for each group.

A face belongs to a group because its file's name says so (`faces.toml`), or by what is computed from its picture and
landmarks. Computed groups are approximations: the ITA angle, for example, depends on the light as well as on the skin.
All faces are also evaluated as altered copies: darker, brighter, grey, smaller and rotated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import FACE
from realtime.frames.types import U8
from train.data.faces import Face
from train.data.split import FaceRules
from train.heads.landmarks import Points
from train.measure.held_out import HeldOutSet
from train.measure.held_out_scores import Predictions
from train.measure.metrics import Confusion, percent
from train.occluders.kinds import Occluders

Basis = Literal["all", "name", "computed", "copy"]

MIN_FACES = 8
"""Smaller groups are counted but not evaluated."""
MARGIN = 3.0
"""A group that is more percentage points than this below the mean is marked."""

_CHEEK_RIGHT, _CHEEK_LEFT, _NOSE_BRIDGE = 234, 454, 168  # FaceMesh
_GREY_SPREAD = 12  # difference between the largest and the smallest channel of a face's pixels, median
_DARK_LUMA, _BRIGHT_LUMA = 80, 160
_LIT_PERCENTILES = (60, 90)  # of the face's luma: neither shadow nor highlight
_SMALL_FACE_PX = 40
_ROTATION_DEGREES = 30


@dataclass(frozen=True, eq=False)
class Group:
    """Some of the held-out faces."""

    name: str
    basis: Basis
    indices: npt.NDArray[np.int64]
    """(M,): their positions in the set."""


@dataclass(frozen=True, eq=False)
class EvaluatedGroup:
    """A group, and the set and predictions it is evaluated on."""

    group: Group
    held_out: HeldOutSet
    predictions: Predictions


def find_groups(held_out: HeldOutSet, rules: FaceRules) -> list[Group]:
    """Every group that is not empty. A face may belong to several groups, or to none."""
    groups = [Group(name, "name", np.flatnonzero(mask)) for name, mask in _by_name(held_out.names, rules).items()]
    groups += [Group(name, "computed", np.flatnonzero(mask)) for name, mask in _by_picture(held_out).items()]
    return [group for group in groups if len(group.indices)]


def evaluated_groups(
    held_out: HeldOutSet,
    predictions: Predictions,
    copies: Mapping[str, tuple[HeldOutSet, Predictions]],
    rules: FaceRules,
) -> list[EvaluatedGroup]:
    """All faces, then each group, then each altered copy of all faces."""
    all_indices = np.arange(len(held_out.names))
    groups = [Group("all faces", "all", all_indices), *find_groups(held_out, rules)]
    evaluated = [EvaluatedGroup(group, held_out, predictions) for group in groups]
    return evaluated + [EvaluatedGroup(Group(name, "copy", all_indices), *copy) for name, copy in copies.items()]


def altered_copies(held_out: HeldOutSet, faces: Sequence[Face], library: Occluders) -> dict[str, HeldOutSet]:
    """The whole set again, made harder in several ways. The ground truth stays the same."""

    def altered(alter: Callable[[U8], U8]) -> HeldOutSet:
        clean, pasted = (np.stack([alter(crop) for crop in crops]) for crops in (held_out.clean, held_out.pasted))
        return replace(held_out, clean=clean, pasted=pasted)

    small_px = round(_SMALL_FACE_PX * held_out.spec.crop_scale)
    return {
        "darkened, a sixteenth of the light": altered(lambda crop: change_exposure(crop, -4)),
        "over-exposed, four times the light": altered(lambda crop: change_exposure(crop, 2)),
        "made grey": altered(lambda crop: cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)),
        f"small, {_SMALL_FACE_PX} px": altered(lambda crop: reduce_resolution(crop, small_px)),
        f"turned by {_ROTATION_DEGREES} degrees in the plane": HeldOutSet.compose(
            faces, library, held_out.spec, _ROTATION_DEGREES
        ),
    }


def change_exposure(rgb: U8, stops: float) -> U8:
    """The picture with 2 ** stops times the light, at a gamma of 2.2. Values that are too bright are clipped."""
    values = np.arange(256) * 2 ** (stops / 2.2)
    return cv2.LUT(rgb, np.clip(np.round(values), 0, 255).astype(np.uint8))


def reduce_resolution(rgb: U8, size_px: int) -> U8:
    """The picture scaled down to `size_px` and back to its own size."""
    small = cv2.resize(rgb, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def group_rows(evaluated: Sequence[EvaluatedGroup]) -> list[dict[str, Any]]:
    """The table of groups, JSON-ready, in percent. Each group is compared with the first, which is all faces.

    A group with fewer than MIN_FACES has None for its figures. `below` names the columns (`clean`, `pasted`) in which
    the face's IoU is more than MARGIN percentage points below that of all faces.
    """
    rows = [_group_row(one) for one in evaluated]
    mean = rows[0]
    for row in rows:
        row["below"] = [
            column
            for column in ("clean", "pasted")
            if None not in (row[f"{column}_face_iou"], mean[f"{column}_face_iou"])
            and row[f"{column}_face_iou"] < mean[f"{column}_face_iou"] - MARGIN
        ]
    return rows


def face_iou(truth: U8, predicted: U8) -> float | None:
    """IoU of the face in percent; None if neither ground truth nor prediction has a face."""
    binary = Confusion.of((truth == FACE).astype(np.uint8), (predicted == FACE).astype(np.uint8), ("other", "face"))
    return percent(binary.iou()["face"])


def yaw_degrees(landmarks: Points) -> float:
    """How far a head is turned to its side, 0..90, from 2D landmarks.

    In MediaPipe's canonical face the bridge of the nose is as far in front of the line between the cheeks as the cheeks
    are from the middle. So the tangent of the yaw is the bridge's shift from the middle, in half widths. Compared with
    a perspective fit of the whole canonical face, the median is 1 degree higher for frontal heads and 4 degrees higher
    for heads beyond 40 degrees.
    """
    right, left, nose = landmarks[[_CHEEK_RIGHT, _CHEEK_LEFT, _NOSE_BRIDGE]].astype(np.float64)
    across = left - right
    shift = 2 * float((nose - right) @ across) / max(float(across @ across), 1e-6) - 1
    return abs(float(np.degrees(np.arctan(shift))))


def ita_degrees(skin: U8) -> float:
    """The individual typology angle of (N, 3) uint8 RGB pixels, -90..90. Lighter skin has a larger angle."""
    luma = _luma(skin)
    low, high = np.percentile(luma, _LIT_PERCENTILES)
    lit = skin[(luma >= low) & (luma <= high)].astype(np.float32)[None] / 255
    lightness, _, yellow = np.median(cv2.cvtColor(lit, cv2.COLOR_RGB2LAB)[0], axis=0)
    return float(np.degrees(np.arctan2(lightness - 50, yellow)))


def _by_name(names: Sequence[str], rules: FaceRules) -> dict[str, npt.NDArray[np.bool_]]:
    """Groups by the folder of a file, and by the patterns of `faces.toml`."""
    paths = [PurePosixPath(name) for name in names]
    folders = sorted({path.parent.name for path in paths if path.parent.name})
    masks = {f"set {folder}": np.array([path.parent.name == folder for path in paths]) for folder in folders}
    for folder, patterns in rules.groups.items():
        for group, pattern in patterns.items():
            mask = np.array([path.parent.name == folder and bool(pattern.match(path.name)) for path in paths])
            masks[group] = masks.get(group, np.zeros_like(mask)) | mask
    return masks


def _by_picture(held_out: HeldOutSet) -> dict[str, npt.NDArray[np.bool_]]:
    yaw = np.array([yaw_degrees(points) for points in held_out.landmarks])
    skins = [rgb[labels == FACE] for rgb, labels in zip(held_out.clean, held_out.clean_labels, strict=True)]
    luma = np.array([_luma(skin).mean() if len(skin) else np.nan for skin in skins])  # nan belongs to no group
    ita = np.array([ita_degrees(skin) if len(skin) else np.nan for skin in skins])
    grey = np.array([len(skin) > 0 and _is_grey(skin) for skin in skins])
    return {
        "yaw below 20 degrees": yaw < 20,
        "yaw 20 to 40 degrees": (yaw >= 20) & (yaw < 40),
        "yaw 40 degrees and more": yaw >= 40,
        "dark face, luma below 80": luma < _DARK_LUMA,
        "bright face, luma 160 and more": luma >= _BRIGHT_LUMA,
        "grey picture": grey,
        "light skin tone, ITA 41 and more": ~grey & (ita >= 41),
        "medium skin tone, ITA 10 to 41": ~grey & (ita >= 10) & (ita < 41),
        "dark skin tone, ITA below 10": ~grey & (ita < 10),
    }


def _group_row(evaluated: EvaluatedGroup) -> dict[str, Any]:
    indices, held_out, predictions = evaluated.group.indices, evaluated.held_out, evaluated.predictions
    figures = {
        "clean_face_iou": face_iou(held_out.clean_labels[indices], predictions.clean[indices]),
        "pasted_face_iou": face_iou(held_out.pasted_labels[indices], predictions.pasted[indices]),
        "occluder_taken_for_face": _occluder_taken_for_face(held_out.covered[indices], predictions.pasted[indices]),
    }
    large_enough = len(indices) >= MIN_FACES
    return {
        "group": evaluated.group.name,
        "basis": evaluated.group.basis,
        "faces": len(indices),
        **{name: value if large_enough else None for name, value in figures.items()},
    }


def _occluder_taken_for_face(covered: npt.NDArray[np.bool_], predicted: U8) -> float | None:
    return percent(float((predicted[covered] == FACE).mean())) if covered.any() else None


def _luma(rgb: U8) -> npt.NDArray[np.float32]:
    return rgb.astype(np.float32) @ np.array((0.299, 0.587, 0.114), np.float32)


def _is_grey(skin: U8) -> bool:
    return bool(np.median(np.ptp(skin.astype(np.int16), axis=1)) < _GREY_SPREAD)
