"""`unveil doctor`: what this machine can do, and why not more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engines import backends, zoo
from engines.errors import EngineDamaged
from realtime.faces import detect
from realtime.tools import doctor, system_libraries
from realtime.tools.doctor import Check, Report


def check(report: Report, section: str, name: str) -> Check:
    return next(check for check in report.sections[section] if check.name == name)


def test_every_no_says_why() -> None:
    report = doctor.examine()
    answers = [answer for checks in report.sections.values() for answer in checks]
    assert {"Python", "openvino", "libx264", "display"} <= {answer.name for answer in answers}
    assert all(len(answer.detail) > 5 for answer in answers if answer.state == "no")
    assert json.loads(json.dumps(report.to_json()))["ready"] is report.ready


def test_ready_only_without_a_missing_need() -> None:
    fine = Check("a", "yes", "found", needed=True)
    assert Report({"s": (fine, Check("b", "no", "not here"))}).ready
    assert not Report({"s": (fine, Check("b", "no", "not here", needed=True))}).ready


def test_missing_openvino_makes_the_machine_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    status = backends.BackendStatus("openvino", False, "openvino cannot be imported", required=True)
    monkeypatch.setattr(backends, "statuses", lambda: [status])
    report = doctor.examine()
    assert not report.ready
    assert check(report, "engines", "openvino").state == "no"


def test_missing_default_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "names", lambda: ())
    report = doctor.examine()
    assert not report.ready
    assert check(report, "models", zoo.DEFAULT_MODEL).state == "no"


@pytest.fixture
def shipped(tiny_engines: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The engine of the default model in a zoo of its own, to be damaged."""
    monkeypatch.setattr(zoo, "ZOO", tmp_path)
    folder = tmp_path / zoo.DEFAULT_MODEL / "int8"
    shutil.copytree(tiny_engines["int8"], folder)
    (folder.parent / "weights.safetensors").touch()
    return folder


def test_a_sound_default_engine_is_found(shipped: Path) -> None:
    answer = check(doctor.examine(), "models", zoo.DEFAULT_MODEL)
    assert (answer.state, answer.detail) == ("yes", "engines: int8")


@pytest.mark.parametrize("file", ["manifest.json", "model.bin"])
def test_a_damaged_default_engine_makes_the_machine_not_ready(shipped: Path, file: str) -> None:
    (shipped / file).unlink()
    report = doctor.examine()
    answer = check(report, "models", zoo.DEFAULT_MODEL)
    assert (report.ready, answer.state, file in answer.detail) == (False, "no", True)


def test_missing_detection_models_make_the_machine_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(doctor.examine(), "models", "face detector").state == "yes"

    def missing(network: detect.BlazeFace) -> Path:
        raise EngineDamaged(f"mediapipe has no {network.file_name}")

    monkeypatch.setattr(detect, "model_file", missing)
    report = doctor.examine()
    answer = check(report, "models", "face detector")
    assert (report.ready, answer.state, "mediapipe has no" in answer.detail) == (False, "no", True)


def test_missing_system_library_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_libraries.sys, "platform", "linux")
    monkeypatch.setattr(system_libraries, "LIBRARIES", {"libnothing.so.9": "libnothing9", "libc.so.6": "libc6"})
    assert system_libraries.missing_packages() == ["libnothing9"]


def test_no_display_is_said_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    answer = check(doctor.examine(), "display and cameras", "display")
    assert (answer.state, "--view none" in answer.detail) == ("no", True)


def test_cameras_are_listed_without_being_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    opened: list[str] = []
    monkeypatch.setattr(doctor, "DEVICES", tmp_path)
    monkeypatch.setattr("cv2.VideoCapture", lambda *arguments: opened.append(str(arguments)))
    answer = check(doctor.examine(), "display and cameras", str(tmp_path / "video0"))
    assert answer.state == "yes"
    assert opened == []
