"""The Python interface: what its page shows works, its types hold, and it runs wherever a user's code lies."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import unveil
from realtime.frames.types import U8, Detection, Frame
from tests.fakes.pipeline import FakeDetector, FakeEngine, FakeSource, face_box, rgb_frame, scene, yuv_frame

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "python.md"
FACE, OTHER = (160.0, 120.0, 80.0), (250.0, 60.0, 60.0)


@pytest.fixture
def parser(monkeypatch: pytest.MonkeyPatch) -> unveil.Parser:
    """A parser of red ellipses that blue covers. Its detector finds FACE alone."""
    monkeypatch.setattr(unveil, "open_detector", lambda: FakeDetector([Detection(face_box(*FACE), 0.9)]))
    return unveil.Parser(FakeEngine())  # type: ignore[arg-type]


def test_a_face_is_measured_in_the_pictures_pixels(parser: unveil.Parser) -> None:
    (face,) = parser(scene(covers=[(150, 125, 175, 145)]))
    assert face.box_xyxy == pytest.approx(face_box(*FACE), abs=3)
    assert 0.9 < face.confidence <= 1
    assert face.label_names == parser.labels == ("background", "face", "occlusion")
    assert (face.labels.shape, face.labels.dtype) == ((240, 320), np.uint8)
    assert (face.labels[105, 150], face.labels[135, 162], face.labels[10, 10]) == (1, 2, 0)
    for label, count in (("face", (face.labels == 1).sum()), ("occlusion", (face.labels == 2).sum())):
        mask = face.mask(label)
        assert (mask.shape, mask.dtype, mask.sum()) == ((240, 320), np.bool_, count)


def test_an_unknown_label_is_refused(parser: unveil.Parser) -> None:
    (face,) = parser(scene())
    with pytest.raises(unveil.UsageError, match=r"'hat' is unknown; expected face, or one of background, face, occ"):
        face.mask("hat")


def test_each_picture_is_parsed_by_itself(parser: unveil.Parser) -> None:
    assert len(parser(scene())) == 1
    assert parser(scene(faces=[OTHER])) == []  # the detector finds FACE alone, where there is nothing now
    (face,) = parser(scene())
    assert face.track_id == 0


def test_track_follows_a_face_and_reset_begins_anew(parser: unveil.Parser) -> None:
    moving = [scene(faces=[(160.0 + 8 * step, 120.0, 80.0)]) for step in range(6)]
    centres = []
    for picture in moving:
        (face,) = parser.track(picture)
        assert face.track_id == 0
        centres.append((face.box_xyxy[0] + face.box_xyxy[2]) / 2)
    assert centres == pytest.approx([160.0 + 8 * step for step in range(6)], abs=3)
    parser.reset()
    assert parser.track(scene(faces=[OTHER])) == []


def test_a_picture_of_another_kind_is_refused(parser: unveil.Parser) -> None:
    for wrong in (scene()[..., 0], scene().astype(np.float32), np.dstack([scene(), scene()[..., :1]])):
        with pytest.raises(unveil.UsageError, match=r"must be \(H, W, 3\) uint8 RGB; got"):
            parser(wrong)


def test_a_view_of_a_picture_is_parsed_like_its_copy(parser: unveil.Parser) -> None:
    bgr = np.ascontiguousarray(scene()[..., ::-1])
    (face,), (other,) = parser(bgr[..., ::-1]), parser(scene())
    np.testing.assert_array_equal(face.labels, other.labels)


def test_video_gives_rgb_frames_that_may_be_changed(parser: unveil.Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [yuv_frame(scene(), 0), rgb_frame(scene(), 1)]
    source = FakeSource(frames)
    monkeypatch.setattr(unveil, "open_source", lambda spec: source)
    for frame, faces in unveil.video("clip.mp4", parser):
        assert np.median(np.abs(frame.astype(int) - scene()), axis=(0, 1)).max() <= 2  # edges have coarse colours
        assert [face.track_id for face in faces] == [0]
        frame[:] = 0
    assert frames[1].planes[0].any()


def test_a_video_that_breaks_off_raises_after_its_frames(
    parser: unveil.Parser, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = FakeSource([yuv_frame(scene(), i) for i in range(3)], error=unveil.SourceError("ends early"))
    monkeypatch.setattr(unveil, "open_source", lambda spec: broken)
    seen = 0
    with pytest.raises(unveil.SourceError, match="ends early"):
        for _ in unveil.video("clip.mp4", parser):
            seen += 1
    assert seen == 3


def test_a_missing_video_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(unveil.SourceError, match="no such file"):
        unveil.video(tmp_path / "missing.mp4")


def test_a_checkpoint_is_refused_with_advice() -> None:
    with pytest.raises(unveil.UsageError, match="is a checkpoint; build its engine with 'unveil compile'"):
        unveil.load("runs/mine/best.safetensors")


class Kept(unveil.Sink):
    """Keeps the frames."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.state = "open"

    def write(self, frame: Frame) -> None:
        self.frames.append(frame)

    def close(self) -> None:
        self.state = "closed"

    def abort(self) -> None:
        self.state = "aborted"


