"""manifest.json: what is read back, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engines.errors import EngineDamaged
from engines.manifest import Calibration, Manifest, Parity, read_manifest, sha256_of, verify, write_manifest
from engines.spec import CONSENSUS_LABELS, ModelSpec

MANIFEST = Manifest(
    spec=ModelSpec("tiny", CONSENSUS_LABELS, size_px=32),
    backend="openvino",
    precision="int8",
    batch=1,
    outputs=("labels", "probabilities"),
    files={},
    checkpoint_sha256="c" * 64,
    versions={"openvino": "2026.4.1"},
    host={"os": "Linux"},
    calibration=Calibration(16, "d" * 64),
    parity=Parity(0.1, 0.01, 0.99, 8),
    built_at="2026-11-01T00:00:00+00:00",
    build_seconds=1.5,
)


def rewrite(folder: Path, **changes: Any) -> None:
    """Write the manifest with fields changed, or left out where the change is None."""
    values = {name: value for name, value in (MANIFEST.to_json() | changes).items() if value is not None}
    (folder / "manifest.json").write_text(json.dumps(values))


@pytest.mark.parametrize("calibration", [None, MANIFEST.calibration])
def test_manifest_reads_back_as_it_was_written(tmp_path: Path, calibration: Calibration | None) -> None:
    manifest = replace(MANIFEST, calibration=calibration)
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_every_missing_and_unknown_field_is_named(tmp_path: Path) -> None:
    rewrite(tmp_path, spec=None, batch=None, colour="red")
    with pytest.raises(EngineDamaged, match="'spec' is missing; field 'batch' is missing; field 'colour' is unknown"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": "one"}, "field 'batch' has the value 'one'"),
        ({"batch": 0}, "batch is 0, expected 1 or more"),
        ({"backend": "abacus"}, "backend is 'abacus', expected one of openvino, torch"),
        ({"precision": "fp1"}, "precision is 'fp1', expected one of fp32"),
        ({"files": {"../secret": "ab"}}, "'../secret' is not a plain file name"),
        ({"spec": {"name": "tiny"}}, "not a model spec"),
        ({"parity": {"max_error": 0}}, "missing 3 required"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    rewrite(tmp_path, **changes)
    with pytest.raises(EngineDamaged, match=said):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\udcff"])
def test_what_is_no_manifest_is_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(EngineDamaged, match=r"manifest\.json"):
        read_manifest(tmp_path)


def test_verify_passes_what_was_built_and_names_what_was_not(tmp_path: Path) -> None:
    (tmp_path / "model.xml").write_text("graph")
    manifest = replace(MANIFEST, files={"model.xml": sha256_of(tmp_path / "model.xml")})
    verify(tmp_path, manifest)
    (tmp_path / "model.xml").write_text("other")
    with pytest.raises(EngineDamaged, match=r"model\.xml has SHA-256"):
        verify(tmp_path, manifest)
