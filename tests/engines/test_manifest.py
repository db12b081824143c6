"""manifest.json: what is read back, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engines.backends.graph import tensors_of
from engines.errors import EngineDamaged, EngineMismatch
from engines.manifest import Calibration, Gpu, Manifest, Parity, read_manifest, sha256_of, verify, write_manifest
from engines.spec import CONSENSUS_LABELS, Batch, ModelSpec

SPEC = ModelSpec("tiny", CONSENSUS_LABELS, size_px=32)

MANIFEST = Manifest(
    spec=SPEC,
    backend="openvino",
    flavour=None,
    precision="int8",
    batch=Batch(),
    tensors=tensors_of(SPEC, Batch()),
    recipe={"weights": "float16"},
    files={"model.xml": "a" * 64},
    checkpoint="runs/mine/weights.safetensors",
    checkpoint_sha256="c" * 64,
    versions={"openvino": "2026.4.1"},
    host={"os": "Linux"},
    gpu=None,
    calibration=Calibration(16, "d" * 64),
    parity=Parity(0.1, 0.01, 0.99, 8),
    built_at="2026-11-01T00:00:00+00:00",
    build_seconds=1.5,
)


def rewrite(folder: Path, **changes: Any) -> None:
    """Write the manifest with fields changed, or left out where the change is `...`."""
    values = {name: value for name, value in (MANIFEST.to_json() | changes).items() if value is not ...}
    (folder / "manifest.json").write_text(json.dumps(values))


PLAN = replace(
    MANIFEST,
    backend="tensorrt",
    flavour="rtx",
    precision="fp16",
    batch=Batch(1, 8, 16),
    tensors=tensors_of(SPEC, Batch(1, 8, 16)),
    calibration=None,
    gpu=Gpu("GeForce RTX 4090", "8.9"),
)


@pytest.mark.parametrize("manifest", [MANIFEST, PLAN])
def test_manifest_reads_back_as_it_was_written(tmp_path: Path, manifest: Manifest) -> None:
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_every_missing_and_unknown_field_is_named(tmp_path: Path) -> None:
    rewrite(tmp_path, spec=..., batch=..., colour="red")
    with pytest.raises(EngineDamaged, match="'spec' is missing; field 'batch' is missing; field 'colour' is unknown"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": "one"}, "field 'batch' has the value 'one'"),
        ({"batch": {"min": 0, "opt": 1, "max": 1}}, "batch must be 1 or more"),
        ({"batch": {"min": 1, "opt": 9, "max": 8}}, "in rising order; got 1:9:8"),
        ({"batch": {"min": "1", "opt": 1, "max": 1}}, "not supported between"),
        ({"backend": 5}, "field 'backend' has the value 5"),
        ({"flavour": 5}, "field 'flavour' has the value 5"),
        ({"tensors": [{"name": "crops"}]}, "shape"),
        ({"tensors": "crops"}, "field 'tensors' has the value"),
        ({"recipe": []}, r"field 'recipe' has the value \[\]"),
        ({"gpu": {"name": "L4"}}, "capability"),
        ({"host": None}, "field 'host' has the value None"),
        ({"versions": "2026"}, "field 'versions' has the value"),
        ({"built_at": 5}, "field 'built_at' has the value 5"),
        ({"build_seconds": "long"}, "field 'build_seconds' has the value 'long'"),
        ({"checkpoint_sha256": "cafe"}, "checkpoint_sha256 is 'cafe', expected 64 hexadecimal digits"),
        ({"calibration": None}, "calibration is missing, without which nothing is int8"),
        ({"calibration": None, "precision": "fp8"}, "calibration is missing, without which nothing is fp8"),
        ({"calibration": {"count": 3}}, "sha256"),
        ({"files": {}}, "files is empty"),
        ({"precision": "fp1"}, "precision is 'fp1', expected one of fp32"),
        ({"files": {"../secret": "ab"}}, "'../secret' is not a plain file name"),
        ({"spec": {"name": "tiny"}}, "not a model spec"),
        ({"spec": SPEC.to_json() | {"modality": "sound"}}, "modality 'sound'; expected colour or depth"),
        ({"spec": SPEC.to_json() | {"thresholds": {"unconfirmed": 2}}}, "unconfirmed is 2; expected 0 to 1"),
        ({"spec": SPEC.to_json() | {"thresholds": {"sure": 1}}}, "unexpected keyword argument 'sure'"),
        ({"checkpoint": None}, "field 'checkpoint' has the value None"),
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


@pytest.mark.parametrize("schema", [2, 99])
def test_another_schema_is_refused_with_the_command_that_builds_it_again(tmp_path: Path, schema: int) -> None:
    rewrite(tmp_path, schema=schema)
    said = f"schema {schema}; this version reads 3 and 4; build .*: unveil compile CHECKPOINT --output {tmp_path}"
    with pytest.raises(EngineMismatch, match=said):
        read_manifest(tmp_path)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineDamaged, match=r"model\.xml is missing"):
        verify(tmp_path, MANIFEST)
