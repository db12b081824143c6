"""The command line: exit statuses, one-sentence errors, JSON, and a clean stop on Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from realtime.run.live import play
from tests.fakes.command import Unveil, one_sentence
from tests.fakes.video import Clip, breaks_off

ROOT = Path(__file__).parents[1]


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cli", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=accept_ctrl_c
    )


def accept_ctrl_c() -> None:
    """A shell lets what it starts in the background ignore Ctrl-C, and so may start these tests."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupt_when(process: subprocess.Popen[str], ready: Callable[[], bool]) -> tuple[int, str]:
    """Send Ctrl-C as soon as `ready` is true. Returns the exit status and what the process wrote to stderr."""
    end = time.perf_counter() + 60
    while not ready() and process.poll() is None and time.perf_counter() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


def test_process_writes_the_output_under_its_inputs_name(
    unveil: Unveil, engine: Path, sample_clip: Path, tmp_path: Path
) -> None:
    result = unveil("process", sample_clip, "--output", tmp_path, "--model", engine, "--render", "labels")
    assert result.status == 0, result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [".sample.done.json", "sample.mkv"]
    assert f"engine: {engine} (architecture tiny), OpenVINO int8, CPU" in result.stderr


def test_process_does_the_rest_when_some_inputs_fail(
    unveil: Unveil, engine: Path, sample_clip: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("not a video")
    summary = tmp_path / "summary.json"
    inputs = (text, tmp_path / "missing.mp4", sample_clip)
    result = unveil("process", *inputs, "--output", tmp_path / "out", "--model", engine, "--json", summary)
    assert result.status == 1
    assert (tmp_path / "out" / "sample.mp4").is_file()
    assert all(f"failed: {tmp_path / name}" in result.stderr for name in ("text.mp4", "missing.mp4"))
    values = json.loads(summary.read_text())
    assert (values["done"], values["failed"]) == (1, 2)
    assert [file["error"] is None for file in values["files"]] == [False, False, True]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [("process",), ("process", "a.mp4"), ("process", "a.mp4", "--output", "o", "--render", "nothing"), ("nothing",)],
)
def test_wrong_use_exits_with_2(unveil: Unveil, arguments: tuple[str, ...]) -> None:
    assert unveil(*arguments).status == 2


def test_a_folder_without_media_is_wrong_use(unveil: Unveil, engine: Path, tmp_path: Path) -> None:
    result = unveil("process", tmp_path, "--output", tmp_path / "out", "--model", engine)
    assert (result.status, one_sentence(result)) == (2, True)


def test_an_unknown_model_is_named_in_one_sentence(unveil: Unveil, sample_clip: Path, tmp_path: Path) -> None:
    result = unveil("process", sample_clip, "--output", tmp_path, "--model", "nobody")
    assert (result.status, one_sentence(result)) == (2, True)
    assert "'nobody'" in result.stderr


@pytest.mark.parametrize("command", [("process", "a.mp4", "--output", "out", "--model"), ("inspect",)])
def test_a_damaged_engine_is_refused_with_what_is_wrong(
    unveil: Unveil, tiny_engine_copy: Path, command: tuple[str, ...]
) -> None:
    (tiny_engine_copy / "model.bin").write_bytes(b"something else")
    result = unveil(*command, tiny_engine_copy)
    assert (result.status, one_sentence(result)) == (1, True)
    assert "model.bin has SHA-256" in result.stderr


