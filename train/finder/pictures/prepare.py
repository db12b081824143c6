"""`unveil portraits`: pictures and videos of faces become the portraits that a face finder's training is composed of.

The teacher is MediaPipe's FaceMesh on the untouched picture. The head is cut out by the network that parses parts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from engines.engine import Engine
from engines.load import load_engine
from realtime.frames.crop import crop_from_frame, region_from_box
from realtime.frames.resampling import centres, warp
from realtime.frames.types import U8, Mask, Rgb
from realtime.video.sources.image import read_rgb
from train.finder.pictures.portraits import PortraitWriter
from train.finder.pictures.upright_box import box_of_landmarks
from train.heads.landmarks import Points
from train.labels.inputs import find_pictures
from train.labels.teachers.mediapipe_models import FaceMesh

_LONGER_SIDE_PX = 400  # a face that fills a 256 px picture is seldom larger
_EVERY_FRAME = 20  # of a video


def prepare(inputs: list[Path], output: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> int:
    """Write a folder of portraits (`train.finder.pictures.portraits`). Pictures without a face are left out.

    Returns:
        The number of portraits.

    Raises:
        UsageError: no input contains a picture.
    """
    pictures = find_pictures(inputs, output, _EVERY_FRAME)
    writer = PortraitWriter(output)
    with FaceMesh() as teacher, load_engine("parts", threads=1) as parser:
        for done, picture in enumerate(pictures, 1):
            rgb = _reduced(read_rgb(picture.path))
            landmarks = teacher.landmarks(rgb)
            if landmarks is not None:
                writer.add(picture.name, np.dstack([rgb, head_mask(rgb, landmarks, parser)]), landmarks)
            progress(done, len(pictures))
    return writer.close()


def head_mask(rgb: Rgb, landmarks: Points, parser: Engine) -> Mask:
    """(H, W) uint8: 255 on face, ears and hair."""
    spec, box = parser.spec, box_of_landmarks(landmarks)
    half = box.side / 2
    square = (box.centre_x - half, box.centre_y - half, box.centre_x + half, box.centre_y + half)
    affine = crop_from_frame(region_from_box(square, spec.crop_scale), spec.size_px)
    probabilities = parser(warp(rgb, affine, spec.size_px)[None]).probabilities[0]
    head = cv2.subtract(255, np.ascontiguousarray(probabilities[:, :, spec.labels.index("background")]))
    frame_from = centres(cv2.invertAffineTransform(affine))
    return np.asarray(cv2.warpAffine(head, frame_from, rgb.shape[1::-1], flags=cv2.INTER_LINEAR), np.uint8)


def _reduced(rgb: Rgb) -> U8:
    scale = _LONGER_SIDE_PX / max(rgb.shape[:2])
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)) if scale < 1 else rgb