def test_a_sink_is_aborted_where_the_run_cannot_begin(tmp_path: Path) -> None:
    sink = Kept()
    with pytest.raises(unveil.SourceError):
        unveil.run(tmp_path / "missing.mp4", sink)
    assert sink.state == "aborted"


def test_the_labels_of_a_video_are_those_that_process_writes(sample_clip: Path, tmp_path: Path) -> None:
    with unveil.load() as parser:
        (result,) = unveil.mask(sample_clip, tmp_path / "ids", render="labels", model=parser)
        tracked = [faces for _, faces in unveil.video(sample_clip, parser)]
    with av.open(str(result.output)) as written:
        ids = [frame.to_ndarray() for frame in written.decode(video=0)]
    assert len(ids) == len(tracked) == result.frames == 10
    for one, (face,) in zip(ids, tracked, strict=True):
        np.testing.assert_array_equal(face.labels, one)


def test_the_examples_of_the_page_run(sample_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(sample_clip, tmp_path / "clip.mp4")
    cv2.imwrite(str(tmp_path / "portrait.png"), first_frame(sample_clip)[..., ::-1])
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    for example in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(example, str(PAGE), "exec"), names)
    assert isinstance(names["hand"], np.ndarray)
    assert isinstance(names["eyes"], np.ndarray) and names["eyes"].any()
    assert len(names["sink"].values) == 5  # type: ignore[attr-defined]
    assert (tmp_path / "masked" / "clip.mp4").stat().st_size > 0
    assert [result.error is None for result in names["results"]] == [True, False]  # type: ignore[attr-defined]


def first_frame(clip: Path) -> U8:
    for frame, _ in unveil.video(clip):
        return frame
    raise AssertionError("no frame")


def test_the_page_names_everything_that_is_public() -> None:
    page = PAGE.read_text(encoding="utf-8")
    unnamed = [name for name in unveil.__all__ if not re.search(rf"\b{name}\b", page)]
    assert unnamed == ["Face", "Masked", "Parser", "Summary"]  # what the functions return


CALLER = """
import numpy as np
import numpy.typing as npt
import unveil

def boxes(picture: npt.NDArray[np.uint8]) -> list[tuple[float, float, float, float]]:
    with unveil.load("consensus-lite", max_faces=2) as parser:
        parser.reset()
        return [face.box_xyxy for face in [*parser(picture), *parser.track(picture)] if face.confidence > 0.5]

def hands(path: str) -> list[npt.NDArray[np.bool_]]:
    return [face.mask("occlusion") for frame, faces in unveil.video(path) for face in faces if frame.any()]

def total(path: str) -> int:
    return sum(result.frames for result in unveil.mask(path, "masked/", render="blur"))

class Count(unveil.Sink):
    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
    def write(self, frame: unveil.Frame) -> None:
        self.shapes.append(unveil.to_rgb(frame).shape)
    def close(self) -> None: ...
    def abort(self) -> None: ...

frames: int = unveil.run("clip.mp4", Count()).frames
ids: npt.NDArray[np.uint8] = unveil.load()(np.zeros((9, 9, 3), np.uint8))[0].labels
"""


@pytest.mark.slow
def test_a_callers_types_are_checked_strictly(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text(CALLER)
    (tmp_path / "wrong.py").write_text("import unveil\nname: int = unveil.load().description\nunveil.load(thread=2)\n")

    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "caller.py", "wrong.py"]
    command += ["--cache-dir", str(ROOT / ".mypy_cache" / "strict")]  # later runs take a second
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    errors = [line.split(": error")[0] for line in run.stdout.splitlines() if ": error: " in line]
    assert errors == ["wrong.py:2", "wrong.py:3"], run.stdout


def test_it_works_in_a_folder_that_has_a_train_module(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("raise AssertionError('the user\\'s own module was imported')\n")
    (tmp_path / "mine.py").write_text(
        "import sys, numpy as np, unveil\n"
        "with unveil.load() as parser:\n"
        "    print(parser(np.full((240, 320, 3), 99, np.uint8)))\n"
        "print([name for name in ('torch', 'train', 'mediapipe') if name in sys.modules])\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "mine.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.stdout.splitlines() == ["[]", "[]"], run.stderr
