"""The small values that travel down the pipeline: frames and faces."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

from engines.errors import UsageError
from realtime.frames.colour import Colour

U8 = npt.NDArray[np.uint8]
"""8-bit values of any meaning, such as the planes of a frame."""
U16 = npt.NDArray[np.uint16]
F32 = npt.NDArray[np.float32]
Rgb = U8
"""(H, W, 3): red, green, blue; or (N, 3): a list of colours."""
Gray = U8
"""(H, W): brightness, or depth as `realtime.frames.depth` encodes it."""
Mask = U8
"""(H, W): how much of each pixel belongs to something; 255 is all of it."""
LabelIds = U8
"""(H, W): the index of each pixel's label in `ModelSpec.labels`."""
Probabilities = U8
"""(S, S, K): the probability of each label x 255, in a crop; or (S, S): that of one label."""
DepthSteps = U16
"""(H, W): distance from the camera in steps of `Depth.step_m`; 0 where nothing was measured."""
Layout = Literal["rgb", "rgba", "gray", "yuv420p"]
_CHANNELS = {"rgb": 3, "rgba": 4}


@dataclass(frozen=True, eq=False)
class Depth:
    """The measured depth of a frame."""

    steps: DepthSteps
    """Upright, of the frame's size."""
    step_m: float
    """Metres that one step stands for."""


@dataclass(frozen=True, eq=False)
class DeepPicture:
    """The decoder's own picture of more than 8 bits, of which a frame's planes are a copy."""

    planes: tuple[U16, ...]
    """Y, U and V, upright, 10 bits. They are read-only by convention."""
    pixel_format: str
    """FFmpeg's name: yuv420p10le, yuv422p10le or yuv444p10le."""
    shown: tuple[U8, ...]
    """The frame's planes before anything was drawn."""


