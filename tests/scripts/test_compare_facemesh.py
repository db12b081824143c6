"""The comparison with FaceMesh: everybody masks every frame of the clip, and ratios are those of one round."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from engines.errors import SinkError, UsageError
from engines.zoo import DEFAULT_MODEL
from realtime.faces.composed import load_model
from realtime.faces.detect import Detector
from realtime.pipeline import Options

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
script, passes = (importlib.import_module(name) for name in ("compare_facemesh", "compare_passes"))

FRAMES, FACE_XY = 10, (640, 330)
PRESETS = ("veryfast", "ultrafast")
CV2, LABELS = "FaceMesh, OpenCV's mp4v", "Unveil, nothing encoded"
BY_PRESET = [f"{who}, x264 {p}" for p in PRESETS for who in ("Unveil", "FaceMesh", "transcode, nothing masked")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compared")


@pytest.fixture(scope="module")
def compared(sample_clip: Path, folder: Path):  # type: ignore[no-untyped-def]
    """One round on ten frames."""
    with load_model(DEFAULT_MODEL) as engine:
        return script.measure(sample_clip, folder, engine, Detector("auto"), 1, lambda _: None)


@pytest.fixture(scope="module")
def outputs(compared, folder: Path) -> dict[str, Path]:  # type: ignore[no-untyped-def]
    """Files by the names of who wrote them."""
    return {row.name: folder / f"{place}.mp4" for place, row in enumerate(compared.rows) if row.output_mb is not None}


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as video:
        return [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]


def row(name: str, *seconds: float):  # type: ignore[no-untyped-def]
    return script.Row(name, tuple(passes.Pass(10, each, each) for each in seconds), None)


def test_everybody_finds_the_face_in_every_frame(compared) -> None:  # type: ignore[no-untyped-def]
    assert [each.name for each in compared.rows] == [CV2, *BY_PRESET, LABELS]
    for each in compared.rows:
        (only,) = each.passes
        assert (only.frames, only.seconds > 0, only.cpu_seconds > 0) == (FRAMES, True, True), each.name
        assert only.frames_without_face == (None if "nothing masked" in each.name else 0), each.name


def test_outputs_have_every_frame_in_its_size(outputs: dict[str, Path]) -> None:
    assert list(outputs) == [CV2, *BY_PRESET]
    for name, path in outputs.items():
        assert [picture.shape for picture in pictures(path)] == [(720, 1280, 3)] * FRAMES, name


def test_faces_are_tinted_but_not_by_the_transcode(sample_clip: Path, outputs: dict[str, Path]) -> None:
    x, y = FACE_XY
    before = pictures(sample_clip)[-1][y - 5 : y + 5, x - 5 : x + 5].mean(axis=(0, 1))
    for name, path in outputs.items():
        less_red = before - pictures(path)[-1][y - 5 : y + 5, x - 5 : x + 5].mean(axis=(0, 1))
        assert (less_red[0] > 40) == ("nothing masked" not in name), name


def test_presets_reach_the_encoder(outputs: dict[str, Path]) -> None:
    # x264 writes its settings into the stream; ultrafast is the one preset without CABAC.
    for name in BY_PRESET:
        assert (b"cabac=0" in outputs[name].read_bytes()) == name.endswith("ultrafast"), name
        assert b"crf=18.0" in outputs[name].read_bytes(), name


def test_opencv_writes_the_codec_that_is_reported(outputs: dict[str, Path]) -> None:
    with av.open(str(outputs[CV2])) as video:
        assert video.streams.video[0].codec_context.name == "mpeg4"


def test_a_codec_that_opencv_does_not_have_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(SinkError, match="cannot write XXXX"),
        passes.cv2_writer(tmp_path / "x.mp4", 30, (320, 240), "XXXX"),
    ):
        pass


def test_ratios_are_taken_within_each_round() -> None:
    rows = [row(CV2, 8, 4, 2), *(row(name, 2, 2, 2) for name in BY_PRESET), row(LABELS, 1, 1, 1)]
    comparison = script.Comparison({}, tuple(rows))
    first = comparison.ratios[0]
    assert (first.name, first.beside) == ("Unveil, x264 veryfast", CV2)
    assert (first.median, first.min, first.wanted) == (2.0, 1.0, 2.5)
    assert [ratio.wanted for ratio in comparison.ratios] == [2.5, None, None, 3.0, None, None, None]
    assert comparison.ratios[-1].median == 4.0
    assert rows[0].cpu_ms == 400


def test_the_text_and_the_json_say_the_same(compared) -> None:  # type: ignore[no-untyped-def]
    text, values = script.comparison_text(compared), json.loads(json.dumps(compared.to_json()))
    assert [each["name"] for each in values["contestants"]] == [CV2, *BY_PRESET, LABELS]
    assert len(values["ratios"]) == 7
    assert values["left_out"] == list(script.LEFT_OUT)
    assert f"{values['contestants'][0]['fps']['median']:.2f}" in text
    assert all(line in text for line in script.LEFT_OUT)
    assert "writes mp4v (MPEG-4 part 2) here, and can" in text


def test_only_the_polygon_is_tinted() -> None:
    bgr = np.full((40, 60, 3), 200, np.uint8)
    passes.tint(bgr, np.array([(10, 5), (30, 5), (30, 25), (10, 25)], np.int32))
    changed = (bgr != 200).any(axis=2)
    assert changed[5:26, 10:31].all() and changed.sum() == 21 * 21


@pytest.mark.parametrize("shift", [(-20, -15), (40, 30), (200, 200), (-200, -200)])
def test_a_polygon_may_lie_outside(shift: tuple[int, int]) -> None:
    bgr = np.full((40, 60, 3), 200, np.uint8)
    corners = np.array([(10, 5), (30, 5), (30, 25), (10, 25)], np.int32) + np.array(shift, np.int32)
    passes.tint(bgr, corners)
    assert (bgr != 200).any() == (abs(shift[0]) < 100)


def test_wrong_use_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        script.main(["--rounds", "0"])
    assert stopped.value.code == 2 and "expected 1 or more" in capsys.readouterr().err
    assert script.main([str(tmp_path / "missing.mp4")]) == 1
    assert "missing.mp4" in capsys.readouterr().err


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(UsageError, match=r"preset 'quick' is unknown; expected one of ultrafast, .*placebo"):
        Options(preset="quick")
