"""`unveil demo`: the sample clip, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import util
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from engines.errors import SinkError, SourceError
from engines.load import load_engine
from engines.spec import PART_LABELS
from realtime.faces.detect import Detector
from realtime.run.progress import Progress
from realtime.tools.demo import clip as demo_clip
from realtime.tools.demo.clip import FPS, SIZE_WH, frames, write_clip
from realtime.tools.demo.make import make
from realtime.tools.demo.sheet import pick_frames, write_sheet
from realtime.tools.demo.sprites import F32, hand, microphone
from realtime.video.sources.open import open_source


@pytest.mark.parametrize("draw", [hand, microphone])
def test_a_sprite_is_premultiplied_rgba(draw: Callable[[], F32]) -> None:
    sprite = draw()
    assert sprite.dtype == np.float32
    assert sprite.shape[2] == 4
    assert sprite[..., 3].min() >= 0
    assert sprite[..., 3].max() <= 1.0001
    assert (sprite[..., :3] <= 255.1 * sprite[..., 3:] + 1e-3).all(), "colour where nothing covers"


def test_the_clip_shows_a_face_that_something_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    (with_hand,) = frames([45])
    monkeypatch.setattr(demo_clip, "_HAND_PATH", ((90.0, 0, 0, 0), (91.0, 0, 0, 0)))
    (without_hand,) = frames([45])
    changed = (np.abs(with_hand.astype(int) - without_hand).max(axis=2) > 30).mean()
    assert 0.03 < changed < 0.5, "the hand covers part of the picture"


def test_the_clip_is_tagged_timed_and_has_sound(sample_clip: Path) -> None:
    with open_source(sample_clip) as source:
        read = list(source)
    assert [frame.pts_seconds for frame in read] == pytest.approx([index / FPS for index in range(10)])
    assert {frame.size_wh for frame in read} == {SIZE_WH}
    assert {(frame.colour.matrix, frame.colour.full_range, frame.colour.space) for frame in read} == {
        ("bt709", False, 1)
    }
    with av.open(str(sample_clip)) as container:
        assert len(container.streams.audio) == 1


def test_the_clip_keeps_the_pictures_colours(sample_clip: Path) -> None:
    from realtime.video.av_frame import rgb_from_frame

    picture, decoded = next(frames([0])), rgb_from_frame(pick_frames(sample_clip, [0])[0])
    assert np.abs(picture.astype(float).mean((0, 1)) - decoded.mean((0, 1))).max() < 2


def test_the_detector_finds_the_face(sample_clip: Path) -> None:
    faces = Detector("auto").detect(pick_frames(sample_clip, [3])[0])
    assert len(faces) == 1
    left, top, right, bottom = faces[0].box_xyxy
    assert (350 < left < 480, 90 < top < 260, 640 < right < 780, 500 < bottom < 620) == (True,) * 4, faces


def test_a_missing_portrait_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = util.spec_from_file_location("matplotlib", tmp_path / "matplotlib" / "__init__.py")
    monkeypatch.setattr(demo_clip, "find_spec", lambda name: spec)
    with pytest.raises(SourceError, match="portrait is missing"):
        next(frames([0]))


def test_a_clip_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="cannot write the sample clip"):
        write_clip(tmp_path / "file" / "clip.mp4", 0.1)


def test_the_demo_writes_everything_it_names(tiny_engines: dict[str, Path], tmp_path: Path) -> None:
    with load_engine(tiny_engines["int8"]) as engine, Progress() as progress:
        result = make(engine, tmp_path, progress, seconds=0.4)
    assert {path.name for path in result.files} == {
        "demo_input.mp4", "demo.mp4", "demo_cutout.mp4", "demo_labels.mkv", "demo_sheet.png"
    }  # fmt: skip
    assert sorted(path for path in tmp_path.iterdir() if not path.name.startswith(".")) == sorted(result.files)
    assert result.overlay.frames == 12
    sheet = cv2.imread(str(tmp_path / "demo_sheet.png"))
    assert sheet.shape == (46 + 276, 3 * 486, 3)


def test_a_sheet_of_a_moment_after_the_end_is_refused(sample_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="ends before frame 99"):
        write_sheet(tmp_path / "sheet.png", sample_clip, sample_clip, sample_clip, [3, 99])
    assert not (tmp_path / "sheet.png").exists()


def test_a_sheet_of_parts_has_a_colour_for_each_id(sample_clip: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    write_sheet(sheet, sample_clip, sample_clip, sample_clip, [3], PART_LABELS)  # its luma stands in for ids up to 255
    assert sheet.is_file()
