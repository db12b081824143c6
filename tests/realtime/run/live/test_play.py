"""A live run of a stream: stopped on purpose it is done, broken off it has failed."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest

import cli
from realtime.pipeline import Options
from realtime.run.live.play import LiveSource, play
from realtime.run.progress import Progress
from realtime.video.sinks.open import NullSink
from tests.fakes.pipeline import FakeEngine
from tests.fakes.stream import Servers, send, silent_after


@pytest.mark.usefixtures("impatient")
def test_limit_of_frames_ends_a_stream_without_damage(servers: Servers, ts: bytes) -> None:
    url = f"tcp://{servers.start(silent_after(servers, ts))}"
    run = play(LiveSource(url), FakeEngine(), NullSink(), Options(limit=1), Progress())
    assert (run.summary.frames, run.summary.damage) == (1, None)


@pytest.mark.usefixtures("impatient")
def test_limit_of_time_ends_a_stream_without_damage(servers: Servers, ts: bytes) -> None:
    url = f"tcp://{servers.start(silent_after(servers, ts))}"
    run = play(LiveSource(url, seconds=0.5), FakeEngine(), NullSink(), Options(), Progress())
    assert run.summary.damage is None


def test_live_command_records_and_serves_what_it_shows(
    tiny_engines: dict[str, Path], sample_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, summary = tmp_path / "live.mkv", tmp_path / "live.json"
    arguments = ["live", str(sample_clip), "--view", "none", "--record", str(path), "--mjpeg", "0"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments, "--model", str(tiny_engines["int8"]), "--json", str(summary)])
    assert ended.value.code == 0
    assert "shown at http://127.0.0.1:" in capsys.readouterr().err
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == json.loads(summary.read_text())["frames"] > 0


def test_a_summary_on_the_pipe_of_the_frames_is_wrong_use(sample_clip: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["live", str(sample_clip), "--view", "none", "--pipe", "nut", "--json", "-"])
    assert ended.value.code == 2


def test_live_command_goes_on_after_a_loss_and_counts_it(
    servers: Servers, tiny_engines: dict[str, Path], ts: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"tcp://{servers.start(lambda connection: send(connection, ts))}"
    summary = tmp_path / "live.json"
    arguments = ["live", url, "--view", "none", "--model", str(tiny_engines["int8"]), "--json", str(summary)]
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments, "--seconds", "5"])
    values = json.loads(summary.read_text())
    assert (ended.value.code, values["damage"]) == (0, None)
    assert values["reconnects"] >= 1
    said = capsys.readouterr().err
    assert f"lost: {url}: the stream broke off" in said
    assert f"back: {url}, after" in said


def test_live_command_fails_with_a_word_where_its_stream_breaks_off(
    servers: Servers, tiny_engines: dict[str, Path], ts: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"tcp://{servers.start(lambda connection: send(connection, ts))}"
    summary = tmp_path / "live.json"
    arguments = [
        "live",
        url,
        "--view",
        "none",
        "--reconnect",
        "0",
        "--model",
        str(tiny_engines["int8"]),
        "--json",
        str(summary),
    ]
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    damage = json.loads(summary.read_text())["damage"]
    assert ended.value.code == 1
    assert damage.startswith(f"{url}: the stream broke off after ")
    assert f"failed: {damage}" in capsys.readouterr().err.splitlines()
