"""What ships must work: the model's engines, on crops and on the sample clip."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from engines.engine import Engine
from engines.load import load_engine
from engines.manifest import read_manifest, sha256_of, verify
from engines.spec import BACKGROUND, DEPTH_LABELS, FACE, OCCLUSION
from engines.zoo import DEFAULT_MODEL, ZOO, engine_folder, names, precisions, weights
from realtime.faces.detect import Detector
from realtime.faces.face_parser import FaceParser, crop_faces, parse_faces
from realtime.faces.following.tracker import TrackedRegion
from realtime.frames.crop import aligned, region_from_box
from realtime.frames.types import U8, Frame
from realtime.render.draw import render
from realtime.render.look import Look
from realtime.tools.demo import clip as demo_clip
from realtime.tools.demo.clip import frames
from train import models
from train.calibration import shipped_crops

HAND_OVER_FACE = range(42, 75, 3)  # frames of the clip: the whole pass, because single frames differ by chance
MICROPHONE_AT_MOUTH = range(126, 147, 3)


@pytest.fixture(params=names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def crops(name: str) -> U8:
    return shipped_crops(read_manifest(engine_folder(name, "int8")).spec)[:64]


@pytest.fixture(scope="module")
def default_engine() -> Engine:
    return load_engine(DEFAULT_MODEL)


def test_the_default_model_ships() -> None:
    assert DEFAULT_MODEL in names()


def test_engines_are_whole_and_come_from_the_weights_beside_them(name: str) -> None:
    assert precisions(name)
    for precision in precisions(name):
        folder = engine_folder(name, precision)
        manifest = read_manifest(folder)
        verify(folder, manifest)
        assert manifest.checkpoint_sha256 == sha256_of(weights(name))
        assert manifest.spec.name == name


@pytest.mark.parametrize(
    ("model", "modality", "thresholds", "on_estimated_depth"),
    [
        ("consensus", "colour", (0.78, 0.88), 0.78),
        ("consensus-lite", "colour", (0.83, 0.88), 0.83),
        ("parts", "colour", (0.80, None), 0.80),
        ("parts-depth", "depth", (0.78, None), 0.80),
        ("rgb-to-depth", "colour", (0.78, None), 0.78),
    ],
)
def test_engines_carry_the_thresholds_that_were_measured_for_their_network(
    model: str, modality: str, thresholds: tuple[float, float | None], on_estimated_depth: float
) -> None:
    for precision in precisions(model):
        spec = read_manifest(engine_folder(model, precision)).spec
        assert spec == models.deployable(weights(model))[1], "a checkpoint compiled again has the same"
        assert spec.modality == modality
        assert (spec.thresholds.unconfirmed, spec.thresholds.low_confidence) == thresholds
        assert spec.thresholds.on_estimated_depth().unconfirmed == on_estimated_depth


def test_card_says_what_it_must(name: str) -> None:
    card = (ZOO / name / "card.md").read_text(encoding="utf-8")
    for heading in ("## Data", "## Recipe", "## Results", "## Limits"):
        assert heading in card, heading


def test_results_in_the_card_are_those_that_were_measured(name: str) -> None:
    card = (ZOO / name / "card.md").read_text(encoding="utf-8")
    measured = json.loads((ZOO / name / "evaluation.json").read_text(encoding="utf-8"))
    if "rows" in measured:  # of parts and of depth
        for row in measured["rows"]:
            assert str(row.get("mean_f1", row.get("l1"))) in card, row
        return
    for row in ("clean", "pasted", "detected"):
        assert str(measured[row]["face_iou"]) in card, row


def test_int8_agrees_with_float(name: str, crops: U8) -> None:
    with load_engine(engine_folder(name, "int8")) as int8, load_engine(engine_folder(name, "fp32")) as fp32:
        coarse, fine = int8(crops), fp32(crops)
        spec = fp32.spec
    assert float((coarse.labels == fine.labels).mean()) >= 0.985
    if spec.labels == DEPTH_LABELS:
        assert np.abs(coarse.probabilities.astype(int) - fine.probabilities).mean() < 2  # 2.5 mm


def labels_of(picture: U8, engine: Engine) -> U8:
    frame = Frame((picture,), "rgb")
    with FaceParser(engine, Detector()) as parser:
        return render(frame, parser.step(frame), Look("labels"), engine.spec).planes[0]


def network_labels(picture: U8, engine: Engine) -> U8:
    """Labels of the network alone, in the square that the detector gives it."""
    frame = Frame((picture,), "rgb")
    detection = Detector().detect(frame)[0]
    region = aligned(region_from_box(detection.box_xyxy, engine.spec.crop_scale), engine.spec.size_px)
    square = [TrackedRegion(0, region)]
    faces = parse_faces(engine, crop_faces(frame, square, engine.spec.size_px), square)
    return render(frame, faces, Look("labels"), engine.spec).planes[0]


@pytest.mark.parametrize("indices", [HAND_OVER_FACE, MICROPHONE_AT_MOUTH])
def test_what_covers_the_face_is_cut_out_and_the_rest_stays(
    indices: range, default_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    covered_pictures = list(frames(indices))
    for path in ("_HAND_PATH", "_MICROPHONE_PATH"):
        monkeypatch.setattr(demo_clip, path, ((90.0, 0, 0, 0), (91.0, 0, 0, 0)))
    on_occluder, off_occluder = [], []
    for covered_picture, free_picture in zip(covered_pictures, frames(indices), strict=True):
        difference = np.abs(covered_picture.astype(int) - free_picture).max(axis=2)
        free, covered = (network_labels(picture, default_engine) for picture in (free_picture, covered_picture))
        assert (free == FACE).sum() > 50_000
        inside = cv2.erode(((difference > 60) & (free == FACE)).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        on_occluder.append(covered[inside])
        off_occluder.append(covered[(difference == 0) & (free == FACE)])
    on, off = np.concatenate(on_occluder), np.concatenate(off_occluder)
    assert len(on) > 3_000 * len(indices)
    assert (on == FACE).mean() < 0.23
    assert (on == OCCLUSION).mean() > 0.75
    assert (off == FACE).mean() > 0.8


def test_no_face_gives_no_label(default_engine: Engine) -> None:
    picture = np.full((480, 640, 3), 90, np.uint8)
    cv2.rectangle(picture, (200, 100), (400, 380), (180, 140, 120), -1)
    assert (labels_of(picture, default_engine) == BACKGROUND).all()
