"""Sprites: cut-out people, whole photographs and occluders, each with the mask of its visible face."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.resampling import centres
from realtime.frames.types import Mask, Rgb

Box = tuple[float, float, float, float]
"""(left, top, right, bottom) in pixels."""
_HALVE_BELOW = 0.7  # bilinear sampling at a smaller scale would skip pixels


@dataclass(frozen=True)
class Pose:
    """Where a sprite lies in a frame."""

    x: float
    """Centre of the sprite's box in pixels of the frame."""
    y: float
    height: float
    """Height of its box in pixels of the frame."""
    angle_deg: float = 0.0
    """How far it is turned clockwise."""

    def moved(self, dx: float, dy: float) -> Pose:
        """The pose, shifted by pixels of the frame."""
        return replace(self, x=self.x + dx, y=self.y + dy)


@dataclass(frozen=True, eq=False)
class Sprite:
    """A picture with transparency, and the face in it."""

    rgb: Rgb
    """(H, W, 3) uint8, multiplied by alpha."""
    alpha: Mask
    """(H, W) uint8."""
    face: Mask
    """(H, W) uint8: 255 on the visible face; all 0 for an occluder."""
    box_xyxy: Box
    """The full-face box; for an occluder, the box of its opaque pixels."""

    @property
    def height(self) -> float:
        """Height of the box in pixels of the sprite."""
        return self.box_xyxy[3] - self.box_xyxy[1]

    @cached_property
    def face_area(self) -> float:
        """Area of the visible face in pixels of the sprite."""
        return cv2.mean(self.face)[0] / 255 * self.face.size

    @cached_property
    def halved(self) -> Sprite:
        """The sprite at half its size."""
        size_wh = (max(1, self.alpha.shape[1] // 2), max(1, self.alpha.shape[0] // 2))
        planes = [cv2.resize(p, size_wh, interpolation=cv2.INTER_AREA) for p in (self.rgb, self.alpha, self.face)]
        wide, high = size_wh[0] / self.alpha.shape[1], size_wh[1] / self.alpha.shape[0]
        left, top, right, bottom = self.box_xyxy
        return Sprite(planes[0], planes[1], planes[2], (left * wide, top * high, right * wide, bottom * high))

    @cached_property
    def mirrored(self) -> Sprite:
        """The sprite, mirrored left to right."""
        left, top, right, bottom = self.box_xyxy
        width = self.alpha.shape[1]
        flipped = [np.ascontiguousarray(plane[:, ::-1]) for plane in (self.rgb, self.alpha, self.face)]
        return Sprite(flipped[0], flipped[1], flipped[2], (width - right, top, width - left, bottom))

    def for_height(self, height: float) -> Sprite:
        """The sprite, halved as often as it can be drawn with a box of this height without aliasing."""
        sprite = self
        while height / sprite.height < _HALVE_BELOW and min(sprite.alpha.shape) > 8:
            sprite = sprite.halved
        return sprite


def frame_from_sprite(sprite: Sprite, pose: Pose) -> npt.NDArray[np.float64]:
    """(2, 3) affine: continuous coordinates of the sprite -> those of the frame."""
    left, top, right, bottom = sprite.box_xyxy
    scale, angle = pose.height / sprite.height, math.radians(pose.angle_deg)
    linear = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    shift = np.array([pose.x, pose.y]) - linear @ [(left + right) / 2, (top + bottom) / 2]
    return np.hstack([linear, shift[:, None]])


def bounds(box_xyxy: Box, affine: npt.NDArray[np.float64]) -> Box:
    """The upright box around a box that was moved by an affine."""
    left, top, right, bottom = box_xyxy
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) @ affine[:, :2].T + affine[:, 2]
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return x0, y0, x1, y1


def photo_sprite(rgb: Rgb, face: Mask, box_xyxy: Box) -> Sprite:
    """A whole photograph or frame."""
    return Sprite(rgb, np.full(face.shape, 255, np.uint8), face, box_xyxy)


def occluder_sprite(rgba: npt.NDArray[np.uint8], forearm_rows: int = 0) -> Sprite:
    """A cut-out occluder.

    Args:
        rgba: (H, W, 4) uint8, RGB multiplied by alpha.
        forearm_rows: rows to add below, which repeat the last one: cut-out hands end at the wrist.
    """
    x, y, wide, high = cv2.boundingRect((rgba[..., 3] > 128).astype(np.uint8))
    longer = cv2.copyMakeBorder(rgba, 0, forearm_rows, 0, 0, cv2.BORDER_REPLICATE)
    alpha = cv2.extractChannel(longer, 3)
    rgb = np.ascontiguousarray(longer[..., :3])
    return Sprite(rgb, alpha, np.zeros_like(alpha), (x, y, x + wide, y + high))


def draw(sprite: Sprite, pose: Pose, picture: Rgb, ids: Mask, face_id: int) -> None:
    """Draw a sprite over a picture, and its visible face into the map of faces.

    Args:
        picture: (H, W, 3) uint8; is drawn on.
        ids: (H, W) uint8; becomes `face_id` where the sprite's face is, and 0 where the rest of it covers others.
    """
    sprite = sprite.for_height(pose.height)
    affine = frame_from_sprite(sprite, pose)
    height, width = ids.shape
    x0, y0, x1, y1 = bounds((0, 0, sprite.alpha.shape[1], sprite.alpha.shape[0]), affine)
    left, top = max(0, math.floor(x0)), max(0, math.floor(y0))
    right, bottom = min(width, math.ceil(x1)), min(height, math.ceil(y1))
    if left >= right or top >= bottom:
        return
    affine[:, 2] -= (left, top)
    warped = [
        cv2.warpAffine(plane, centres(affine), (right - left, bottom - top), flags=cv2.INTER_LINEAR)
        for plane in (sprite.rgb, sprite.alpha, sprite.face)
    ]
    there = picture[top:bottom, left:right]
    behind = cv2.multiply(there, cv2.merge([cv2.bitwise_not(warped[1])] * 3), scale=1 / 255)
    there[:] = cv2.add(behind, warped[0])
    ids_there = ids[top:bottom, left:right]
    ids_there[warped[1] > 127] = 0
    ids_there[warped[2] > 127] = face_id


def always(sprite: Sprite) -> Callable[[int], Sprite]:
    """The same sprite in every frame."""
    return lambda _: sprite


PoseAt = Callable[[int], Pose | None]
"""The pose of a sprite in a frame; None where it is not in the shot."""


def still(pose: Pose) -> PoseAt:
    """The same pose in every frame."""
    return lambda _: pose


def through(*keys: tuple[int, Pose]) -> PoseAt:
    """Straight from pose to pose at even speed. Before the first frame and after the last one, the pose stays."""
    frames = [frame for frame, _ in keys]
    values = np.array([(pose.x, pose.y, pose.height, pose.angle_deg) for _, pose in keys])

    def pose_at(frame: int) -> Pose:
        return Pose(*(float(np.interp(frame, frames, column)) for column in values.T))

    return pose_at


def swaying(path: PoseAt, px: float, phase: float) -> PoseAt:
    """A path with the small movements of somebody who stands still."""

    def pose_at(frame: int) -> Pose | None:
        pose = path(frame)
        return pose and pose.moved(px * math.sin(frame / 7 + phase), px / 2 * math.sin(frame / 11 + 2 * phase))

    return pose_at


def between(path: PoseAt, first: int, end: int) -> PoseAt:
    """A path from its first frame to the one before its end."""
    return lambda frame: path(frame) if first <= frame < end else None
