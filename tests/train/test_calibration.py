from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cli import app
from engines import zoo
from engines.errors import DataError, UsageError
from engines.spec import CONSENSUS_LABELS, DEPTH_LABELS, PART_LABELS, ModelSpec
from tests.fakes.parts import write_parts
from tests.fakes.training import write_labels, write_occluders
from train.calibration import compose, read_crops, shipped_crops, write_sheet
from train.models import SPECS

PARTS = ModelSpec("parts", PART_LABELS, 32, 2.0)
DEPTH = ModelSpec("parts-depth", PART_LABELS, 32, 2.0, modality="depth")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """(faces with parts, faces with plain labels, occluders), read only."""
    root = tmp_path_factory.mktemp("calibration")
    return write_parts(root / "parts"), write_labels(root / "labels"), write_occluders(root / "occluders")


@pytest.mark.parametrize("name", sorted(SPECS))
def test_crops_ship_for_every_registered_network(name):
    spec = SPECS[name]
    crops = shipped_crops(spec)
    assert crops.shape == (len(crops), spec.size_px, spec.size_px, 3) and crops.dtype == np.uint8
    assert len(crops) >= 64
    is_gray = (crops == crops[..., :1]).all()
    assert is_gray == spec.sees_depth
    assert crops.std(axis=(1, 2)).max() > 20


def test_no_crops_ship_for_another_frame():
    with pytest.raises(UsageError, match=r"no calibration crops ship for parts \(crop_scale 1.2, of colour\)"):
        shipped_crops(replace(PARTS, crop_scale=1.2))


def test_sheets_are_small():
    assert all(sheet.path.stat().st_size < 1.5e6 for sheet in zoo.SHEETS[1:])


def test_translator_is_calibrated_on_colour_and_a_depth_parser_on_depth():
    translator = ModelSpec("rgb-to-depth", DEPTH_LABELS, 160, 2.0)
    assert zoo.calibration(translator) == zoo.calibration(PARTS) != zoo.calibration(DEPTH)
    assert zoo.calibration(ModelSpec("consensus", CONSENSUS_LABELS)).size_px == 128


@pytest.mark.parametrize("spec", [PARTS, DEPTH, ModelSpec("any", CONSENSUS_LABELS, 32)])
def test_composed_crops_are_always_the_same(data, spec):
    parts, labels, occluders = data
    folder = labels if spec.labels == CONSENSUS_LABELS else parts
    first, second = (compose([folder], occluders, spec, 16) for _ in range(2))
    assert first.shape == (16, 32, 32, 3) and (first == second).all()
    assert (first == first[..., :1]).all() == spec.sees_depth
    assert len({crop.tobytes() for crop in first}) == 16


def test_folder_without_parts_is_refused_for_a_network_of_parts(data):
    with pytest.raises(DataError, match=r"no '(source|parts|depth)"):
        compose([data[1]], data[2], PARTS, 16)


def test_sheet_reads_back_as_it_was_written(tmp_path):
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (32, 32, 32, 3), np.uint8)
    assert (read_crops(write_sheet(tmp_path / "s.png", crops), PARTS) == crops).all()


def test_gray_sheet_has_one_channel_and_reads_back(tmp_path):
    crops = np.repeat(np.random.default_rng(0).integers(0, 256, (16, 32, 32, 1), np.uint8), 3, axis=3)
    path = write_sheet(tmp_path / "s.png", crops)
    assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).ndim == 2
    assert (read_crops(path, DEPTH) == crops).all()


def test_sheet_of_another_size_is_refused(tmp_path):
    path = write_sheet(tmp_path / "s.png", np.zeros((16, 40, 40, 3), np.uint8))
    with pytest.raises(DataError, match="is no sheet of 32 px crops"):
        read_crops(path, PARTS)


def test_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(DataError, match="no picture in"):
        read_crops(tmp_path, PARTS)


def test_command_writes_a_sheet(data, tmp_path):
    parts, _, occluders = data
    words = ["calibrate", "parts-depth", "--data", str(parts), "--occluders", str(occluders), "--count", "16"]
    run = CliRunner().invoke(app, [*words, "--output", str(tmp_path / "s.png")])
    assert run.exit_code == 0, run.output
    assert read_crops(tmp_path / "s.png", SPECS["parts-depth"]).shape == (16, 160, 160, 3)


def test_command_refuses_a_ragged_sheet():
    words = ["calibrate", "parts", "--data", "x", "--occluders", "y", "--output", "z.png", "--count", "20"]
    run = CliRunner().invoke(app, words)
    assert isinstance(run.exception, UsageError) and "expected a multiple of 16" in str(run.exception)


@pytest.mark.parametrize(("name", "sheet"), [("parts", 1), ("parts-depth", 2), ("rgb-to-depth", 1)])
def test_compile_takes_the_sheet_of_the_checkpoint(tmp_path: Path, monkeypatch, name, sheet):
    from train import compiling, models
    from train.learn.checkpoint import save_weights

    taken = {}
    monkeypatch.setattr(compiling, "build", lambda *args, calibration, **more: taken.update(crops=calibration))
    network = models.create_model(name, width=8)
    save_weights(tmp_path / "w.safetensors", network.state_dict(), {"model": name, "width": 8})
    run = CliRunner().invoke(app, ["compile", str(tmp_path / "w.safetensors"), "--output", str(tmp_path / "e")])
    assert run.exit_code == 0, run.output
    pixels = cv2.imread(str(zoo.SHEETS[sheet].path))[:160, :160, ::-1]
    assert (taken["crops"][0] == pixels).all()


def test_depth_parser_of_the_papers_networks_gets_depth_crops(tmp_path):
    from train import models
    from train.learn.checkpoint import save_weights

    network = models.create_model("bisenet", width=8, size_px=96)
    about = {"model": "bisenet", "width": 8, "size_px": 96}
    for sees in ("depth", "colour"):
        save_weights(tmp_path / f"{sees}.safetensors", network.state_dict(), about | {"sees": sees})
    (_, depth), (_, colour) = (models.restore(tmp_path / f"{sees}.safetensors") for sees in ("depth", "colour"))
    assert depth.name == "bisenet-depth" and depth.sees_depth and shipped_crops(depth).shape[1] == 96
    assert colour.name == "bisenet" and not colour.sees_depth
