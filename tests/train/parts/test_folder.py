import json

import cv2
import numpy as np
import pytest

from engines.errors import DataError, SourceError
from tests.fakes.parts import SCALE_M, SIZE, drawn_head, write_parts
from train.parts.folder import read_parts, row_json


@pytest.fixture
def folder(tmp_path):
    return write_parts(tmp_path / "parts", photographs=2, synthetic=2)


def changed(folder, line=0, without=(), **values):
    rows = [json.loads(text) for text in (folder / "faces.jsonl").read_text().splitlines()]
    rows[line] = {key: value for key, value in (rows[line] | values).items() if key not in without}
    (folder / "faces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_rows_hold_what_was_written(folder):
    rows = read_parts(folder)
    assert [row.source for row in rows] == ["photograph"] * 2 + ["synthetic"] * 2
    assert rows[0].landmarks.shape == (478, 3)
    assert rows[2].landmarks is None
    assert rows[2].image == folder / "rgb" / f"{rows[2].name}.png"
    assert rows[0].box_xyxy == (28.0, 26.0, 68.0, 78.0)
    assert rows[0].depth_scale_m == SCALE_M


def test_images_are_loaded_on_request(folder):
    rows = read_parts(folder)
    rgb, parts, depth = drawn_head(int(rows[2].name[-3:]))
    np.testing.assert_array_equal(rows[2].load_parts(), parts)
    np.testing.assert_array_equal(rows[2].load_depth(), depth)
    np.testing.assert_allclose(rows[2].load_depth_m(), depth * SCALE_M, rtol=1e-6)
    np.testing.assert_array_equal(rows[2].load_rgb(), rgb)


def test_a_missing_image_is_reported_when_it_is_loaded(folder):
    rows = read_parts(folder)
    for path in (rows[2].image, rows[2].parts, rows[2].depth):
        path.unlink()
    with pytest.raises(SourceError):
        rows[2].load_rgb()
    with pytest.raises(DataError, match="missing or not an image; expected an 8-bit gray PNG"):
        rows[2].load_parts()
    with pytest.raises(DataError, match="missing or not an image; expected a 16-bit gray PNG"):
        rows[2].load_depth()


def test_a_photograph_elsewhere_keeps_its_path(folder, tmp_path):
    elsewhere = tmp_path / "photos" / "face.jpg"
    assert read_parts(changed(folder, image=str(elsewhere)))[0].image == elsewhere


def test_a_line_that_a_kill_cut_short_is_left_out(folder):
    path = folder / "faces.jsonl"
    path.write_text(path.read_text()[:-40])
    assert len(read_parts(folder)) == 3


def test_a_damaged_line_elsewhere_is_refused(folder):
    path = folder / "faces.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0][:50] + "\n" + "".join(lines[1:]))
    with pytest.raises(DataError, match=r"line 1: .*delete the line"):
        read_parts(folder)


def test_a_folder_without_faces_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no faces.jsonl in .*expected the output folder of `unveil label --parts"):
        read_parts(tmp_path)


def test_labels_without_depth_are_refused(folder):
    with pytest.raises(DataError, match=r"line 2: no 'depth'; expected a face with parts and depth"):
        read_parts(changed(folder, 1, without=("depth",)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": "drawing"}, "source 'drawing', expected one of photograph, synthetic"),
        ({"box_xyxy": [1, 2, 3]}, "not enough values"),
        ({"depth_scale_m": "thin"}, "could not convert"),
    ],
)
def test_a_row_with_a_wrong_value_is_refused(folder, values, message):
    with pytest.raises(DataError, match=message):
        read_parts(changed(folder, **values))


def test_a_picture_of_the_wrong_kind_is_refused(folder):
    row = read_parts(folder)[0]
    row.parts.write_bytes(row.depth.read_bytes())
    with pytest.raises(DataError, match=r"uint16 .*expected an 8-bit gray PNG"):
        row.load_parts()
    cv2.imwrite(str(row.depth), np.zeros((SIZE, SIZE), np.uint8))
    with pytest.raises(DataError, match=r"uint8 .*expected a 16-bit gray PNG"):
        row.load_depth()


def test_a_class_that_does_not_exist_is_refused(folder):
    row = read_parts(folder)[0]
    cv2.imwrite(str(row.parts), np.full((SIZE, SIZE), 13, np.uint8))
    with pytest.raises(DataError, match="contains the id 13; expected 0 to 12"):
        row.load_parts()


def test_a_written_row_is_one_line():
    text = row_json({"name": "a", "box_xyxy": [1.0, 2.0]})
    assert "\n" not in text
    assert json.loads(text) == {"name": "a", "box_xyxy": [1.0, 2.0]}