def test_an_unwritable_json_file_fails(unveil: Unveil, engine: Path, sample_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    where = tmp_path / "file" / "summary.json"
    result = unveil("process", sample_clip, "--output", tmp_path / "out", "--model", engine, "--json", where)
    assert result.status == 1
    assert f"{where} cannot be written" in result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_live_without_a_display_says_so(unveil: Unveil, sample_clip: Path) -> None:
    result = unveil("live", sample_clip)
    assert (result.status, one_sentence(result)) == (1, True)
    assert "--view none" in result.stderr


def test_live_plays_a_file_to_its_end(unveil: Unveil, engine: Path, sample_clip: Path, tmp_path: Path) -> None:
    summary = tmp_path / "live.json"
    result = unveil("live", sample_clip, "--view", "none", "--model", engine, "--json", summary)
    assert result.status == 0, result.stderr
    values = json.loads(summary.read_text())
    assert values["frames"] + values["dropped"] == 10


def test_live_stops_after_its_frames(unveil: Unveil, engine: Path, sample_clip: Path, tmp_path: Path) -> None:
    summary = tmp_path / "live.json"
    arguments = ("--view", "none", "--frames", "2", "--model", engine, "--json", summary)
    assert unveil("live", sample_clip, *arguments).status == 0
    assert json.loads(summary.read_text())["frames"] == 2


def test_live_stops_after_its_seconds(unveil: Unveil, engine: Path, tmp_path: Path) -> None:
    clip = Clip(frames=600).write(tmp_path / "long.mp4")
    started = time.perf_counter()
    assert unveil("live", clip, "--view", "none", "--seconds", "0.3", "--model", engine).status == 0
    assert time.perf_counter() - started < 15, "the clip lasts 20 seconds"


def test_live_names_a_missing_source(unveil: Unveil, engine: Path, tmp_path: Path) -> None:
    result = unveil("live", tmp_path / "missing.mp4", "--view", "none", "--model", engine)
    assert result.status == 1
    assert "missing.mp4" in result.stderr
    assert "Traceback" not in result.stderr


def test_live_that_loses_its_source_says_so_and_fails(
    unveil: Unveil, engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "open_source", breaks_off)
    summary = tmp_path / "live.json"
    result = unveil("live", "0", "--view", "none", "--model", engine, "--json", summary)
    assert (result.status, "failed: camera 0: lost" in result.stderr.splitlines()) == (1, True)
    assert json.loads(summary.read_text())["damage"] == "camera 0: lost"


def test_ctrl_c_ends_a_live_run_cleanly(engine: Path, tmp_path: Path) -> None:
    clip = Clip(frames=900).write(tmp_path / "long.mp4")
    summary = tmp_path / "live.json"
    process = start("live", clip, "--view", "none", "--model", engine, "--json", summary)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("engine: ")
    seen = time.perf_counter()
    status, stderr = interrupt_when(process, lambda: time.perf_counter() - seen > 1)
    assert status == 130, stderr
    assert summary.is_file()
    assert "Traceback" not in stderr


def test_ctrl_c_leaves_no_half_output(engine: Path, tmp_path: Path) -> None:
    clip = Clip(frames=1200, size_wh=(320, 180), options={"preset": "ultrafast"}).write(tmp_path / "long.mp4")
    output = tmp_path / "out"
    process = start("process", clip, "--output", output, "--model", engine)
    status, stderr = interrupt_when(process, lambda: output.is_dir() and any(output.iterdir()))
    assert status == 130, stderr
    assert list(output.iterdir()) == []
    assert "Traceback" not in stderr


def test_process_imports_neither_torch_nor_mediapipe(
    run_fresh: Callable[..., subprocess.CompletedProcess[str]], engine: Path, sample_clip: Path, tmp_path: Path
) -> None:
    code = (
        "import sys, cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "except SystemExit as e: assert e.code == 0, e.code\n"
        "print([name for name in ('torch', 'mediapipe', 'nncf', 'matplotlib', 'openvino') if name in sys.modules])"
    )
    run = run_fresh(code, "process", str(sample_clip), "--output", str(tmp_path), "--model", str(engine))
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "['openvino']", "openvino shows that the check sees what was imported"


def test_doctor_prints_json(unveil: Unveil) -> None:
    result = unveil("doctor", "--json")
    values = json.loads(result.stdout)
    assert result.status == (0 if values["ready"] else 1)
    assert "engines" in unveil("doctor").stdout


def test_inspect_says_what_an_engine_is(unveil: Unveil, engine: Path) -> None:
    text = unveil("inspect", engine).stdout
    assert "openvino, int8, batch 1" in text
    assert json.loads(unveil("inspect", engine, "--json").stdout)["spec"]["name"] == "tiny"


def test_a_package_that_cannot_be_loaded_is_one_sentence(
    run_fresh: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    code = (
        "import sys, cli, realtime.tools.system_libraries as libraries\n"
        "sys.modules['cv2'] = None\n"
        "libraries.missing_packages = lambda: ['libgl1', 'libglib2.0-0']\n"
        "cli.main(['process', 'a.mp4', '--output', 'out'])"
    )
    run = run_fresh(code)
    assert (run.returncode, run.stderr.count("\n")) == (1, 1), run.stderr
    assert "import of cv2 halted" in run.stderr
    assert "sudo apt-get install libgl1 libglib2.0-0; and see: unveil doctor" in run.stderr


def test_doctor_answers_where_opencv_and_pyav_cannot_be_loaded(
    run_fresh: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    code = "import sys, cli; sys.modules['cv2'] = sys.modules['av'] = None; cli.main(['doctor', '--json'])"
    run = run_fresh(code)
    assert run.returncode == 1, run.stderr
    sections = json.loads(run.stdout)["sections"]
    wanted = {check["name"] for checks in sections.values() for check in checks if check["needed"]}
    missed = {check["name"] for checks in sections.values() for check in checks if check["state"] == "no"} & wanted
    assert missed >= {"face detector", "PyAV"}


def test_the_version_is_that_of_the_project(unveil: Unveil) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert unveil("--version").stdout == f"unveil {version}\n"


@pytest.mark.parametrize(
    "command",
    [
        (), ("process",), ("live",), ("demo",), ("doctor",), ("inspect",), ("bench",), ("compile",), ("label",),
        ("train",), ("average",), ("calibrate",), ("evaluate",), ("reproduce",),
    ],
)  # fmt: skip
def test_every_command_explains_itself_with_h(unveil: Unveil, command: tuple[str, ...]) -> None:
    result = unveil(*command, "-h")
    assert result.status == 0, result.stderr
    assert f"Usage: {' '.join(('unveil', *command))} " in result.stdout


@pytest.mark.parametrize("arguments", [("process", "", "-o", "x"), ("process", "a.mp4", "--output="), ("live", "")])
def test_an_empty_argument_is_wrong_use(unveil: Unveil, arguments: tuple[str, ...]) -> None:
    result = unveil(*arguments)
    assert (result.status, one_sentence(result)) == (2, True)
    assert "got an empty argument" in result.stderr


def test_a_command_that_is_nearly_right_is_suggested(unveil: Unveil) -> None:
    result = unveil("proces", "a.mp4")
    assert (result.status, one_sentence(result)) == (2, True)
    assert "no such command 'proces'; did you mean 'process'?" in result.stderr


def test_a_shell_completes_commands_and_models() -> None:
    def complete(*words: str) -> str:
        environment = os.environ | {
            "_UNVEIL_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(("unveil", *words)),
            "COMP_CWORD": str(len(words)),
        }  # fmt: skip
        run = subprocess.run([sys.executable, "-m", "cli"], cwd=ROOT, capture_output=True, text=True, env=environment)
        return run.stdout

    assert "process" in complete("pro")
    assert "consensus-lite" in complete("process", "--model", "cons")


def test_the_module_runs_as_the_command_does() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "cli", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"NO_COLOR": "1"},
    )
    assert run.returncode == 0
    assert all(name in run.stdout for name in ("process", "live", "doctor", "inspect", "bench", "demo"))
