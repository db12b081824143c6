"""The backends: what each refuses to load, and what it reports of this machine."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engines import backends, machine
from engines.backends import BackendStatus, tensorrt, tensorrt_plan, torch
from engines.backends.base import Backend
from engines.backends.graph import Graph, tensors_of
from engines.engine import BatchedEngine
from engines.errors import EngineDamaged, EngineMismatch, UsageError
from engines.installation import MissingExtra, install_command
from engines.load import load_engine
from engines.manifest import Manifest, sha256_of
from engines.spec import BuildSpec
from tests.fakes.tiny_network import build_tiny, crops


def change_manifest(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    values = json.loads(path.read_text()) | changes
    values["files"] = {name: sha256_of(folder / name) for name in values["files"]}
    path.write_text(json.dumps(values))


def test_graph_that_is_not_the_manifests_names_each_difference(tiny_engine_copy: Path) -> None:
    spec = json.loads((tiny_engine_copy / "manifest.json").read_text())["spec"]
    change_manifest(tiny_engine_copy, spec=spec | {"size_px": 64, "labels": ["a", "b"]})
    with pytest.raises(EngineDamaged) as caught:
        load_engine(tiny_engine_copy)
    assert "the graph has crops 1x32x32x3 uint8, its spec asks for crops 1x64x64x3 uint8" in str(caught.value)
    assert "the graph has probabilities 1x32x32x3 uint8, its spec asks for probabilities 1x64x64x2 uint8" in str(
        caught.value
    )


def test_graph_that_is_no_graph_is_damaged(tiny_engine_copy: Path) -> None:
    (tiny_engine_copy / "model.xml").write_text("<net")
    change_manifest(tiny_engine_copy)
    with pytest.raises(EngineDamaged, match=r"model\.xml cannot be read"):
        load_engine(tiny_engine_copy)


def test_engine_for_something_else_names_each_difference(tiny_engine_copy: Path) -> None:
    change_manifest(tiny_engine_copy, precision="fp16", versions={"openvino": "2099.1.0"})
    with pytest.raises(
        EngineMismatch, match=r"precision fp16, .*; built with openvino 2099\.1\.0, older .* is installed"
    ):
        load_engine(tiny_engine_copy)


def test_engine_of_an_older_openvino_loads(tiny_engine_copy: Path) -> None:
    change_manifest(tiny_engine_copy, versions={"openvino": "2025.4.1"})
    load_engine(tiny_engine_copy, threads=1).close()


@pytest.fixture
def torch_copy(tiny_engines: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the torch engine that a test may damage."""
    return Path(shutil.copytree(tiny_engines["torch"], tmp_path / "engine"))


def rewrite_archive(folder: Path, change: Callable[[str, bytes], bytes], extra: str | None = None) -> None:
    """Write the archive again with its entries changed, and its manifest to match."""
    with zipfile.ZipFile(folder / "model.pt2") as whole:
        entries = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(folder / "model.pt2", "w") as bad:
        for name, content in entries.items():
            bad.writestr(name, change(name, content))
        if extra:
            bad.writestr(extra, b"code")
    change_manifest(folder)


def test_torch_archive_without_pickles_loads_and_names_no_path(torch_copy: Path) -> None:
    rewrite_archive(torch_copy, lambda name, content: content)
    load_engine(torch_copy, threads=1).close()
    with zipfile.ZipFile(torch_copy / "model.pt2") as archive:
        assert str(Path(__file__).parents[2]) not in archive.read("model/models/model.json").decode()


def test_torch_archive_with_a_pickle_is_never_loaded(torch_copy: Path) -> None:
    rewrite_archive(torch_copy, lambda name, content: pickle.dumps(("x",)) if name.endswith(".pt") else content)
    with pytest.raises(EngineDamaged, match=r"never loaded, pickles or code: model/data/sample_inputs/model\.pt"):
        load_engine(torch_copy)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (b'"use_pickle": false', b'"use_pickle": true'),
        (b'"path_name": "weight_0"', b'"path_name": "custom_obj_0"'),
    ],
)
def test_torch_archive_that_asks_for_unpickling_is_never_loaded(torch_copy: Path, ours: bytes, theirs: bytes) -> None:
    rewrite_archive(torch_copy, lambda name, content: content.replace(ours, theirs))
    with pytest.raises(EngineDamaged, match="never loaded, pickles or code"):
        load_engine(torch_copy)


