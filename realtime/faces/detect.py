"""Face detectors: MediaPipe's own detection networks, run on OpenVINO without importing MediaPipe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from engines.errors import EngineDamaged, UsageError
from realtime.faces.blazeface import F32, SAME_FACE_IOU, BlazeFace, FullFaceFromRaw, decode, iou, weighted_nms
from realtime.faces.tiles import whole_in_tile
from realtime.frames.crop import aligned, crop_rgb, frame_from_crop, region_of_frame
from realtime.frames.types import U8, Detection, Frame, Region

DetectorModel = Literal["auto", "short", "full"]
"""Which of MediaPipe's networks run: both, the one for near faces, or the one for distant faces."""

# The maps to the full-face box are medians over 233 portraits of several kinds, against the hull of FaceMesh's face
# oval extended to the hairline. They leave the centre off by 2.5 % (short) and 3.2 % (full) of the box's longer side in
# the median, 7 and 13 % at the 95th percentile; the side itself is right within 10 % from the 5th to the 95th.
SHORT = BlazeFace(
    "face_detection_short_range.tflite", size_px=128, grids=((8, 2), (16, 6)),
    full_face_from_raw=FullFaceFromRaw(shift_xy=(0, -0.143), scale_xy=(0.916, 1.270)),
)  # fmt: skip
"""Faces within about two metres of a phone's camera: they fill a tenth of the picture or more."""
FULL = BlazeFace(
    "face_detection_full_range_sparse.tflite", size_px=192, grids=((4, 1),),
    full_face_from_raw=FullFaceFromRaw(shift_xy=(0, -0.094), scale_xy=(0.855, 1.186)),
)  # fmt: skip
"""Faces up to about five metres away. It misses more of the near ones that are half covered."""

# Scores of `auto`. In clips with a skull printed on a shirt the short range gave the skull up to 0.75 and the full
# range 0.0-0.2 (0.41 at most), while half-covered faces had 0.5-0.9 and some support: the sum tells them apart.
_ALONE = 2 / 3  # of its score counts for the short range alone, so that it needs 0.75 to pass 0.5
_SUPPORT = 1 / 2  # of the full range's score is added, from this score on:
_LEAST_SUPPORT = 0.1
_IN_TILES = 0.8  # of the least score is enough in tiles: one face of 40 px in fifteen has 0.4-0.5; the parser decides
# Most half-covered faces that score too little for a face score at least this much of it. The parser accepts 81 % of
# them (confidence above 0.88), and none of 960 other things that score so (`consensus-lite`).
_LOW_CONFIDENCE = 0.6
_MOST_LOW_CONFIDENCE = 2

Infer = Callable[[U8], tuple[F32, F32]]
_MODELS: dict[str, tuple[BlazeFace, ...]] = {"auto": (SHORT, FULL), "short": (SHORT,), "full": (FULL,)}


class DetectsFaces(Protocol):
    """A face detector. Another one is a class with these methods, and a line in
    `realtime.faces.finding.detectors`."""

    def detect(self, frame: Frame, *, low_confidence: bool = False) -> list[Detection]:
        """The faces of a frame, best first; where there is none and `low_confidence`, what might be one."""
        ...

    def detect_in_tiles(self, frame: Frame, tiles: Sequence[Region]) -> list[Detection]:
        """What may be small faces in some tiles of a frame, best first."""
        ...


