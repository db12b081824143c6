"""A folder of faces with part labels and depth: what `unveil label --parts --depth` and `--synthetic` write.

faces.jsonl         one line per face, the fields of `Row`
parts/NAME.png      (H, W) uint8 ids of PART_LABELS, at the size of the picture
depth/NAME.png      (H, W) uint16; times depth_scale_m: metres from the camera; 0 where depth is unknown
rgb/NAME.png        pictures of synthetic heads; photographs stay where they are
parts_sheet.png     a sample of the parts over their pictures
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from engines.spec import PART_LABELS
from realtime.frames.types import U8
from realtime.video.sources.image import read_rgb

Box = tuple[float, float, float, float]
Source = Literal["photograph", "synthetic"]
U16 = npt.NDArray[np.uint16]
F32 = npt.NDArray[np.float32]

_INDEX = "faces.jsonl"


@dataclass(frozen=True, eq=False)
class Row:
    """One face. Its images are loaded on request."""

    name: str
    image: Path
    """The RGB picture."""
    parts: Path
    """8-bit PNG of class ids, at the size of the picture."""
    depth: Path
    """16-bit PNG of distances, at the size of the picture."""
    depth_scale_m: float
    """Metres per step of the depth image."""
    box_xyxy: Box
    """The full face: top of the forehead to chin, side to side; in pixels."""
    fit_error: float
    """Mean distance of the fitted head from the landmarks, as a share of the face height; 0 for synthetic heads."""
    source: Source
    landmarks: F32 | None
    """(478, 3): FaceMesh's vertices in pixels; None for synthetic heads."""

    def load_rgb(self) -> U8:
        """(H, W, 3) uint8. Raises SourceError if the picture is missing or unreadable."""
        return read_rgb(self.image)

    def load_parts(self) -> U8:
        """(H, W) uint8 ids of PART_LABELS. Raises DataError if the file is missing or not such an image."""
        ids = cv2.imread(str(self.parts), cv2.IMREAD_UNCHANGED)
        if ids is None or ids.dtype != np.uint8 or ids.ndim != 2:
            raise DataError(f"{self.parts} is {_describe(ids)}; expected an 8-bit gray PNG of class ids. Label again")
        if ids.max() >= len(PART_LABELS):
            raise DataError(
                f"{self.parts} contains the id {ids.max()}; expected 0 to {len(PART_LABELS) - 1}. Label again"
            )
        return ids

    def load_depth(self) -> U16:
        """(H, W) uint16; times `depth_scale_m`: metres. Raises DataError if it is missing or not a 16-bit PNG."""
        steps = cv2.imread(str(self.depth), cv2.IMREAD_UNCHANGED)
        if steps is None or steps.dtype != np.uint16 or steps.ndim != 2:
            raise DataError(f"{self.depth} is {_describe(steps)}; expected a 16-bit gray PNG of distances. Label again")
        return steps

    def load_depth_m(self) -> F32:
        """(H, W) float32 metres from the camera; 0 where depth is unknown."""
        return self.load_depth().astype(np.float32) * np.float32(self.depth_scale_m)


def read_parts(folder: Path) -> list[Row]:
    """Read the faces of a folder, without a last line that a kill cut short.

    Raises:
        DataError: there is no `faces.jsonl`, or one of its lines is not a face with parts and depth.
    """
    path = folder / _INDEX
    if not path.is_file():
        raise DataError(f"no {_INDEX} in {folder}; expected the output folder of `unveil label --parts --depth`")
    lines = path.read_text().split("\n")
    return [_row(folder, number, line) for number, line in enumerate(lines[:-1], 1) if line]


def row_json(row: dict[str, Any]) -> str:
    """One line of `faces.jsonl`, without its newline."""
    return json.dumps(row, separators=(", ", ": "))


def _row(folder: Path, number: int, line: str) -> Row:
    try:
        values = json.loads(line)
        if values["source"] not in get_args(Source):
            raise ValueError(f"source {values['source']!r}, expected one of {', '.join(get_args(Source))}")
        left, top, right, bottom = (float(value) for value in values["box_xyxy"])
        landmarks = values.get("landmarks")
        return Row(
            name=str(values["name"]),
            image=folder / values["image"],  # an absolute path is kept
            parts=folder / values["parts"],
            depth=folder / values["depth"],
            depth_scale_m=float(values["depth_scale_m"]),
            box_xyxy=(left, top, right, bottom),
            fit_error=float(values["fit_error"]),
            source=values["source"],
            landmarks=None if landmarks is None else np.array(landmarks, np.float32),
        )
    except KeyError as e:
        raise DataError(
            f"{folder / _INDEX}, line {number}: no {e}; expected a face with parts and depth, as "
            "`unveil label --parts --depth` or `unveil label --synthetic` writes it"
        ) from e
    except (TypeError, ValueError) as e:
        raise DataError(f"{folder / _INDEX}, line {number}: {e}; delete the line, or label into another folder") from e


def _describe(image: npt.NDArray[Any] | None) -> str:
    return "missing or not an image" if image is None else f"{image.dtype} {image.shape}"