@pytest.mark.parametrize("extra", ["model/data/aotinductor/model/a.so", "model/data/weights/model.pt", "model/extra/x"])
def test_torch_archive_with_unknown_entries_is_never_loaded(torch_copy: Path, extra: str) -> None:
    rewrite_archive(torch_copy, lambda name, content: content, extra)
    with pytest.raises(EngineDamaged, match=f"never loaded, pickles or code: {extra}"):
        load_engine(torch_copy)


def test_torch_archive_with_two_entries_of_one_name_is_never_loaded(torch_copy: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        rewrite_archive(torch_copy, lambda name, content: content, "model/data/weights/weight_0")
    with pytest.raises(EngineDamaged, match="never loaded, pickles or code: model/data/weights/weight_0"):
        load_engine(torch_copy)


def test_torch_archive_that_is_no_archive_is_damaged(torch_copy: Path) -> None:
    (torch_copy / "model.pt2").write_bytes(b"not a zip")
    change_manifest(torch_copy)
    with pytest.raises(EngineDamaged, match=r"model\.pt2 cannot be read"):
        load_engine(torch_copy)


def test_torch_engine_without_torch_names_the_extra(
    tiny_engines: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=re.escape(install_command("train"))):
        load_engine(tiny_engines["torch"])


def test_every_backend_says_whether_and_why() -> None:
    found = {status.name: status for status in backends.statuses()}
    assert list(found) == ["tensorrt", "torch-cuda", "openvino", "torch-cpu"]
    assert [status.name for status in found.values() if status.required] == ["openvino"]
    assert found["openvino"].available and "int8" in found["openvino"].detail
    assert found["tensorrt"].available or found["tensorrt"].detail
    assert all(status.detail for status in found.values())


def test_a_new_backend_is_a_file_and_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A toy whose engines see a face everywhere: built, loaded and reported as any other."""

    class AllFace(BatchedEngine):
        def _infer(self, count: int) -> tuple[np.ndarray, np.ndarray]:
            one_hot = np.zeros((count, 32, 32, 3), np.uint8)
            one_hot[..., 1] = 255
            return one_hot.argmax(3).astype(np.uint8), one_hot

        def _release(self) -> None: ...

    class Toy(Backend):
        name, devices, precisions, packages, extra = "toy", ("cpu",), ("fp16",), (), "train"

        def available(self, device: backends.Device) -> tuple[bool, str]:
            return True, "a toy"

        def export(self, deploy: Any, build_spec: BuildSpec, calibration: Any, folder: Path) -> Graph:
            (folder / "toy").write_text("face")
            return Graph(("toy",), build_spec.batch, tensors_of(deploy.spec, build_spec.batch))

        def load(self, folder: Path, manifest: Manifest, name: str, threads: int | None) -> AllFace:
            return AllFace(manifest, name, "a toy")

    monkeypatch.setitem(backends.BACKENDS, "toy", "paper")
    monkeypatch.setitem(sys.modules, "engines.backends.toy", SimpleNamespace(BACKEND=Toy()))
    build_tiny(tmp_path / "toy", "fp16", "toy", "1:2:4")
    with load_engine(tmp_path / "toy") as engine:
        assert engine.description == f"{tmp_path / 'toy'} (architecture tiny), a toy"
        assert (engine(crops(5)).labels == 1).all()
    assert BackendStatus("toy", True, "a toy") in backends.statuses()
    with pytest.raises(UsageError, match="toy engines are fp16; got int8"):
        build_tiny(tmp_path / "other", "int8", "toy")


def test_an_engine_of_a_backend_that_this_version_does_not_have_is_refused(tiny_engine_copy: Path) -> None:
    change_manifest(tiny_engine_copy, backend="abacus")
    with pytest.raises(EngineMismatch, match="is for the backend 'abacus'; this version has tensorrt, openvino, torch"):
        load_engine(tiny_engine_copy)


def test_missing_backend_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(torch.util, "find_spec", lambda name: None)
    assert not backends.get_backend("openvino").available("cpu")[0]
    assert install_command("train") in backends.get_backend("torch").available("cpu")[1]


def test_unknown_backend_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'abacus' is unknown; expected one of tensorrt, openvino, torch"):
        backends.get_backend("abacus")


@pytest.mark.parametrize(
    ("gpu", "runs", "said"),
    [
        (False, (), "no NVIDIA GPU is visible here"),
        (True, (), "an NVIDIA GPU is here, but no driver"),
        (True, ("torch",), "an NVIDIA GPU is here: unveil compile --backend torch makes"),
        (True, ("torch", "tensorrt"), "an NVIDIA GPU is here: unveil compile --backend tensorrt makes"),
    ],
)
def test_a_gpu_is_never_silently_ignored(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, runs: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr(backends, "nvidia_gpu", lambda: gpu)
    for backend in backends.backends_on("cuda"):
        monkeypatch.setattr(backend, "available", lambda _, name=backend.name: (name in runs, "no driver"))
    assert said in backends.why_not_faster()


@pytest.mark.parametrize(
    ("torch_cuda", "flavour", "said"),
    [
        ((False, "no card"), "rtx", "no card"),
        ((True, "a card"), None, "TensorRT is not installed; run: .*(install|setup).*tensorrt"),
        ((True, "a card"), "rtx", "needs the extra 'tensorrt-rtx'"),
    ],
)
def test_why_there_is_no_tensorrt_is_said(
    monkeypatch: pytest.MonkeyPatch, torch_cuda: tuple[bool, str], flavour: str | None, said: str
) -> None:
    monkeypatch.setattr(torch.BACKEND, "available", lambda device: torch_cuda)
    monkeypatch.setattr(tensorrt_plan, "flavour", lambda: flavour)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    available, detail = tensorrt.BACKEND.available("cuda")
    assert not available and re.search(said, detail)


@pytest.mark.parametrize(("cores", "quota", "threads"), [(1, 4, 1), (2, 4, 2), (64, 4, 4), (64, 2, 2)])
def test_default_threads_fit_cores_and_quota(
    monkeypatch: pytest.MonkeyPatch, cores: int, quota: int, threads: int
) -> None:
    monkeypatch.setattr(machine, "physical_cores", lambda: cores)
    monkeypatch.setattr(machine, "_quota_cores", lambda: quota)
    assert machine.default_threads() == threads


@pytest.mark.parametrize(
    ("written", "cores"), [("max 100000", 4), ("150000 100000", 1), ("50000 100000", 1), (None, 4)]
)
def test_container_quota_is_read(monkeypatch: pytest.MonkeyPatch, written: str | None, cores: int) -> None:
    monkeypatch.setattr(machine, "_lines", lambda path: [] if written is None else [written])
    assert machine._quota_cores() == cores


@pytest.mark.parametrize(("work", "int8", "in_float"), [(0, 1, 1), (0.5e9, 1, 2), (3.1e9, 2, 4), (1e12, 4, 4)])
def test_a_call_gets_no_more_threads_than_it_has_work_for(
    monkeypatch: pytest.MonkeyPatch, work: float, int8: int, in_float: int
) -> None:
    monkeypatch.setattr(machine, "default_threads", lambda: 4)
    assert machine.threads_for(work, int8=True) == int8
    assert machine.threads_for(work, int8=False) == in_float


def test_multiply_adds_are_those_of_the_networks_convolutions() -> None:
    import openvino

    from engines.backends.openvino import multiply_adds
    from engines.zoo import engine_folder

    opset = openvino.opset13
    pixels = opset.parameter([2, 4, 10, 12], np.float32)  # [N, C, H, W]
    plain = opset.convolution(pixels, np.zeros((6, 4, 3, 3), np.float32), [2, 2], [1, 1], [1, 1], [1, 1])
    grouped = opset.group_convolution(plain, np.zeros((6, 1, 1, 3, 3), np.float32), [1, 1], [1, 1], [1, 1], [1, 1])
    enlarged = opset.convolution_backprop_data(grouped, np.zeros((6, 5, 2, 2), np.float32), [2, 2])
    network = openvino.Model([enlarged], [pixels])
    expected = 2 * 5 * 6 * 6 * (4 * 9) + 2 * 5 * 6 * 6 * 9 + 2 * 5 * 6 * 6 * (5 * 4)
    assert multiply_adds(network) == expected
    large, small = (openvino.Core().read_model(engine_folder(name, "int8") / "model.xml")
                    for name in ("consensus", "consensus-lite"))  # fmt: skip
    assert multiply_adds(large) > 10 * multiply_adds(small) > 1e9


def test_two_threads_of_a_core_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(machine, "_core_of", lambda cpu: f"{cpu % 2},{cpu % 2 + 2}")
    assert machine.physical_cores() == 2


def test_host_is_described() -> None:
    assert all(machine.host()[field] for field in ("os", "machine", "cpu"))