class Detector:
    """Finds every face of a frame.

    `auto` runs both networks, because each sees faces that the other misses. The full range counts as it is. The short
    range also finds skulls on shirts, so it counts only with a high score or with some support of the full range.

    Args:
        model: `short` (near faces), `full` (distant faces) or `auto` (both).
        min_score: the least score of a face, 0..1.
        threads: CPU threads; a second one saves a tenth of a search's time and doubles its work.
    """

    def __init__(self, model: DetectorModel = "auto", min_score: float = 0.5, threads: int = 1) -> None:
        if model not in _MODELS:
            raise UsageError(f"detector {model!r} is unknown; expected one of {', '.join(_MODELS)}")
        if not 0 < min_score < 1:
            raise UsageError(f"min_score is {min_score}; expected a value between 0 and 1")
        self._min_score = min_score
        self._networks = [(network, network.anchors(), _compile(network, threads)) for network in _MODELS[model]]

    def detect(self, frame: Frame, *, low_confidence: bool = False) -> list[Detection]:
        """The faces of a frame, best first, each with its full-face box in pixels of the frame.

        Args:
            low_confidence: if there is none, return the best that score a little less, and let the parser decide.
        """
        boxes, scores = self._boxes(frame, (_LOW_CONFIDENCE if low_confidence else 1) * self._min_score)
        if (scores >= self._min_score).any():
            return _detections(boxes, scores)
        return [
            replace(detection, low_confidence=True) for detection in _detections(boxes, scores)[:_MOST_LOW_CONFIDENCE]
        ]

    def detect_in_tiles(self, frame: Frame, tiles: Sequence[Region]) -> list[Detection]:
        """What may be faces in some of a frame's tiles, too small for a search of the whole frame, best first.

        Textures and hands are among them: the caller must have the parser confirm them, as the tracker does. Only the
        full range searches tiles: it needs half as many, and it does not find skulls. So `short` finds nothing here.

        Args:
            tiles: some of `realtime.faces.tiles.tiles_of_frame`. Each costs three quarters of a `detect`.
        """
        full = next((network for network in self._networks if network[0] is FULL), None)
        if full is None or not tiles:
            return []
        found = [_find_in_tile(frame, tile, _IN_TILES * self._min_score, *full) for tile in tiles]
        boxes, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return _detections(*weighted_nms(boxes, scores))

    def _boxes(self, frame: Frame, min_score: float) -> tuple[F32, F32]:
        region = region_of_frame(frame.size_wh)
        # Boxes with a low score must not shift those of faces.
        if len(self._networks) == 1:
            boxes, scores = _find(frame, region, self._min_score, *self._networks[0])
            repeat = min_score < self._min_score and not scores.size
            return _find(frame, region, min_score, *self._networks[0]) if repeat else (boxes, scores)
        least = min(_LEAST_SUPPORT, self._min_score)
        (short_boxes, short_scores), (full_boxes, full_scores) = (
            _find(frame, region, least, *network) for network in self._networks
        )
        support = [float(np.max(full_scores, initial=0, where=_same_face(box, full_boxes))) for box in short_boxes]
        supported = np.minimum(_ALONE * short_scores + _SUPPORT * np.array(support, np.float32), 1)
        judged = np.concatenate([supported, full_scores])
        boxes = np.concatenate([short_boxes, full_boxes])
        enough = judged >= (self._min_score if (judged >= self._min_score).any() else min_score)
        return weighted_nms(boxes[enough], judged[enough])


def _find(
    frame: Frame, region: Region, min_score: float, network: BlazeFace, anchors: F32, infer: Infer
) -> tuple[F32, F32]:
    """One network's faces in a region: full-face boxes (N, 4) in pixels of the frame, and scores (N,)."""
    region = aligned(region, network.size_px)
    regressors, logits = infer(crop_rgb(frame, region, network.size_px))
    boxes, scores = weighted_nms(*decode(regressors, logits, anchors, min_score))
    to_frame = frame_from_crop(region, network.size_px).astype(np.float32)
    return network.full_face_from_raw(boxes * to_frame[0, 0] + np.tile(to_frame[:, 2], 2)), scores


def _find_in_tile(
    frame: Frame, tile: Region, min_score: float, network: BlazeFace, anchors: F32, infer: Infer
) -> tuple[F32, F32]:
    boxes, scores = _find(frame, tile, min_score, network, anchors, infer)
    whole = whole_in_tile(boxes, tile, frame.size_wh)
    return boxes[whole], scores[whole]


def _same_face(box_xyxy: F32, boxes_xyxy: F32) -> npt.NDArray[np.bool_]:
    return iou(box_xyxy, boxes_xyxy) > SAME_FACE_IOU


def _detections(boxes_xyxy: F32, scores: F32) -> list[Detection]:
    return [
        Detection((left, top, right, bottom), score)
        for (left, top, right, bottom), score in zip(boxes_xyxy.tolist(), scores.tolist(), strict=True)
    ]


def _compile(network: BlazeFace, threads: int) -> Infer:
    """A function: (S, S, 3) uint8 RGB -> regressors (A, 16), logits (A,)."""
    import openvino  # here, because its import takes half a second and --help must not pay it
    from openvino.preprocess import PrePostProcessor

    core = openvino.Core()
    steps = PrePostProcessor(core.read_model(str(model_file(network))))
    steps.input().tensor().set_element_type(openvino.Type.u8)
    steps.input().preprocess().convert_element_type(openvino.Type.f32).mean(127.5).scale(127.5)  # to -1..1
    config: dict[str, object] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,  # OpenVINO itself would take every core
        "ENABLE_CPU_PINNING": False,  # as for an engine: a pinned thread would wait behind the decoder's
    }
    compiled = core.compile_model(steps.build(), "CPU", config)

    one_at_a_time = threading.Lock()  # a compiled model has one request, and searches may come from several threads

    def infer(pixels: U8) -> tuple[F32, F32]:
        with one_at_a_time:
            outputs = compiled(pixels[None])
        return outputs[0][0], outputs[1][0, :, 0]

    return infer


def model_file(network: BlazeFace) -> Path:
    """Where the installed MediaPipe holds a detection network. Raises EngineDamaged where it does not."""
    package = find_spec("mediapipe")  # finds the folder; imports nothing
    if package is None or package.origin is None:
        raise EngineDamaged(
            "mediapipe is not installed, and its wheel holds the face detector; run: pip install unveil"
        )
    path = Path(package.origin).parent / "modules" / "face_detection" / network.file_name
    if not path.is_file():
        raise EngineDamaged(
            f"mediapipe has no {path.name} (0.10.21 is the last release with it); run: pip install unveil"
        )
    return path
