"""Builds an engine folder from a network. Needs torch, and nncf for int8: the extra 'train' brings both."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from engines.backends import BACKENDS, get_backend
from engines.compiling import parity
from engines.engine import U8, check_crops
from engines.errors import BuildError, UsageError
from engines.installation import MissingExtra
from engines.load import open_engine
from engines.machine import host
from engines.manifest import Calibration, Manifest, Parity, sha256_of, write_manifest
from engines.spec import CALIBRATED, BuildSpec, ModelSpec

if TYPE_CHECKING:
    from torch import nn

    from engines.backends.graph import Graph
    from engines.compiling.deploy import Deploy

Progress = Callable[[str], None]
_GRAPH_SECONDS = 4.0  # to export a graph and to compile it
_CALIBRATION_COST = 2.0  # runs of the network that calibrating on one crop takes as long as
_NOT_MEASURED = Parity(1.0, 1.0, 0.0, 0)


def build(
    network: nn.Module,
    spec: ModelSpec,
    build_spec: BuildSpec,
    folder: Path,
    *,
    checkpoint_sha256: str,
    checkpoint: str = "",
    calibration: U8 | None = None,
    samples: U8 | None = None,
    progress: Progress = lambda _: None,
) -> Manifest:
    """Compile a network into `folder`, replacing an engine that is there. The folder appears whole or not at all.

    Args:
        network: `(N, 3, S, S) float32` normalised RGB -> logits `(N, K, S, S)`.
        checkpoint_sha256: SHA-256 of the weights, for the manifest.
        checkpoint: path of the weights, for the manifest; empty where there is no file.
        calibration: crops to measure the scales of int8 or fp8 on, (N, S, S, 3) uint8 RGB; a few hundred that look like
            real use.
        samples: crops to compare the engine with the network on; None: fixed synthetic ones.
        progress: called with a line of text for each step.

    Raises:
        UsageError: crops of the wrong shape, int8 or fp8 without calibration, or what the backend cannot build.
        BuildError: the network could not be compiled, or the fp32 engine disagrees with it.
        MissingExtra: torch or nncf is not installed.
    """
    _check_request(spec, build_spec, calibration, samples)
    calibration = calibration if build_spec.precision in CALIBRATED else None
    started = time.perf_counter()
    deploy = _deploy(network, spec)
    with _unfinished(folder) as unfinished:
        seconds = _estimate(deploy, spec, calibration, samples)
        progress(f"compiling {spec.name} for {build_spec.backend} {build_spec.precision}, some {seconds:.0f} seconds")
        graph = _export(deploy, build_spec, calibration, unfinished)
        files = {name: sha256_of(unfinished / name) for name in graph.files}
        unmeasured = _manifest(spec, build_spec, graph, files, calibration, (checkpoint, checkpoint_sha256))
        progress("comparing the engine with the network")
        measured = _compare(unfinished, unmeasured, deploy, samples)
        seconds = round(time.perf_counter() - started, 1)
        manifest = replace(unmeasured, parity=measured, build_seconds=seconds)
        write_manifest(unfinished, manifest)
        _put_in_place(unfinished, folder)
    progress(f"same label on {measured.pixel_agreement:.2%} of the pixels; {seconds} s")
    return manifest


def _check_request(spec: ModelSpec, build_spec: BuildSpec, calibration: U8 | None, samples: U8 | None) -> None:
    get_backend(build_spec.backend).check_request(build_spec)
    for what, crops in (("calibration crops", calibration), ("parity samples", samples)):
        if crops is not None:
            check_crops(crops, spec.size_px, what)
            if not len(crops):
                raise UsageError(f"{what} must be at least one; got none")
    if build_spec.precision in CALIBRATED and calibration is None:
        raise UsageError(
            f"an {build_spec.precision} engine needs calibration crops: a few hundred that look like real use; got none"
        )


def _deploy(network: nn.Module, spec: ModelSpec) -> Deploy:
    try:
        from engines.compiling.deploy import Deploy
    except ImportError as e:
        raise MissingExtra("building an engine", "train") from e
    deploy = Deploy(network, spec)
    try:
        shape = parity.eager(deploy, parity.fixed_samples(spec, 1)).probabilities.shape
    except Exception as e:  # the network's own code runs here: its errors can be of any type
        raise BuildError(f"{spec.name} cannot be run: {type(e).__name__}: {e}") from e
    expected = (1, spec.size_px, spec.size_px, len(spec.labels))
    if shape != expected:
        raise BuildError(f"{spec.name} returns values of shape {shape} (N, H, W, labels); its spec expects {expected}")
    return deploy


def _estimate(deploy: Deploy, spec: ModelSpec, calibration: U8 | None, samples: U8 | None) -> float:
    """Seconds that a build may take, from what the network itself takes here."""
    crop = parity.fixed_samples(spec, 1)
    started = time.perf_counter()
    parity.eager(deploy, crop)
    each = time.perf_counter() - started
    compared = parity.SAMPLES if samples is None else len(samples)
    calibrated = 0 if calibration is None else len(calibration)
    return _GRAPH_SECONDS + each * (compared + _CALIBRATION_COST * calibrated)


def _export(deploy: Deploy, build_spec: BuildSpec, calibration: U8 | None, folder: Path) -> Graph:
    backend = get_backend(build_spec.backend)
    try:
        with warnings.catch_warnings():
            # What torch, openvino and nncf deprecate in one another is nothing that a user could act on.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            return backend.export(deploy, build_spec, calibration, folder)
    except ImportError as e:
        raise MissingExtra(f"building a {backend.name} {build_spec.precision} engine ({e})", backend.extra) from e
    except Exception as e:  # three libraries and the network's own code run here
        raise BuildError(f"{deploy.spec.name} cannot be compiled for {backend.name}: {type(e).__name__}: {e}") from e


def _manifest(
    spec: ModelSpec,
    build_spec: BuildSpec,
    graph: Graph,
    files: dict[str, str],
    calibration: U8 | None,
    checkpoint: tuple[str, str],
) -> Manifest:
    return Manifest(
        spec=spec,
        backend=build_spec.backend,
        flavour=graph.flavour,
        precision=build_spec.precision,
        batch=graph.batch,
        tensors=graph.tensors,
        recipe=graph.recipe,
        files=files,
        checkpoint=checkpoint[0],
        checkpoint_sha256=checkpoint[1],
        versions=versions() | graph.versions,
        host=host(),
        gpu=graph.gpu,
        calibration=_described(calibration),
        parity=_NOT_MEASURED,
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        build_seconds=0.0,
    )


def _compare(folder: Path, manifest: Manifest, deploy: Deploy, samples: U8 | None) -> Parity:
    with open_engine(folder, manifest, None) as engine:
        measured = parity.measure(engine, deploy, parity.fixed_samples(manifest.spec) if samples is None else samples)
    parity.check(measured, manifest.precision)
    return measured


@contextlib.contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """A new folder next to `folder`, which is removed at the end unless it was moved."""
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        unfinished.mkdir(parents=True)
    except OSError as e:
        raise BuildError(f"{folder.parent} cannot be written to ({e.strerror}); choose another folder") from e
    try:
        yield unfinished
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _put_in_place(unfinished: Path, folder: Path) -> None:
    earlier = folder.with_name(f".{folder.name}.{os.getpid()}.earlier")
    if folder.exists():
        folder.replace(earlier)
    unfinished.replace(folder)
    shutil.rmtree(earlier, ignore_errors=True)


def _described(calibration: U8 | None) -> Calibration | None:
    if calibration is None:
        return None
    return Calibration(len(calibration), hashlib.sha256(calibration.tobytes()).hexdigest())


def versions() -> dict[str, str]:
    """Package -> version, of what builds and runs engines here."""
    found = {"python": platform.python_version()}
    for package in ("unveil", *(package for name in BACKENDS for package in get_backend(name).packages)):
        with contextlib.suppress(metadata.PackageNotFoundError):  # a checkout that is not installed has no version
            found[package] = metadata.version(package)
    return found
