"""`unveil process`: outputs, parts of videos, encoding, and what it prints where."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest
import typer

from engines.spec import PART_LABELS, ModelSpec
from realtime.faces import composed
from realtime.faces.finding.detectors import DETECTORS
from realtime.frames.types import Detection
from realtime.run.options import seconds_of
from tests.fakes.command import Unveil, one_sentence
from tests.fakes.pipeline import FakeDetector, FakeEngine, face_box, scene
from tests.fakes.video import Clip

ROOT = Path(__file__).parents[3]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return Clip(frames=12).write(tmp_path / "in" / "clip.mp4")


def visible(folder: Path) -> list[str]:
    """The names in a folder, without the records of outputs and the segments of unfinished ones."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith((".done.json", ".segments")))


def video_frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_one_input_can_have_a_file_as_its_output(unveil: Unveil, engine: Path, clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "masked.mp4"
    assert unveil("process", clip, "-o", output, "--model", engine).status == 0
    assert video_frames(output) == 12


@pytest.mark.parametrize(
    ("output", "more", "says"),
    [
        ("x.mp4", ["other.mp4"], "x.mp4 is one file, but there are 2 inputs; expected a folder"),
        ("x.mkv", [], "does not fit: --render overlay writes a video as .mp4"),
        ("x.png", ["--render", "labels"], "does not fit: --render labels writes a video as .mkv"),
    ],
)
def test_an_output_file_that_does_not_fit_is_wrong_use(
    unveil: Unveil, clip: Path, tmp_path: Path, output: str, more: list[str], says: str
) -> None:
    result = unveil("process", clip, *more, "-o", tmp_path / output)
    assert (result.status, one_sentence(result)) == (2, True)
    assert says in result.stderr


def test_an_output_that_is_there_is_kept_unless_it_may_be_replaced(
    unveil: Unveil, engine: Path, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "clip.mp4").write_text("earlier")
    command = ("process", clip, "-o", tmp_path / "out", "--model", engine)
    result = unveil(*command)
    assert result.status == 1
    assert f"{tmp_path / 'out' / 'clip.mp4'} already exists, without a record of how it was made" in result.stderr
    assert "replace it with --overwrite" in result.stderr
    assert (tmp_path / "out" / "clip.mp4").read_text() == "earlier"
    assert unveil(*command, "--overwrite").status == 0
    assert video_frames(tmp_path / "out" / "clip.mp4") == 12


@pytest.fixture
def two_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clip of 8 frames with two faces, which a fake detector and a fake network find."""
    faces = [(90.0, 120.0, 80.0), (230.0, 120.0, 60.0)]
    monkeypatch.setitem(DETECTORS, "auto", lambda: FakeDetector([Detection(face_box(*face), 0.9) for face in faces]))
    monkeypatch.setattr(composed, "load_model", lambda *_, **__: FakeEngine())
    path = tmp_path / "two.avi"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "bgr0"
        for _ in range(8):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(scene(faces=faces), "rgb24").reformat(format="bgr0")))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("render", "status"), [("blur", 1), ("overlay", 0)])
@pytest.mark.parametrize("command", ["process", "live"])
def test_a_limit_that_leaves_a_face_out_is_said_and_fails_a_blur(
    unveil: Unveil, two_faces: Path, tmp_path: Path, command: str, render: str, status: int
) -> None:
    summary = tmp_path / "summary.json"
    where = ("-o", tmp_path / "out") if command == "process" else ("--view", "none")
    result = unveil(command, two_faces, *where, "--render", render, "--max-faces", "1", "--json", summary)
    values = json.loads(summary.read_text())
    values = values["files"][0] if command == "process" else values
    assert result.status == status
    assert values["left_out"] == {"max_faces": 1, "frames": values["frames"], "most": 1}  # live may drop some
    (line,) = [line for line in result.stderr.splitlines() if "--max-faces 1 left 1 face unmasked in" in line]
    assert line.startswith("failed: ") is bool(status)


@pytest.mark.parametrize("command", ["process", "live"])
def test_a_limit_that_leaves_no_face_out_is_not_mentioned(
    unveil: Unveil, two_faces: Path, tmp_path: Path, command: str
) -> None:
    where = ("-o", tmp_path / "out") if command == "process" else ("--view", "none")
    result = unveil(command, two_faces, *where, "--render", "blur", "--max-faces", "2")
    assert (result.status, "max-faces" in result.stderr) == (0, False)


@pytest.mark.parametrize("command", [("process", "-o", "out"), ("live", "--view", "none")])
def test_only_a_renderer_that_hides_faces_keeps_occluders(
    unveil: Unveil, two_faces: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    result = unveil(*command, two_faces, "--keep-occluders")
    assert (result.status, one_sentence(result)) == (2, True)
    assert "--keep-occluders is for --render blur; overlay hides no face" in result.stderr


@pytest.mark.parametrize("command", ["process", "live"])
def test_a_model_that_labels_no_occlusion_keeps_none(
    unveil: Unveil, two_faces: Path, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeEngine, "spec", ModelSpec("parts", PART_LABELS))
    where = ("-o", tmp_path / "out") if command == "process" else ("--view", "none")
    result = unveil(command, two_faces, *where, "--render", "blur", "--keep-occluders")
    assert result.status == 2
    assert "parts does not label what lies on a face; use consensus" in result.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--label", "hair"), "--label is for --render alpha; got --render overlay"),
        (
            ("--label", "hair", "--render", "alpha"),
            "--label 'hair' is not a label of fake; expected one of face, occlusion",
        ),
    ],
)
def test_a_label_that_cannot_be_drawn_is_wrong_use(
    unveil: Unveil, two_faces: Path, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    result = unveil("process", two_faces, "-o", tmp_path / "out", *options)
    assert (result.status, says in result.stderr) == (2, True)


def test_json_on_standard_output_stands_alone_and_a_closing_line_counts(
    unveil: Unveil, engine: Path, clip: Path, tmp_path: Path
) -> None:
    result = unveil("process", clip, "gone.mp4", "-o", tmp_path / "out", "--model", engine, "--json", "-")
    values = json.loads(result.stdout)
    assert (values["done"], values["failed"], values["not_done"]) == (1, 1, [])
    assert result.stderr.splitlines()[-1].startswith("1 done, 1 failed, ")


def test_a_part_of_a_video_with_its_own_quality(unveil: Unveil, engine: Path, clip: Path, tmp_path: Path) -> None:
    part = ("--start", "0.1", "--end", "0:00:00.3")
    coded = ("--crf", "40", "--preset", "ultrafast", "--no-smooth", "--max-faces", "1")
    summary = tmp_path / "summary.json"
    result = unveil("process", clip, "-o", tmp_path / "out", "--model", engine, *part, *coded, "--json", summary)
    assert result.status == 0, result.stderr
    assert json.loads(summary.read_text())["files"][0]["frames"] == 6
    assert video_frames(tmp_path / "out" / "clip.mp4") == 6
    assert b"crf=40.0" in (tmp_path / "out" / "clip.mp4").read_bytes(), "x264 writes its settings into the file"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--crf", "20", "--encoder", "nvenc"), "--crf and --preset are for x264"),
        (("--preset", "fast", "--render", "labels"), "no output here is one"),
        (("--start", "5", "--end", "3"), "expected after its start"),
        (("--start", "soon"), "'soon' is not a time; expected seconds or h:mm:ss"),
        (("--preset", "fats"), "did you mean 'fast'?"),
        (("--render", "overlya"), "did you mean overlay?"),
        (("--model", "consensus-lit"), "did you mean 'consensus-lite'?"),
        (("--max-face", "1"), "--max-faces"),
    ],
)
def test_wrong_options_are_named_in_a_sentence(
    unveil: Unveil, clip: Path, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    result = unveil("process", clip, "-o", tmp_path / "out", *options)
    assert (result.status, one_sentence(result)) == (2, True), result.stderr
    assert says in result.stderr


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90.0), ("0.5", 0.5), ("1:30", 90.0), ("1:02:03.25", 3723.25), ("0:00:05", 5.0)]
)
def test_a_time_is_read_in_seconds_or_as_a_clock_shows_it(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "1:75", "1:2:3:4", "1.5:30", "nan", "inf"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        seconds_of(text)


def with_default_signals() -> None:
    """Signals as in a terminal, however the tests were started (in the background, with nohup)."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def stopped_batch(tmp_path: Path, engine: Path, number: int) -> tuple[int, dict[str, object], list[str]]:
    """Stop a batch in its second file. Returns the exit status, the JSON and the files in the output's folder."""
    (tmp_path / "in").mkdir(exist_ok=True)
    quick = {"preset": "ultrafast"}
    Clip(frames=3, options=quick).write(tmp_path / "in" / "a.mp4")
    Clip(frames=1700, options=quick).write(tmp_path / "in" / "b.mp4")
    output, summary = tmp_path / "out", tmp_path / "summary.json"
    arguments = ("process", tmp_path / "in", "-o", output, "--model", engine, "--json", summary)
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *map(str, arguments)],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=with_default_signals,
    )  # fmt: skip
    waits_until(lambda: (output / "a.mp4").is_file() and any(output.glob(".b.*.part")), process)
    process.send_signal(number)
    process.communicate(timeout=120)
    return process.returncode, json.loads(summary.read_text()), visible(output)


