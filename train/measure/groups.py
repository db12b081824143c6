"""Groups of held-aside faces: by what the file's name says, and by what can be computed of picture and landmarks.

A name counts only where every held-aside tile of that figure shows it (all were looked at). What is computed is a
proxy: skin tone by the ITA angle, for one, is moved by the light, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import FACE
from realtime.frames.types import U8
from train.heads.contour import Points
from train.measure.held_out import Held

Basis = Literal["all", "name", "computed", "copy"]

# SFHQ-T2I's figures, cut into tiles named FIGURE_ROW_COLUMN: rows of its age figures are ages, of others peoples.
_BY_NAME = {
    "glasses and sunglasses": r"1_glasses_|2_Glasses_Style_",
    "hats": r"1_hats_|2_Hats_",
    "beards and moustaches": r"2_Facial_Hair_0[0-3]",
    "poses": r"2_Face_Pose_",
    "lighting": r"2_Lighting_",
    "expressions": r"1_expression_|2_Expression_",
    "children": r"1_age_(fe)?male_0[0-2]|2_Age_0[0-2]|2_Age_x_Ethnicity_x_Sex_\d_0[0-2]|2_Ethnicity_x_Age_3_",
    "old people": r"1_age_(fe)?male_06|2_Age_05|2_Age_x_Ethnicity_x_Sex_\d_05|2_Ethnicity_x_Age_1_",
    "African, dark skin": r"2_Age_x_Ethnicity_x_Sex_2_|2_Ethnicity_x_Age_\d_02",
}
_CHEEK_RIGHT, _CHEEK_LEFT, _NOSE_BRIDGE = 234, 454, 168  # FaceMesh
_GREY_SPREAD = 12  # of a face's largest and smallest channel, in the median
_DARK_LUMA, _BRIGHT_LUMA = 80, 160
_LIT_PERCENTILES = (60, 90)  # of the face's luma: neither shadow nor shine


@dataclass(frozen=True, eq=False)
class Group:
    """Some of the held-aside faces."""

    name: str
    basis: Basis
    indices: npt.NDArray[np.int64]
    """(M,): their places in the set."""


def groups_of(held: Held) -> list[Group]:
    """Every group with a face in it; a face may be in several, or in none."""
    groups = [Group(name, "name", np.flatnonzero(mask)) for name, mask in _by_name(held.names).items()]
    groups += [Group(name, "computed", np.flatnonzero(mask)) for name, mask in _by_picture(held).items()]
    return [group for group in groups if len(group.indices)]


def yaw_degrees(landmarks: Points) -> float:
    """How far a head is turned to its side, 0..90, from 2D landmarks.

    In MediaPipe's canonical face the bridge of the nose lies as far before the line between the cheeks as they are
    from the middle, so its shift from the middle, in half widths, is the tangent. Against a fit of the whole canonical
    face by perspective it reads 1 degree more for frontal heads and 4 more for heads past 40, in the median.
    """
    right, left, nose = landmarks[[_CHEEK_RIGHT, _CHEEK_LEFT, _NOSE_BRIDGE]].astype(np.float64)
    across = left - right
    shift = 2 * float((nose - right) @ across) / max(float(across @ across), 1e-6) - 1
    return abs(float(np.degrees(np.arctan(shift))))


def ita_degrees(skin: U8) -> float:
    """The individual typology angle of (N, 3) uint8 RGB pixels, -90..90: the lighter the skin, the larger."""
    luma = _luma(skin)
    low, high = np.percentile(luma, _LIT_PERCENTILES)
    lit = skin[(luma >= low) & (luma <= high)].astype(np.float32)[None] / 255
    lightness, _, yellow = np.median(cv2.cvtColor(lit, cv2.COLOR_RGB2LAB)[0], axis=0)
    return float(np.degrees(np.arctan2(lightness - 50, yellow)))


def _by_name(names: Sequence[str]) -> dict[str, npt.NDArray[np.bool_]]:
    paths = [PurePosixPath(name) for name in names]
    sets = {f"set {one}": np.array([path.parent.name == one for path in paths]) for one in _sets(paths)}
    tiles = [path.name if path.parent.name == "sfhq_t2i" else "" for path in paths]
    return sets | {
        group: np.array([bool(re.match(pattern, tile)) for tile in tiles]) for group, pattern in _BY_NAME.items()
    }


def _sets(paths: Sequence[PurePosixPath]) -> list[str]:
    return sorted({path.parent.name for path in paths if path.parent.name})


def _by_picture(held: Held) -> dict[str, npt.NDArray[np.bool_]]:
    yaw = np.array([yaw_degrees(points) for points in held.landmarks])
    skins = [rgb[labels == FACE] for rgb, labels in zip(held.clean, held.clean_labels, strict=True)]
    luma = np.array([_luma(skin).mean() if len(skin) else np.nan for skin in skins])  # nan is in no group
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


def _luma(rgb: U8) -> npt.NDArray[np.float32]:
    return rgb.astype(np.float32) @ np.array((0.299, 0.587, 0.114), np.float32)


def _is_grey(skin: U8) -> bool:
    return bool(np.median(np.ptp(skin.astype(np.int16), axis=1)) < _GREY_SPREAD)
