"""Composes a scene: each frame's picture together with its exact ground truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from realtime.frames.types import U8, Rgb
from train.measure.video.scenes.sprites import PoseAt, Sprite, bounds, draw, frame_from_sprite
from train.measure.video.scenes.truth import FaceTruth, Truth

_NOISE_STD = 1.5  # grey levels of a camera's noise
_NOISE_PICTURES = 8


@dataclass(frozen=True)
class Layer:
    """A sprite on its way through a scene. Later layers lie in front of earlier ones."""

    sprite: Callable[[int], Sprite]
    """The sprite in a frame: the same one, or the frames of a clip."""
    pose: PoseAt
    face_id: int = 0
    """From 1: whose face it shows; 0 for an occluder."""


@dataclass(frozen=True)
class Scene:
    """A composed clip as a function of time. A picture is a clip of one frame."""

    size_wh: tuple[int, int]
    frames: int
    background: Callable[[int], Rgb]
    """(H, W, 3) uint8 of a frame. It is not modified."""
    layers: tuple[Layer, ...] = ()
    look: Callable[[Rgb, int], Rgb] | None = None
    """Changes a frame's finished picture, such as its light."""
    cuts: tuple[int, ...] = ()
    """Frames that begin another shot."""
    fully_covered: tuple[int, int] | None = None
    """First frame, and the one after the last, in which the face with id 1 is covered."""
    kind: Literal["video", "image"] = "video"
    seed: int = 0
    """Seed of the noise."""


def compose(scene: Scene) -> Iterator[tuple[Rgb, Truth]]:
    """The frames of a scene, each (H, W, 3) uint8 with its truth."""
    noise = _noise(scene) if scene.kind == "video" else None
    for frame in range(scene.frames):
        picture, truth = _compose(scene, frame)
        if scene.look:
            picture = scene.look(picture, frame)
        if noise is not None:
            brighter, darker = noise[frame * 5 % len(noise)]
            picture = cv2.subtract(cv2.add(picture, brighter), darker)
        yield picture, truth


def _compose(scene: Scene, frame: int) -> tuple[Rgb, Truth]:
    picture = scene.background(frame).copy()
    ids = np.zeros(picture.shape[:2], np.uint8)
    shown = []
    for layer in scene.layers:
        pose = layer.pose(frame)
        if pose is None:
            continue
        sprite = layer.sprite(frame)
        draw(sprite, pose, picture, ids, layer.face_id)
        if layer.face_id:
            area = sprite.face_area * (pose.height / sprite.height) ** 2
            shown.append((layer.face_id, bounds(sprite.box_xyxy, frame_from_sprite(sprite, pose)), area))
    pixels = np.bincount(ids.ravel(), minlength=256)
    faces = (FaceTruth(face, box, float(min(1.0, pixels[face] / max(area, 1.0)))) for face, box, area in shown)
    return picture, Truth(ids, tuple(faces))


def _noise(scene: Scene) -> list[tuple[U8, U8]]:
    """Pictures of noise: what to add, and what to subtract."""
    cv2.setRNGSeed(scene.seed + 1)
    width, height = scene.size_wh
    pictures = []
    for _ in range(_NOISE_PICTURES):
        noise = cv2.randn(np.empty((height, width, 3), np.int16), (0.0,) * 4, (_NOISE_STD,) * 4)
        pictures.append((np.maximum(noise, 0).astype(np.uint8), np.maximum(-noise, 0).astype(np.uint8)))
    return pictures
