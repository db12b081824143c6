"""Which depth belongs to an input, and what its steps mean."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.errors import SourceError, UsageError
from realtime.video.sources.depth_files import depth_of, pictures, read_depth, scale_of
from tests.fakes.depth import steps, write_pictures


def test_one_video_has_the_folder_itself_or_what_has_its_name(tmp_path: Path) -> None:
    assert depth_of(Path("clip.mp4"), tmp_path).path == tmp_path
    (tmp_path / "clip.mkv").touch()
    assert depth_of(Path("clip.mp4"), tmp_path).path == tmp_path / "clip.mkv"
    (tmp_path / "clip").mkdir()
    assert depth_of(Path("clip.mp4"), tmp_path).path == tmp_path / "clip"


def test_the_scale_is_as_given_else_as_stated_else_a_millimetre(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "set" / "depth" / "portraits", [steps()])
    assert scale_of(folder, None).step_m == 0.001
    assert "assumed" in str(scale_of(folder, None))
    (tmp_path / "set" / "faces.jsonl").write_text(json.dumps({"name": "a", "depth_scale_m": 0.0001}) + "\n")
    assert scale_of(folder / "000000.png", None).step_m == 0.0001
    (folder / "depth.json").write_text('{"depth_scale_m": 0.002}')
    assert str(scale_of(folder, None)) == f"0.002 m per step ({folder / 'depth.json'})"
    assert str(scale_of(folder, 0.005)) == "0.005 m per step (as given)"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"depth_scale_m": "far"}', '{"depth_scale_m": 0}'])
def test_a_scale_file_that_says_nothing_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "depth.json").write_text(text)
    with pytest.raises(SourceError, match=r"depth\.json.*--depth-scale"):
        scale_of(tmp_path, None)


@pytest.mark.parametrize("given", [0.0, -1.0, float("nan")])
def test_a_scale_that_is_none_is_wrong_use(tmp_path: Path, given: float) -> None:
    with pytest.raises(UsageError, match="expected metres per step"):
        scale_of(tmp_path, given)


def test_pictures_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    write_pictures(tmp_path, [steps()] * 11, "depth_{}.png")
    (tmp_path / ".hidden.png").touch()
    (tmp_path / "notes.txt").touch()
    assert [path.name for path in pictures(tmp_path)] == [f"depth_{index}.png" for index in range(11)]


def test_a_16_bit_picture_is_read_to_the_last_bit(tmp_path: Path) -> None:
    depth = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20
    write_pictures(tmp_path, [depth])
    np.testing.assert_array_equal(read_depth(tmp_path / "000000.png"), depth)


def test_a_picture_that_is_no_depth_is_named(tmp_path: Path) -> None:
    write_pictures(tmp_path, [steps().astype(np.uint8)])
    cv2.imwrite(str(tmp_path / "colour.png"), np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "damaged.png").write_bytes((tmp_path / "colour.png").read_bytes()[:30])
    (tmp_path / "empty.png").touch()
    for name, says in {
        "000000": "8 bits in 1 channel;", "colour": "8 bits in 3 channels;", "damaged": "damaged", "empty": "",
        "gone": "no such depth picture",
    }.items():  # fmt: skip
        with pytest.raises(SourceError, match=rf"{name}\.png.*{says}.*16-bit gray PNG"):
            read_depth(tmp_path / f"{name}.png")
