"""Nothing leaves the machine: openvino and nncf, used as we use them, open no connection and leave no id behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Runs in a fresh interpreter, and in the processes that it forks: openvino-telemetry sends from one of those.
GUARD = """
import os, sys
def guard(event, args):
    if event.startswith("urllib.") or event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        with open(os.environ["ATTEMPTS"], "a") as attempts:
            attempts.write(f"{event} {args}\\n")
        raise OSError("no network in this test")
sys.addaudithook(guard)
"""
# From Python 3.12 on, nothing can be sent while the interpreter ends: a script has to live a little longer.
LIVE_ON = """
import time
for _ in range(20):
    time.sleep(0.1 if os.path.getsize(os.environ["ATTEMPTS"]) == 0 else 0)
"""
IMPORT = "import openvino\n" + LIVE_ON
BUILD = """
from pathlib import Path
from tests.fakes import tiny_network
tiny_network.build_tiny(Path(sys.argv[1]), "int8")
assert "nncf" in sys.modules and "openvino.tools.ovc" in sys.modules
"""


def run_guarded(script: str, tmp_path: Path) -> tuple[str, list[str]]:
    """Run a script as a user who never chose: the network attempts, and what it left in the home folder."""
    home, attempts = tmp_path / "home", tmp_path / "attempts"
    home.mkdir()
    attempts.touch()
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "ATTEMPTS": str(attempts), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    command = [sys.executable, "-c", GUARD + script, str(tmp_path / "engine")]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return attempts.read_text(), sorted(path.name for path in home.iterdir())


def test_building_an_engine_reports_to_nobody(tmp_path: Path) -> None:
    assert run_guarded(BUILD, tmp_path) == ("", [])


def test_importing_openvino_after_engines_reports_to_nobody(tmp_path: Path) -> None:
    assert run_guarded("import engines\n" + IMPORT, tmp_path) == ("", [])


def test_openvino_alone_would_report(tmp_path: Path) -> None:
    attempts, left_at_home = run_guarded(IMPORT, tmp_path)
    assert "google-analytics" in attempts, "the guard sees nothing, so the tests above prove nothing"
    assert left_at_home == ["intel"]


def test_openvino_imported_before_us_is_silenced(tmp_path: Path) -> None:
    # What it sent on its import is its importer's: we look at what comes after.
    script = (
        """
import openvino, openvino_telemetry, time
time.sleep(1)
open(os.environ["ATTEMPTS"], "w").close()
{silence}
openvino_telemetry.Telemetry().send_event("test", "event", "label", force_send=True)
"""
        + LIVE_ON
    )
    assert "google-analytics" in run_guarded(script.format(silence=""), tmp_path)[0]
    again = tmp_path / "again"
    again.mkdir()
    assert run_guarded(script.format(silence="import engines"), again)[0] == ""