def waits_until(ready: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not ready() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_batch_that_is_stopped_reports_what_was_done_and_leaves_no_part(
    tmp_path: Path, engine: Path, number: int, status: int
) -> None:
    code, values, names = stopped_batch(tmp_path, engine, number)
    assert (code, names) == (status, ["a.mp4"])
    assert (values["done"], values["not_done"]) == (1, [str(tmp_path / "in" / "b.mp4")])


def test_a_batch_goes_on_when_nobody_reads_its_output(tmp_path: Path, engine: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.mp4", "b.mp4"):
        Clip(frames=3).write(tmp_path / "in" / name)
    read, write = os.pipe()
    os.close(read)
    arguments = ("process", tmp_path / "in", "-o", tmp_path / "out", "--model", engine, "--json", "-")
    run = subprocess.run(
        [sys.executable, "-m", "cli", *map(str, arguments)], cwd=ROOT, stdout=write, stderr=write, check=False
    )
    os.close(write)
    assert run.returncode == 0
    assert visible(tmp_path / "out") == ["a.mp4", "b.mp4"]


def test_failed_files_are_listed_and_tried_again(unveil: Unveil, engine: Path, clip: Path, tmp_path: Path) -> None:
    whole = clip.read_bytes()
    clip.write_bytes(b"no video")
    Clip(frames=3).write(clip.with_name("good.mp4"))
    out, lines = tmp_path / "out", tmp_path / "lines.jsonl"
    first = unveil("process", clip.parent, "-o", out, "--model", engine, "--json-lines", lines)
    assert (first.status, "replace the inputs by --retry" in first.stderr) == (1, True)
    ended = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [(Path(each["input"]).name, each["error"] is None) for each in ended] == [
        ("clip.mp4", False), ("good.mp4", True),
    ]  # fmt: skip
    clip.write_bytes(whole)
    second = unveil("process", "--retry", out / "failed.jsonl", "-o", out, "--model", engine)
    assert (second.status, visible(out)) == (0, ["clip.mp4", "good.mp4"])
    third = unveil("process", clip.parent, "-o", out, "--model", engine)
    assert (third.status, "2 done (2 by an earlier run), 0 failed" in third.stderr) == (0, True)
