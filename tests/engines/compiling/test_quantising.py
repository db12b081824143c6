"""Quantising a graph."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

pytest.importorskip("nncf")

from tests.fakes.tiny_network import build_tiny


def test_the_log_handlers_of_others_keep_their_level(tmp_path: Path) -> None:
    """A test's log was lost after a build: nncf lowers the level of every handler on its logger."""
    handler = logging.NullHandler(logging.WARNING)
    logging.getLogger("nncf").addHandler(handler)
    try:
        build_tiny(tmp_path / "engine", "int8")
    finally:
        logging.getLogger("nncf").removeHandler(handler)
    assert handler.level == logging.WARNING
