"""Finding faces with MediaPipe's networks, without MediaPipe."""

from __future__ import annotations

import dataclasses
import importlib
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import openvino
import pytest

from engines.errors import EngineDamaged, UsageError
from realtime.faces import detect
from realtime.faces.detect import FULL, SHORT, Detector
from realtime.frames.types import U8, Frame, Region
from tests.fakes.pipeline import rgb_frame, yuv_frame

SHARED = Path(__file__).parents[4] / "shared"
PORTRAITS = SHARED / "data" / "faces" / "us_portraits"
RunFresh = Callable[..., subprocess.CompletedProcess[str]]


def portrait(index: int = 0) -> U8:
    return cv2.imread(str(sorted(PORTRAITS.glob("*.jpg"))[index]), cv2.IMREAD_COLOR_RGB)


def beside(*pictures: U8) -> U8:
    return np.hstack([cv2.resize(picture, (400, 400)) for picture in pictures])


def blank(size_wh: tuple[int, int]) -> Frame:
    return rgb_frame(np.full((size_wh[1], size_wh[0], 3), 90, np.uint8))


@cache
def detector(model: detect.DetectorModel) -> Detector:
    return Detector(model)


@pytest.fixture
def auto() -> Detector:
    return detector("auto")


@pytest.mark.parametrize("model", ["auto", "short", "full"])
@pytest.mark.parametrize("size_wh", [(640, 480), (1, 1), (7, 900)])
def test_an_empty_picture_has_no_face(model: detect.DetectorModel, size_wh: tuple[int, int]) -> None:
    assert detector(model).detect(blank(size_wh)) == []


@pytest.mark.parametrize("model", ["auto", "full"])
@pytest.mark.parametrize(
    ("scores", "sure", "with_low_confidence"),
    [
        ((0.9, 0.45), [0.9], [0.9]),  # what is sure is never accompanied, nor shifted
        ((0.45, 0.4, 0.35, 0.2), [], [0.45, 0.4, 0.35]),
        ((0.2,), [], []),
    ],
)
def test_low_confidence_detections_are_reported_on_demand_if_there_is_no_face(
    model: detect.DetectorModel,
    scores: tuple[float, ...],
    sure: list[float],
    with_low_confidence: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    boxes = np.array([(100 * index, 0, 100 * index + 50, 70, 0, -1) for index in range(len(scores))], np.float32)

    def find(frame: Frame, region: Region, min_score: float, network: detect.BlazeFace, *_: object) -> object:
        if network is SHORT:
            return boxes[:0], np.zeros(0, np.float32)
        enough = np.array(scores, np.float32) >= min_score
        return boxes[enough], np.array(scores, np.float32)[enough]

    monkeypatch.setattr(detect, "_find", find)
    for low_confidence, expected in ((False, sure), (True, with_low_confidence)):
        found = detector(model).detect(blank((640, 480)), low_confidence=low_confidence)
        assert [detection.score for detection in found] == pytest.approx(expected)
        assert [detection.box_xyxy[0] for detection in found] == [100 * index for index in range(len(expected))]
        assert {detection.low_confidence for detection in found} <= {not sure}


def test_unknown_detector_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'medium' is unknown; expected one of auto, short, full"):
        Detector("medium")  # type: ignore[arg-type]


@pytest.mark.parametrize("min_score", [0, 1, -3])
def test_a_score_that_is_no_probability_is_refused(min_score: float) -> None:
    with pytest.raises(UsageError, match="min_score"):
        Detector("short", min_score=min_score)


def test_missing_model_file_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(detect._MODELS, "short", (dataclasses.replace(SHORT, file_name="no_such.tflite"),))
    with pytest.raises(EngineDamaged, match=r"no no_such.tflite \(0.10.21 is the last release"):
        Detector("short")


def test_missing_mediapipe_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "find_spec", lambda name: None)
    with pytest.raises(EngineDamaged, match="mediapipe is not installed"):
        Detector("short")


@pytest.mark.parametrize("given, taken", [({}, 1), ({"threads": 2}, 2)])
def test_a_search_takes_one_thread_by_default(
    given: dict[str, int], taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    core, configs = openvino.Core(), []

    def compile_model(file: openvino.Model, device: str, config: dict[str, object]) -> object:
        configs.append(config)
        return core.compile_model(file, device, config)

    monkeypatch.setattr(
        openvino, "Core", lambda: SimpleNamespace(read_model=core.read_model, compile_model=compile_model)
    )
    Detector("short", **given)
    assert [config["INFERENCE_NUM_THREADS"] for config in configs] == [taken]


def test_detecting_imports_neither_mediapipe_nor_torch(run_fresh: RunFresh) -> None:
    code = (
        "import sys; from realtime.faces.detect import Detector; Detector('short')\n"
        "print([name for name in ('mediapipe', 'torch', 'openvino') if name in sys.modules])"
    )
    run = run_fresh(code)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "['openvino']"  # which also shows that the list can be other than empty


@pytest.mark.data
@pytest.mark.parametrize("model", ["auto", "short", "full"])
def test_a_portrait_has_one_face_around_its_middle(model: detect.DetectorModel) -> None:
    picture = portrait()
    (found,) = detector(model).detect(rgb_frame(picture))
    left, top, right, bottom = found.box_xyxy
    height, width = picture.shape[:2]
    assert 0.2 * width < (left + right) / 2 < 0.8 * width
    assert 0.2 * height < bottom - top < height
    assert right - left < bottom - top


@pytest.mark.data
def test_two_faces_are_two_detections(auto: Detector) -> None:
    centres = sorted(sum(found.box_xyxy[::2]) / 2 for found in auto.detect(rgb_frame(beside(portrait(0), portrait(5)))))
    assert len(centres) == 2
    assert centres[0] < 400 < centres[1]


@pytest.mark.data
def test_rgb_and_yuv_frames_give_the_same_box(auto: Detector) -> None:
    picture = portrait(3)[:510, :510]
    (one,), (other,) = auto.detect(rgb_frame(picture)), auto.detect(yuv_frame(picture))
    np.testing.assert_allclose(one.box_xyxy, other.box_xyxy, atol=3)


@pytest.mark.data
def test_a_skull_on_a_shirt_is_no_face(auto: Detector) -> None:
    import av

    with av.open(str(SHARED / "clips" / "again.mkv")) as clip:
        pictures = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)][::8]
    found = [auto.detect(rgb_frame(picture)) for picture in pictures]
    assert all(detections[0].box_xyxy[3] < 260 for detections in found)  # the face, best first
    assert sum(len(detections) - 1 for detections in found) <= 1


@pytest.mark.data
@pytest.mark.filterwarnings("ignore")  # MediaPipe's own
@pytest.mark.parametrize(("network", "selection"), [(SHORT, 0), (FULL, 1)])
def test_boxes_are_those_of_mediapipe(network: detect.BlazeFace, selection: int) -> None:
    solutions = importlib.import_module("mediapipe").solutions
    ours = detector("short" if network is SHORT else "full")
    with solutions.face_detection.FaceDetection(model_selection=selection) as theirs:
        for index in (0, 20, 40):
            picture = portrait(index)
            size_wh = np.array(picture.shape[1::-1] * 2)
            box = theirs.process(picture).detections[0].location_data.relative_bounding_box
            expected = np.array([box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height]) * size_wh
            (found,) = ours.detect(rgb_frame(picture))
            full_face = network.full_face_from_raw(expected[None].astype(np.float32))[0]
            # They sample without averaging and half a pixel of the input off, we do neither: hence 8 %.
            assert np.abs(full_face - found.box_xyxy).max() < 0.08 * (expected[2] - expected[0])
