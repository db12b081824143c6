"""A training that a signal stops saves its state and says how to continue."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
ROOT = Path(__file__).parents[3]


def test_signals_stop_a_training_in_a_process_of_its_own():
    """Signals that a process sends to itself reach any of its threads, and other tests leave native ones behind."""
    tests = Path(__file__).with_name("stopped_by_signals.py")
    command = [sys.executable, "-m", "pytest", str(tests), "-o", "addopts=--import-mode=importlib"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
