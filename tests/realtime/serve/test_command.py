"""`unveil serve`: what is wrong is a sentence, and a signal ends it."""

from __future__ import annotations

import importlib
import importlib.util
import signal
import socket
import sys
import urllib.error
import urllib.request

import pytest

from tests.conftest import ROOT
from tests.fakes.command import Unveil, one_sentence

sys.path.insert(0, str(ROOT / "scripts"))
script = importlib.import_module("measure_browser")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--model", "nosuch"], 2, "'nosuch' is neither a model that ships"),
        (["--token", "short"], 2, "the token has 5 characters; expected at least 16"),
        (["--token", "x" * 16, "--token-file", "x"], 2, "leave one of them out"),
        (["--token-file", "/no/such/file"], 2, "--token-file /no/such/file cannot be read"),
        (["--host", "192.0.2.1"], 2, "192.0.2.1 is no address of this machine"),
        (["--port", "70000"], 2, "less than or equal to 65535"),
        (["/no/such/clip.mp4"], 1, "/no/such/clip.mp4: no such file"),
        ([str(ROOT / "docs" / "figures" / "sparsity_over_beta.png")], 2, "is an image; expected a camera, a video"),
    ],
)
def test_what_is_wrong_is_a_sentence(unveil: Unveil, arguments: list[str], status: int, says: str) -> None:
    result = unveil("serve", *arguments)
    assert result.status == status
    assert says in result.stderr.splitlines()[-1]


def test_a_port_that_is_in_use_is_named(unveil: Unveil) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = unveil("serve", "--port", str(port))
    assert (result.status, one_sentence(result)) == (1, True)
    assert f"port {port} of 127.0.0.1 is in use; choose another one with --port" in result.stderr


def test_without_its_extra_it_says_which_one_to_install(unveil: Unveil, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.serve.command.find_spec", lambda name: None)
    result = unveil("serve")
    assert (result.status, one_sentence(result)) == (1, True)
    assert "the browser view needs the extra 'web'" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(number: signal.Signals) -> None:
    with script.serving(end=number) as server, urllib.request.urlopen(server.address) as page:
        assert b"<h1>Unveil</h1>" in page.read()


def test_a_server_for_other_machines_makes_a_token() -> None:
    with script.serving("--host", "0.0.0.0") as server:
        start, _, token = server.address.partition("?token=")
        assert len(token) == 32
        port = start.rstrip("/").rpartition(":")[2]
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/")
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request) as page:
            assert page.status == 200


def test_numbers_in_a_picture_are_measured() -> None:
    camera = [{"number": n, "came": 100.0 * n, "captureTime": 100.0 * n - 10} for n in range(4)]
    picture = [
        {"number": 0, "drawn": 30.0, "painted": 40.0},
        {"number": None, "drawn": 130.0, "painted": 140.0},
        {"number": 2, "drawn": 230.0, "painted": 240.0},
        {"number": 2, "drawn": 231.0, "painted": 241.0},
    ]
    found = script.summary({"camera": camera, "picture": picture}, 2.0)
    assert (found["fps"], found["camera_fps"], found["numbers_that_could_not_be_read"]) == (1.0, 2.0, 1)
    assert found["latency_ms"]["p50"] == 40.0
    assert found["latency_since_capture_ms"]["p50"] == 50.0


def test_a_growing_memory_has_a_slope() -> None:
    times = [{"resident_mb": 100.0 + 5 * n, "latency_ms": {"p50": 40.0}} for n in range(20)]
    assert script.slopes(times, 30.0) == {"resident_mb": 10.0, "latency_p50_ms": pytest.approx(0)}
