"""Which depth belongs to which input, and what its steps mean."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.errors import SourceError, UsageError
from realtime.run.jobs import Job
from realtime.video.sources.depth_files import depth_of, pictures, read_depth, scale_of, with_depth
from tests.fakes.depth import steps, write_pictures


def jobs(*names: str) -> list[Job]:
    return [Job(Path("in") / name, Path("out") / name) for name in names]


def test_an_image_has_the_picture_of_its_name(tmp_path: Path) -> None:
    one, two = with_depth(jobs("a.jpg", "b.png"), tmp_path)
    assert one.depth is not None
    assert two.depth is not None
    assert [one.depth.path, two.depth.path] == [tmp_path / "a.png", tmp_path / "b.png"]


def test_one_video_has_the_folder_itself_or_what_has_its_name(tmp_path: Path) -> None:
    assert depth_of(Path("clip.mp4"), tmp_path).path == tmp_path
    (tmp_path / "clip.mkv").touch()
    assert depth_of(Path("clip.mp4"), tmp_path).path == tmp_path / "clip.mkv"
    (tmp_path / "clip").mkdir()
    assert depth_of(Path("clip.mp4"), tmp_path).path == tmp_path / "clip"


def test_of_several_videos_the_one_without_depth_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    found, missing = with_depth(jobs("a.mp4", "b.mp4"), tmp_path)
    assert found.depth is not None
    assert found.problem is None
    assert missing.problem == f"in/b.mp4: no depth in {tmp_path}; expected a folder b or a video b.mkv"


def test_one_depth_file_for_several_inputs_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "depth.mkv").touch()
    with pytest.raises(UsageError, match=r"depth of one input; got 2"):
        with_depth(jobs("a.mp4", "b.mp4"), tmp_path / "depth.mkv")


def test_depth_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone: no such depth"):
        with_depth(jobs("a.mp4"), tmp_path / "gone")


def test_a_job_with_a_problem_keeps_it(tmp_path: Path) -> None:
    (job,) = with_depth([Job(Path("a.mp4"), Path("b.mp4"), "a problem")], tmp_path)
    assert (job.problem, job.depth) == ("a problem", None)


def test_the_scale_is_as_given_else_as_stated_else_a_millimetre(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "set" / "depth" / "portraits", [steps()])
    assert scale_of(folder, None).step_m == 0.001
    assert "assumed" in str(scale_of(folder, None))
    (tmp_path / "set" / "faces.jsonl").write_text(json.dumps({"name": "a", "depth_scale_m": 0.0001}) + "\n")
    assert scale_of(folder / "000000.png", None).step_m == 0.0001
    (folder / "depth.json").write_text('{"depth_scale_m": 0.002}')
    assert str(scale_of(folder, None)) == f"0.002 m a step ({folder / 'depth.json'})"
    assert str(scale_of(folder, 0.005)) == "0.005 m a step (as given)"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"depth_scale_m": "far"}', '{"depth_scale_m": 0}'])
def test_a_scale_file_that_says_nothing_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "depth.json").write_text(text)
    with pytest.raises(SourceError, match=r"depth\.json.*--depth-scale"):
        scale_of(tmp_path, None)


@pytest.mark.parametrize("given", [0.0, -1.0, float("nan")])
def test_a_scale_that_is_none_is_wrong_use(tmp_path: Path, given: float) -> None:
    with pytest.raises(UsageError, match="expected metres a step"):
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