LARGE_PX = 4_000_000
"""Pixels of a frame from which on few are kept in memory: by readers, decoders and encoders."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video, camera or image file, upright as it is shown.

    A video frame stays in the planes in which it was decoded: only the pixels that a stage needs are converted.
    """

    planes: tuple[U8, ...]
    """`rgb`: one (H, W, 3); `rgba`: one (H, W, 4); `gray`: one (H, W); `yuv420p`: Y (H, W), U and V
    (ceil(H/2), ceil(W/2)). All uint8. Planes of a source are read-only by convention: copy before drawing."""
    layout: Layout
    index: int = 0
    """Position in the source, from 0. A live source counts dropped frames too."""
    pts: int | None = None
    """Presentation time in units of `time_base`; None where the source has no clock (image files)."""
    time_base: Fraction = Fraction(1, 90_000)
    captured_at: float = 0.0
    """`time.perf_counter()` when the frame was read, in seconds."""
    colour: Colour = field(default_factory=Colour)
    """Which YCbCr the planes of a `yuv420p` frame hold; carried along untouched for other layouts."""
    alpha: Mask | None = None
    """(H, W) uint8, 255 opaque: the matte of a `yuv420p` frame that was drawn with render `alpha`."""
    depth: Depth | None = None
    """None where the source has no depth."""
    duration: int | None = None
    """How long it is shown, in units of `time_base`; None where the source does not state it."""

    deep: DeepPicture | None = None
    """The same picture with more than 8 bits, for a sink; None where the source has no more."""

    def __post_init__(self) -> None:
        shapes = tuple(plane.shape for plane in self.planes)
        if any(plane.dtype != np.uint8 for plane in self.planes):
            raise UsageError(f"a frame's planes must be uint8; got {[str(p.dtype) for p in self.planes]}")
        if shapes != _expected_shapes(self.layout, shapes):
            raise UsageError(
                f"a {self.layout} frame has planes of shape {_expected_shapes(self.layout, shapes)}; got {shapes}"
            )

    @property
    def size_wh(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width = self.planes[0].shape[:2]
        return width, height

    @property
    def nbytes(self) -> int:
        """The memory of its pixels, in bytes. What was drawn on counts beside what was not."""
        planes = list(self.planes)
        if self.deep is not None:
            planes += [shown for shown, drawn in zip(self.deep.shown, self.planes, strict=True) if shown is not drawn]
        deep = sum(plane.nbytes for plane in self.deep.planes) if self.deep else 0
        alpha = self.alpha.nbytes if self.alpha is not None else 0
        return sum(plane.nbytes for plane in planes) + deep + alpha + (self.depth.steps.nbytes if self.depth else 0)

    @property
    def pts_seconds(self) -> float | None:
        """Presentation time in seconds."""
        return None if self.pts is None else float(self.pts * self.time_base)

    def with_planes(self, planes: tuple[U8, ...], layout: Layout, alpha: Mask | None = None) -> Frame:
        """The same moment with other pixels, and without depth: what was drawn is only shown or written."""
        deep = self.deep if layout == "yuv420p" else None
        return replace(self, planes=planes, layout=layout, alpha=alpha, depth=None, deep=deep)

    def __repr__(self) -> str:
        width, height = self.size_wh
        time = "no pts" if self.pts is None else f"pts {self.pts} ({self.pts_seconds:.3f} s)"
        return f"Frame({self.layout} {width}x{height}, index {self.index}, {time})"


@dataclass(frozen=True)
class Region:
    """A square of a frame, upright or turned: what the network sees of one face.

    Its coordinates are continuous (the first pixel covers 0..1). It may lie between pixels and stick out of the frame.
    """

    centre_x: float
    centre_y: float
    side: float
    angle_deg: float = 0.0
    """How far its upright direction is turned clockwise from the frame's, -180..180. Its crop is turned back."""

    @property
    def cos_sin(self) -> tuple[float, float]:
        """Cosine and sine of its angle: exactly 0 or 1 at quarter turns, so that they need no rounding."""
        angle = math.radians(self.angle_deg)
        return round(math.cos(angle), 15), round(math.sin(angle), 15)

    @property
    def is_turned_freely(self) -> bool:
        """Whether its sides are not parallel to the frame's."""
        return self.angle_deg % 90 != 0

    @property
    def box_xyxy(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in pixels: the upright box that holds it."""
        cos, sin = self.cos_sin
        half = self.side / 2 * (abs(cos) + abs(sin))
        return self.centre_x - half, self.centre_y - half, self.centre_x + half, self.centre_y + half


@dataclass(frozen=True)
class Detection:
    """A face that the detector found."""

    box_xyxy: tuple[float, float, float, float]
    """The full-face box (forehead at the hairline to chin, cheek to cheek) in pixels of the frame: the centre as in
    the frame, width and height along the face's own axes."""
    score: float
    """0..1"""
    low_confidence: bool = False
    """Its score is below the threshold for a face. It is reported because nothing else was found."""
    angle_deg: float = 0.0
    """How far the face's upright direction is turned clockwise from the frame's, -180..180."""


@dataclass(frozen=True, eq=False)
class Cover:
    """What must be hidden of a face, and how (`realtime.faces.cover`)."""

    polygons: tuple[F32, ...]
    """Convex outlines, each (N, 2) float32: x and y in continuous pixels of the frame. They may overlap."""
    cell_px: int
    """Side of the coarse cells that hide it, in pixels of the frame: a power of two, 4 or more."""


@dataclass(frozen=True, eq=False)
class ParsedFace:
    """A face of one frame after parsing."""

    track_id: int
    region: Region
    crop: Rgb
    """(S, S, 3) uint8: what the network saw of the region, RGB, or depth as gray."""
    probabilities: Probabilities
    """(S, S, K) uint8: softmax probability of each label x 255, in the region's crop."""
    presence: float | None = None
    """The calibrated probability that the crop holds a face, 0..1; None for an engine without that output."""
    angle_deg: float | None = None
    """How far the face is turned clockwise from up in its crop, -180..180; None for an engine without that output."""
    missed: bool = False
    """The tracker did not find it in this frame. Only renderers that hide faces get such a face."""
    cover: Cover | None = None
    """What must be hidden of it; None where no renderer hides faces."""


def _expected_shapes(layout: Layout, shapes: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    height, width = (shapes[0] if shapes else (0, 0))[:2]
    if layout == "yuv420p":
        chroma = ((height + 1) // 2, (width + 1) // 2)
        return (height, width), chroma, chroma
    return ((height, width, _CHANNELS[layout]),) if layout in _CHANNELS else ((height, width),)
