"""Face detectors: MediaPipe's own detection networks, run on OpenVINO without importing MediaPipe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from engines.errors import EngineDamaged, UsageError
from realtime.faces.finding.blazeface import (
    F32,
    BlazeFace,
    FullFaceFromRaw,
    angle_deg,
    decode,
    replaced,
    same_face,
    upward,
    weighted_nms,
)
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
_LOW_IN_TILES = 0.4  # of it, where the parser must be as sure as of a low-confidence detection in the whole frame
_MOST_LOW_IN_TILES = 8
# Most half-covered faces that score too little for a face score at least this much of it. The parser accepts 81 % of
# them (confidence above 0.88), and none of 960 other things that score so (`consensus-lite`).
_LOW_CONFIDENCE = 0.6

UPRIGHT_DEG = 30.0
"""Faces that are turned by less are parsed as upright ones: masks lose 0.04 of IoU at 30 degrees, 0.09 at 60."""
# Both networks see faces that are turned further, too, but with a low score, and often as upside down ones. So what may
# be one is searched again, close up, in four directions: upright to the short range, a face scores 0.9. Measured on 48
# held-out portraits that were turned by 90 to 180 degrees, and on a clip with hands before the face.
_MAY_BE_TURNED = 0.2  # one network or the other gave all of them this much; drawn walls have 1.5 hints on average
_FACE_IN_ANY_DIRECTION = 0.4  # close up they had 0.55 or more in the first direction: what has less is no face
_SURE_OF_DIRECTION = 0.9  # of faces with another direction both networks give less (0.89 at most): no more is tried
_CLOSE_UP = 2.4  # its side, over the face's height
_DIRECTIONS_DEG = (0, 180, 90, -90)

Infer = Callable[[U8], tuple[F32, F32]]
_MODELS: dict[str, tuple[BlazeFace, ...]] = {"auto": (SHORT, FULL), "short": (SHORT,), "full": (FULL,)}


class DetectsFaces(Protocol):
    """A face detector. Another one is a class with these methods, and a line in
    `realtime.faces.finding.detectors`."""

    def detect(self, frame: Frame, *, low_confidence: bool = False) -> list[Detection]:
        """The faces of a frame, best first; where there is none and `low_confidence`, what might be one."""
        ...

    def detect_in_tiles(
        self, frame: Frame, tiles: Sequence[Region], *, low_confidence: bool = False
    ) -> list[Detection]:
        """What may be faces in some tiles of a frame, best first; with `low_confidence` also what is hardly one."""
        ...


class Detector:
    """Finds every face of a frame, `auto` also those that are turned by any angle.

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
            low_confidence: if there is none, return those that score a little less, and let the parser decide.
        """
        faces, scores = self._faces(frame, (_LOW_CONFIDENCE if low_confidence else 1) * self._min_score)
        if (scores >= self._min_score).any():
            return _detections(faces, scores)
        return [replace(detection, low_confidence=True) for detection in _detections(faces, scores)]

    def detect_in_tiles(
        self, frame: Frame, tiles: Sequence[Region], *, low_confidence: bool = False
    ) -> list[Detection]:
        """What may be faces in some of a frame's tiles, too small for a search of the whole frame, best first.

        Textures and hands are among them: the parser must confirm them, as the tracker does. Only the full range
        searches tiles: it needs half as many, and does not find skulls. So `short` finds nothing here.

        Args:
            tiles: some of `realtime.faces.tiles.tiles_of_frame`. Each costs three quarters of a `detect`.
            low_confidence: also return the best that score less, where nothing else is.
        """
        full = next((network for network in self._networks if network[0] is FULL), None)
        if full is None or not tiles:
            return []
        least = (_LOW_IN_TILES if low_confidence else _IN_TILES) * self._min_score
        found = [_find_in_tile(frame, tile, least, *full) for tile in tiles]
        faces, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        enough = scores >= _IN_TILES * self._min_score
        confident, confident_scores = weighted_nms(faces[enough], scores[enough])
        low, low_scores = weighted_nms(faces[~enough], scores[~enough])
        apart = np.array([not same_face(face, confident).any() for face in low], bool)
        others = _detections(low[apart], low_scores[apart])[:_MOST_LOW_IN_TILES]
        return [
            *_detections(confident, confident_scores),
            *(replace(other, low_confidence=True) for other in others),
        ]

    def _faces(self, frame: Frame, min_score: float) -> tuple[F32, F32]:
        region = region_of_frame(frame.size_wh)
        # Boxes with a low score must not shift those of faces.
        if len(self._networks) == 1:
            faces, scores = _find(frame, region, self._min_score, *self._networks[0])
            repeat = min_score < self._min_score and not scores.size
            return _find(frame, region, min_score, *self._networks[0]) if repeat else (faces, scores)
        least = min(_LEAST_SUPPORT, self._min_score)
        (short_faces, short_scores), (full_faces, full_scores) = (
            _find(frame, region, least, *network) for network in self._networks
        )
        support = [float(np.max(full_scores, initial=0, where=same_face(face, full_faces))) for face in short_faces]
        supported = np.minimum(_ALONE * short_scores + _SUPPORT * np.array(support, np.float32), 1)
        judged = np.concatenate([supported, full_scores])
        faces = np.concatenate([short_faces, full_faces])
        enough = judged >= (self._min_score if (judged >= self._min_score).any() else min_score)
        sure = np.concatenate([short_scores, full_scores]) >= _SURE_OF_DIRECTION
        upright = np.abs(angle_deg(faces[:, 4:])) <= UPRIGHT_DEG
        hints = faces[np.concatenate([short_scores, full_scores]) >= _MAY_BE_TURNED]
        turned = self._turned_faces(frame, hints, faces[sure & upright])
        return replaced(*weighted_nms(faces[enough], judged[enough]), *turned)

    def _turned_faces(self, frame: Frame, hints: F32, settled: F32) -> tuple[F32, F32]:
        """The faces that are turned far, (N, 6) and (N,), among hints that are not settled as upright ones."""
        turned, scores = hints[:0], np.zeros(0, np.float32)
        for hint in hints:
            if not same_face(hint, np.concatenate([settled, turned])).any():
                face, score = self._turned(frame, hint)
                turned, scores = np.concatenate([turned, face]), np.concatenate([scores, score])
        return weighted_nms(turned, scores)

    def _turned(self, frame: Frame, hint: F32) -> tuple[F32, F32]:
        """The turned face that a hint may show: (1, 6) and its score (1,); or none.

        Both networks must see it. Alone, the short range also finds skulls on shirts.
        """
        short, full = self._networks
        best, score = hint[None][:0], np.zeros(0, np.float32)
        for direction_deg in _DIRECTIONS_DEG:
            faces, scores = _find(frame, _close_up(hint, direction_deg), _FACE_IN_ANY_DIRECTION, *short)
            if scores.size and scores[0] > np.max(score, initial=0):
                best, score = faces[:1], scores[:1]
            if not score.size or score[0] >= _SURE_OF_DIRECTION:
                break
        far = (np.abs(angle_deg(best[:, 4:])) > UPRIGHT_DEG) & (score >= self._min_score / _ALONE)
        if not far.any():
            return best[:0], score[:0]
        seen, seen_scores = _find(frame, _close_up(best[0]), self._min_score, *full)
        same = same_face(best[0], seen)
        both = weighted_nms(np.concatenate([best, seen[same]]), np.concatenate([score, seen_scores[same]]))
        return (both[0][:1], both[1][:1]) if same.any() else (best[:0], score[:0])


def _close_up(face: F32, direction_deg: float = 0.0) -> Region:
    """The square around a face (6,), turned as it is, and a further angle."""
    left, top, right, bottom = face[:4].tolist()
    turn_deg = float(angle_deg(face[None, 4:])[0]) + direction_deg
    return Region((left + right) / 2, (top + bottom) / 2, _CLOSE_UP * (bottom - top), turn_deg)


def _find(
    frame: Frame, region: Region, min_score: float, network: BlazeFace, anchors: F32, infer: Infer
) -> tuple[F32, F32]:
    """One network's faces in a region, which may be turned.

    Returns:
        (N, 6): full-face boxes, as in `Detection`, and upward directions, in pixels of the frame; and scores (N,).
    """
    region = aligned(region, network.size_px)
    regressors, logits = infer(crop_rgb(frame, region, network.size_px))
    raw, scores = weighted_nms(*decode(regressors, logits, anchors, min_score))
    up = upward(raw[:, 4:])
    upright = np.abs(angle_deg(up)) <= UPRIGHT_DEG
    to_frame = frame_from_crop(replace(region, angle_deg=0.0), network.size_px).astype(np.float32)
    boxes = network.full_face_from_raw(
        raw[:, :4] * to_frame[0, 0] + np.tile(to_frame[:, 2], 2),
        np.where(upright[:, None], np.array((0, -1), np.float32), up),
    )
    return _turned_with(region, np.hstack([boxes, up])), scores


def _turned_with(region: Region, faces: F32) -> F32:
    """Faces (N, 6) of a region as if it were upright, turned with it about its centre."""
    if not region.angle_deg:
        return faces
    cos, sin = region.cos_sin
    turn = np.array([[cos, sin], [-sin, cos]], np.float32)
    middle, half = (faces[:, 2:4] + faces[:, :2]) / 2, (faces[:, 2:4] - faces[:, :2]) / 2
    about = np.array((region.centre_x, region.centre_y), np.float32)
    middle = (middle - about) @ turn + about
    return np.hstack([middle - half, middle + half, faces[:, 4:] @ turn])


def _find_in_tile(
    frame: Frame, tile: Region, min_score: float, network: BlazeFace, anchors: F32, infer: Infer
) -> tuple[F32, F32]:
    faces, scores = _find(frame, tile, min_score, network, anchors, infer)
    whole = whole_in_tile(faces[:, :4], tile, frame.size_wh)
    return faces[whole], scores[whole]


def _detections(faces: F32, scores: F32) -> list[Detection]:
    return [
        Detection((left, top, right, bottom), score, angle_deg=turned_deg)
        for (left, top, right, bottom), score, turned_deg in zip(
            faces[:, :4].tolist(), scores.tolist(), angle_deg(faces[:, 4:]).tolist(), strict=True
        )
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
