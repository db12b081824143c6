"""The picture that is composed: pixels, and which face each pixel shows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.resampling import centres
from realtime.frames.types import U8
from train.finder.pictures.portraits import Portrait
from train.finder.pictures.upright_box import UprightBox, box_of_landmarks, full_outline
from train.heads.landmarks import Points

F32 = npt.NDArray[np.float32]
Affine = npt.NDArray[np.float64]
Window = tuple[slice, slice]
NOBODY = -1
_OPAQUE = 0.5


@dataclass(frozen=True, eq=False)
class PlacedFace:
    """A face that was pasted."""

    number: int
    landmarks: Points
    """(478, 2) pixels of the canvas."""
    box: UprightBox
    outline: Points
    """(M, 2) the outline of the full face, as if nothing covered it."""


class Canvas:
    """A square picture in the making.

    Args:
        rgb: (S, S, 3) uint8: the background; it is drawn on.
    """

    def __init__(self, rgb: U8) -> None:
        self.rgb = np.ascontiguousarray(rgb)
        self.size_px = int(rgb.shape[0])
        self.owner = np.full(rgb.shape[:2], NOBODY, np.int16)
        """(S, S): the number of the face that each pixel shows, or NOBODY."""
        self.faces: list[PlacedFace] = []

    def paste_portrait(self, portrait: Portrait, affine: Affine, edge: str, softness: float = 0.0) -> PlacedFace | None:
        """Paste a portrait.

        Args:
            affine: (3, 3): its full size -> the canvas, in continuous coordinates.
            edge: `photo` (the whole picture), `head` (only the head), `oval` (an ellipse around the head) or `filled`
                (its border repeats over the canvas).
            softness: how far the border of a `photo` or `oval` is blurred, as a share of the face's side.

        Returns:
            The face, or None where the picture lies outside the canvas.
        """
        pixels, level = portrait.at_scale(_scale(affine))
        placed = affine @ np.linalg.inv(level)
        height, width = pixels.shape[:2]
        quad = np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ placed[:2, :2].T + placed[:2, 2]
        landmarks = (portrait.landmarks @ affine[:2, :2].T + affine[:2, 2]).astype(np.float32)
        face = PlacedFace(len(self.faces), landmarks, box_of_landmarks(landmarks), full_outline(landmarks))
        window = self._window(None if edge == "filled" else quad)
        if window is None:
            return None
        warped = _warp(pixels, placed, window)
        alpha = _alpha(edge, warped, quad, face.box, softness, window)
        self._blend(warped[:, :, :3], alpha, window)
        outline = np.zeros(alpha.shape, np.uint8)
        cv2.fillConvexPoly(outline, np.round(_shifted(face.outline, window)).astype(np.int32), 1)
        self.owner[window][(outline > 0) & (alpha > _OPAQUE)] = face.number
        self.faces.append(face)
        return face

    def paste_cutout(self, rgba: U8, affine: Affine, recolour: U8 | None = None) -> None:
        """Paste a cut-out whose colours are multiplied by alpha.

        Args:
            recolour: (1, 256, 3) a lookup table for its colours.
        """
        height, width = rgba.shape[:2]
        quad = np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ affine[:2, :2].T + affine[:2, 2]
        window = self._window(quad)
        if window is None:
            return
        while _scale(affine) < 0.55 and min(rgba.shape[:2]) > 8:
            rgba = cv2.resize(rgba, (rgba.shape[1] // 2, rgba.shape[0] // 2), interpolation=cv2.INTER_AREA).astype("u1")
            affine = affine @ np.diag([2.0, 2.0, 1.0])
        warped = _warp(rgba, affine, window, cv2.BORDER_CONSTANT)
        alpha, rgb = cv2.extractChannel(warped, 3), warped[:, :, :3]
        alphas = cv2.merge([alpha] * 3)
        if recolour is not None:
            rgb = cv2.multiply(cv2.LUT(cv2.divide(rgb, alphas, scale=255), recolour), alphas, scale=1 / 255)
        behind = cv2.multiply(self.rgb[window], cv2.subtract((255.0,) * 4, alphas), scale=1 / 255)
        self.rgb[window] = cv2.add(behind, np.ascontiguousarray(rgb))
        self.owner[window][alpha > 127] = NOBODY

    def visible_share(self, face: PlacedFace) -> float:
        """How much of the full face is seen, 0..1."""
        return float(np.count_nonzero(self.owner == face.number)) / max(1.0, float(cv2.contourArea(face.outline)))

    def _blend(self, rgb: U8, alpha: F32, window: Window) -> None:
        below = np.ascontiguousarray(self.rgb[window])
        self.rgb[window] = cv2.blendLinear(np.ascontiguousarray(rgb), below, alpha, 1 - alpha)
        self.owner[window][alpha > _OPAQUE] = NOBODY

    def _window(self, quad: npt.NDArray[np.floating] | None) -> Window | None:
        """The part of the canvas around a quadrilateral; all of it for None; None where there is nothing of it."""
        if quad is None:
            return slice(0, self.size_px), slice(0, self.size_px)
        x0, y0 = np.clip(np.floor(quad.min(axis=0)), 0, self.size_px).astype(int).tolist()
        x1, y1 = np.clip(np.ceil(quad.max(axis=0)), 0, self.size_px).astype(int).tolist()
        return (slice(y0, y1), slice(x0, x1)) if x1 > x0 and y1 > y0 else None


def similarity(scale: float, degrees: float, mirror: bool, source: Points, target: Points) -> Affine:
    """(3, 3): scales and turns clockwise about a point of the source, which comes to lie on the target."""
    angle = math.radians(degrees)
    linear = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    affine = np.eye(3)
    affine[:2, :2] = linear @ np.diag([-1.0 if mirror else 1.0, 1.0])
    affine[:2, 2] = target - affine[:2, :2] @ source
    return affine


def _alpha(
    edge: str, warped: U8, quad: npt.NDArray[np.floating], box: UprightBox, softness: float, window: Window
) -> F32:
    """(h, w) float32, 0..1: how much of the pasted picture is seen in each pixel of the window."""
    shape = warped.shape[:2]
    if edge == "filled":
        return np.ones(shape, np.float32)
    if edge == "head":
        return cv2.extractChannel(warped, 3).astype(np.float32) / np.float32(255)
    mask = np.zeros(shape, np.uint8)
    if edge == "oval":
        centre = _shifted(np.array([[box.centre_x, box.centre_y]], np.float32), window)[0]
        axes = (max(1, round(0.72 * box.width)), max(1, round(0.68 * box.height)))
        centre_px = (round(float(centre[0])), round(float(centre[1])))
        cv2.ellipse(mask, centre_px, axes, box.angle_deg, 0, 360, 255, cv2.FILLED, cv2.LINE_AA)
        inside = np.zeros(shape, np.uint8)
        cv2.fillConvexPoly(inside, np.round(_shifted(quad, window)).astype(np.int32), 255)
        mask = cv2.min(mask, inside).astype(np.uint8)
    else:
        cv2.fillConvexPoly(mask, np.round(_shifted(quad, window)).astype(np.int32), 255, cv2.LINE_AA)
    if softness * box.side > 0.5:
        mask = cv2.GaussianBlur(mask, (0, 0), softness * box.side).astype(np.uint8)
    return mask.astype(np.float32) / np.float32(255)


def _warp(pixels: U8, affine: Affine, window: Window, border: int = cv2.BORDER_REPLICATE) -> U8:
    shifted = affine[:2].copy()
    shifted[:, 2] -= (window[1].start, window[0].start)
    size = (window[1].stop - window[1].start, window[0].stop - window[0].start)
    return cv2.warpAffine(pixels, centres(shifted), size, flags=cv2.INTER_LINEAR, borderMode=border).astype(np.uint8)


def _shifted(points: npt.NDArray[np.floating], window: Window) -> npt.NDArray[np.floating]:
    return points - np.array([window[1].start, window[0].start], np.float32)


def _scale(affine: Affine) -> float:
    return math.sqrt(abs(affine[0, 0] * affine[1, 1] - affine[0, 1] * affine[1, 0]))
