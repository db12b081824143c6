"""MediaPipe's networks: FaceMesh (landmarks) and the hair segmenter for pseudo-labels, and the person segmenter."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from engines.installation import MissingExtra
from realtime.frames.crop import crop_from_frame, frame_from_crop
from realtime.frames.resampling import centres, warp
from realtime.frames.types import U8, Region
from train.heads.landmarks import Points

_HAIR_SIZE_PX = 512
_HAIR_REGION_SCALE = 2.6  # of the face box: the segmenter needs the whole head with a margin, at more than 256 px


class FaceMesh:
    """FaceMesh for single pictures. A context manager."""

    def __init__(self) -> None:
        from mediapipe.python.solutions.face_mesh import FaceMesh as MediaPipeFaceMesh

        self._mesh = MediaPipeFaceMesh(static_image_mode=True, max_num_faces=1, refine_landmarks=True)

    def landmarks(self, rgb: U8) -> Points | None:
        """(478, 3) float32 in pixels (z has the scale of x), or None if no face is detected.

        FaceMesh detects no face that is small in its picture (a third of the frames of a clip at 640x480 had none). So
        a picture without one is searched again in squares that overlap.
        """
        if (points := self._in(rgb)) is not None:
            return points
        for left, top, side in _squares(rgb.shape[1], rgb.shape[0]):
            if (points := self._in(rgb[top : top + side, left : left + side])) is not None:
                return points + np.array((left, top, 0), np.float32)
        return None

    def _in(self, rgb: U8) -> Points | None:
        height, width = rgb.shape[:2]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # protobuf's deprecation notice, once per call
            faces = self._mesh.process(np.ascontiguousarray(rgb)).multi_face_landmarks
        if not faces:
            return None
        points = np.array([(p.x, p.y, p.z) for p in faces[0].landmark], np.float32)
        return points * np.array((width, height, width), np.float32)

    def __enter__(self) -> FaceMesh:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ValueError):  # already closed
            self._mesh.close()


def _squares(width: int, height: int) -> Iterator[tuple[int, int, int]]:
    """(left, top, side) of squares of two thirds of a picture's shorter side, the middle ones first."""
    side = min(width, height) * 2 // 3
    for y in (0.0, 0.5, 1.0):
        for x in (0.5, 0.0, 1.0):
            yield round(x * (width - side)), round(y * (height - side)), side


class PersonSegmenter:
    """MediaPipe's selfie segmentation: cuts a person out of a portrait."""

    def __init__(self) -> None:
        from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

        self._segmentation = SelfieSegmentation(model_selection=0)

    def person(self, rgb: U8) -> npt.NDArray[np.float32]:
        """(H, W) float32: the probability of a person, 0..1."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # protobuf's deprecation notice
            return np.asarray(self._segmentation.process(np.ascontiguousarray(rgb)).segmentation_mask, np.float32)


class HairSegmenter:
    """MediaPipe's hair segmenter.

    Its input is 1x512x512x4 (RGB / 255 and a plane of zeros), its output 512x512x2 logits (other, hair).

    Args:
        path: hair_segmentation.tflite.
        threads: CPU threads that one call may use.

    Raises:
        MissingExtra: the interpreter is not installed.
        DataError: there is no such file.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as e:
            raise MissingExtra("the hair teacher", "train") from e
        if not path.is_file():
            raise DataError(
                f"no hair segmenter at {path}; expected MediaPipe's hair_segmentation.tflite, name it with --hair-model"
            )
        self._interpreter: Any = Interpreter(str(path), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def hair(self, rgb: U8, box_xyxy: tuple[float, float, float, float]) -> npt.NDArray[np.float32]:
        """Probability of hair in the head region of a face.

        Args:
            rgb: (H, W, 3) uint8.
            box_xyxy: the full-face box, in pixels.

        Returns:
            (H, W) float32, 0..1; 0 outside that region.
        """
        left, top, right, bottom = box_xyxy
        side = max(right - left, bottom - top) * _HAIR_REGION_SCALE
        region = Region((left + right) / 2, (top + bottom) / 2, side)
        # Outside the picture it is flat grey: the segmenter would follow the streaks of a replicated border.
        crop = warp(rgb, crop_from_frame(region, _HAIR_SIZE_PX), _HAIR_SIZE_PX, border=128)
        planes = np.zeros((1, _HAIR_SIZE_PX, _HAIR_SIZE_PX, 4), np.float32)
        planes[0, :, :, :3] = crop / np.float32(255)
        self._interpreter.set_tensor(self._input, planes)
        self._interpreter.invoke()
        logits = self._interpreter.get_tensor(self._output).reshape(_HAIR_SIZE_PX, _HAIR_SIZE_PX, 2)
        probability = 1 / (1 + np.exp(np.clip(logits[:, :, 0] - logits[:, :, 1], -30, 30)))
        affine = centres(frame_from_crop(region, _HAIR_SIZE_PX))
        height, width = rgb.shape[:2]
        return cv2.warpAffine(probability.astype(np.float32), affine, (width, height), flags=cv2.INTER_LINEAR)
