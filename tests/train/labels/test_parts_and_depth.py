import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.errors import DataError, UsageError
from engines.spec import PART_LABELS
from train.labels.label import label
from train.labels.options import LabelOptions
from train.labels.sheets import parts_tile
from train.parts.folder import read_parts

SHARED = Path(__file__).parents[4] / "shared"
HAIR_MODEL, HEAD_MODEL = SHARED / "models" / "hair_segmentation.tflite", SHARED / "data" / "head_model"
PORTRAITS = SHARED / "data" / "faces" / "us_portraits"
OPTIONS = LabelOptions(hair_model=HAIR_MODEL, head_model=HEAD_MODEL, parts=True)
ID = {name: index for index, name in enumerate(PART_LABELS)}


def test_missing_models_are_reported_before_any_work(tmp_path):
    masks = f"masks:{tmp_path}"
    with pytest.raises(DataError, match=r"head model, and none was named.*--head-model"):
        label([tmp_path], tmp_path / "out", LabelOptions(masks, parts=True))
    with pytest.raises(DataError, match="--hair-model"):
        label([tmp_path], tmp_path / "out", LabelOptions(parts=True))
    assert not (tmp_path / "out").exists()


def test_tiles_show_parts_in_colour_and_leave_the_background():
    rgb = np.full((100, 100, 3), 50, np.uint8)
    parts = np.zeros((100, 100), np.uint8)
    parts[40:60, 40:60] = ID["nose"]
    tile = parts_tile(rgb, parts, (30, 30, 70, 70), 80)
    assert (tile[5, 5] == 50).all()
    assert tile[40, 40, 0] > tile[40, 40, 2] + 40  # yellow


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    if not (PORTRAITS.is_dir() and HEAD_MODEL.is_dir() and HAIR_MODEL.is_file()):
        pytest.skip("needs the portraits and models beside the checkout (../shared)")
    folder = tmp_path_factory.mktemp("parts")
    (folder / "photos").mkdir()
    for path in sorted(PORTRAITS.glob("us-senate_*.jpg"))[:2]:
        shutil.copy(path, folder / "photos" / path.name)
    cv2.imwrite(str(folder / "photos" / "plain.png"), np.full((128, 128, 3), 90, np.uint8))
    summary = label([folder / "photos"], folder / "out", OPTIONS, workers=1)
    return folder, summary


@pytest.mark.data
def test_portraits_become_rgb_depth_and_parts(labelled):
    folder, summary = labelled
    assert (summary.labelled, summary.skipped) == (2, 1)
    for row in read_parts(folder / "out"):
        rgb, parts, depth = row.load_rgb(), row.load_parts(), row.load_depth_m()
        assert rgb.shape[:2] == parts.shape == depth.shape
        assert {"skin", "nose", "left eye", "right eye", "left brow", "right brow"} <= {
            PART_LABELS[i] for i in np.unique(parts)
        }
        head = (parts > 0) & (depth > 0)
        assert head.sum() > 0.97 * (parts > 0).sum()
        assert 0.4 < np.median(depth[head]) < 1.5 and np.ptp(depth[head]) < 0.3
        assert row.source == "photograph" and 0 < row.fit_error < 0.022 and row.landmarks.shape == (478, 3)


@pytest.mark.data
def test_left_is_the_subjects_left(labelled):
    for row in read_parts(labelled[0] / "out"):
        parts = row.load_parts()
        middle = {name: np.nonzero(parts == ID[name])[1].mean() for name in PART_LABELS if (parts == ID[name]).any()}
        for part in ("eye", "brow"):
            assert middle[f"right {part}"] < middle["nose"] < middle[f"left {part}"]


@pytest.mark.data
def test_the_nose_is_nearest(labelled):
    for row in read_parts(labelled[0] / "out"):
        parts, depth = row.load_parts(), row.load_depth_m()
        nearest = {
            name: depth[(parts == ID[name]) & (depth > 0)].min() for name in ("nose", "skin", "left eye", "hair")
        }
        assert min(nearest, key=nearest.__getitem__) == "nose"


@pytest.mark.data
def test_a_second_round_keeps_features_and_gives_corrections_depth(labelled):
    folder, _ = labelled
    options = replace(OPTIONS, parts_teacher="parts")
    label([folder / "photos"], folder / "second", options, workers=1)
    for first, second in zip(read_parts(folder / "out"), read_parts(folder / "second"), strict=True):
        before, after, depth = first.load_parts(), second.load_parts(), second.load_depth_m()
        for name in ("nose", "left eye", "right brow", "upper lip"):
            kept = ((before == ID[name]) & (after == ID[name])).sum()
            assert kept > 0.9 * (before == ID[name]).sum(), name
        changed = (before != after) & (after > 0)
        assert 0 < changed.sum() < 0.1 * (before > 0).sum()
        assert (depth[changed] > 0).mean() > 0.9
    with pytest.raises(UsageError, match="parts_teacher was parts, now nothing"):
        label([folder / "photos"], folder / "second", OPTIONS)


@pytest.mark.data
def test_a_folder_with_parts_refuses_a_run_without_them(labelled):
    with pytest.raises(UsageError, match="parts was photographs, now nothing"):
        label([labelled[0] / "photos"], labelled[0] / "out", LabelOptions(hair_model=HAIR_MODEL))


@pytest.mark.data
def test_a_second_run_resumes_where_the_first_stopped(labelled):
    folder, _ = labelled
    faces = folder / "out" / "faces.jsonl"
    lines = faces.read_text().splitlines(keepends=True)
    faces.write_text(lines[0])
    again = label([folder / "photos"], folder / "out", OPTIONS, workers=1)
    assert (again.labelled, again.already_done) == (1, 2)
    assert [json.loads(line)["name"] for line in faces.read_text().splitlines()] == [
        json.loads(line)["name"] for line in lines
    ]
    assert (folder / "out" / "parts_sheet.png").is_file()
