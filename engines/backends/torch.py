"""Engines on torch: the reference, on CUDA where there is a device, else on the CPU. torch is imported on demand.

An engine is an archive of a torch.export program without a single pickle in it.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines import machine
from engines.backends import Device
from engines.backends.base import Backend
from engines.backends.compatibility import LocalRuntime, graph_differences, refuse
from engines.backends.graph import Graph, graph_problems
from engines.engine import U8, BatchedEngine, Outputs
from engines.errors import EngineDamaged
from engines.installation import MissingExtra, install_command
from engines.manifest import INPUT, OUTPUTS, Manifest, TensorInfo
from engines.spec import Batch, BuildSpec

if TYPE_CHECKING:
    import torch

    from engines.compiling.deploy import Deploy

ARCHIVE = "model.pt2"
_RAW = re.compile(r"(weight|tensor)_\d+")
_CONFIGS = ("model/data/weights/model_weights_config.json", "model/data/constants/model_constants_config.json")
_SAMPLE_INPUTS = "model/data/sample_inputs/model.pt"
_HARMLESS = re.compile(
    rf"{'|'.join(map(re.escape, _CONFIGS))}|model/data/(weights|constants)/{_RAW.pattern}|model/models/model\.json"
    r"|model/(archive_format|archive_version|byteorder|\.data/version|\.data/serialization_id)"
)


class Torch(Backend):
    """torch on an NVIDIA GPU, or on the CPU."""

    name = "torch"
    devices = ("cuda", "cpu")
    precisions = ("fp32", "fp16", "bf16")
    packages = ("torch",)
    extra = "train"

    def available(self, device: Device) -> tuple[bool, str]:
        return _cuda_available() if device == "cuda" else _cpu_available()

    def export(self, deploy: Deploy, build_spec: BuildSpec, calibration: U8 | None, folder: Path) -> Graph:
        import torch

        from engines.compiling.deploy import program

        exported = program(deploy.at(build_spec.precision), build_spec.batch)
        exported.example_inputs = None  # the one thing that torch.export.save would pickle
        for node in exported.graph.nodes:
            node.meta.pop("stack_trace", None)  # holds paths of the machine that builds
        torch.export.save(exported, folder / ARCHIVE)
        return Graph((ARCHIVE,), read_batch(exported, build_spec.batch.opt), read_tensors(exported))

    def load(self, folder: Path, manifest: Manifest, name: str, threads: int | None) -> TorchEngine:
        try:
            import torch
        except ImportError as e:
            raise MissingExtra("a torch engine", self.extra) from e
        host = machine.host()
        here = LocalRuntime(self.name, torch.__version__, self.precisions, host["os"], host["machine"])
        refuse(name, graph_differences(manifest, here))
        archive = folder / ARCHIVE
        refuse_pickles(archive)
        threads = threads or machine.default_threads()
        torch.set_num_threads(threads)  # torch has one setting for the whole process
        try:
            program = torch.export.load(archive)
        except (RuntimeError, ValueError, KeyError) as e:
            raise EngineDamaged(f"{archive} cannot be read ({e}); build the engine again") from e
        batch = read_batch(program, manifest.batch.opt)
        problems = graph_problems(manifest, batch, read_tensors(program))
        if problems:
            raise EngineDamaged(f"{archive} is not what its manifest states: {'; '.join(problems)}")
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        engine = TorchEngine(manifest, name, program, device, threads)
        engine._infer(manifest.batch.max)
        return engine


BACKEND = Torch()


class TorchEngine(BatchedEngine):
    """An engine on torch."""

    def __init__(
        self,
        manifest: Manifest,
        name: str,
        program: torch.export.ExportedProgram,
        device: torch.device,
        threads: int,
    ) -> None:
        from torch.export.passes import move_to_device_pass

        on = machine.threads_text(threads)
        if device.type == "cuda":
            import torch

            on = torch.cuda.get_device_name(device)
        super().__init__(manifest, name, f"torch {manifest.precision}, {device.type.upper()}, {on}")
        network: Any = move_to_device_pass(program, device).module()
        self._call: Callable[[U8], Outputs] | None = _on_cpu(network)
        if device.type == "cuda":
            from engines.backends.cuda_call import CudaCall

            self._call = CudaCall(network, self._crops.shape)

    def _infer(self, count: int) -> Outputs:
        assert self._call is not None
        return self._call(self._crops[:count])

    def _release(self) -> None:
        self._call = None


def _cuda_available() -> tuple[bool, str]:
    if not machine.nvidia_gpu():
        return False, "no NVIDIA GPU is visible here"
    if util.find_spec("torch") is None:
        return False, f"torch is not installed; run: {install_command(BACKEND.extra)}"
    import torch

    if not torch.cuda.is_available():
        return False, f"torch {torch.__version__} cannot use the GPU: install its CUDA build, and check the driver"
    return True, f"torch {torch.__version__}, {torch.cuda.get_device_name()}"


def _cpu_available() -> tuple[bool, str]:
    if util.find_spec("torch") is None:
        advice = install_command(BACKEND.extra)
        return False, f"torch is not installed (only training and building need it); run: {advice}"
    import torch

    return True, f"torch {torch.__version__}"


def read_batch(program: torch.export.ExportedProgram, best: int) -> Batch:
    """How many crops a program takes. torch keeps no best number: `best` is taken where it is allowed."""
    first = _crops_of(program).shape[0]
    if isinstance(first, int):
        return Batch(first, first, first)
    (varies,) = program.range_constraints.values()
    least, most = int(varies.lower), int(varies.upper)
    return Batch(least, min(max(best, least), most), most)


def read_tensors(program: torch.export.ExportedProgram) -> tuple[TensorInfo, ...]:
    """The inputs and outputs of a program, in order."""
    (output,) = program.graph.find_nodes(op="output")
    values = (_crops_of(program), *(node.meta["val"] for node in output.args[0]))
    names = (INPUT, *OUTPUTS)[: len(values)]
    return tuple(
        TensorInfo(
            name,
            tuple(side if isinstance(side, int) else -1 for side in value.shape),
            str(value.dtype).removeprefix("torch."),
        )
        for name, value in zip(names, values, strict=True)
    )


def _crops_of(program: torch.export.ExportedProgram) -> torch.Tensor:
    *_, crops = program.graph.find_nodes(op="placeholder")  # parameters come first
    value: torch.Tensor = crops.meta["val"]
    return value


def _on_cpu(network: Any) -> Callable[[U8], Outputs]:
    import torch

    def call(crops: U8) -> Outputs:
        with torch.inference_mode():
            return tuple(output.numpy() for output in network(torch.from_numpy(crops)))

    return call


def refuse_pickles(archive: Path) -> None:
    """Raises EngineDamaged where loading the archive could run code: ours hold JSON and raw numbers only.

    torch.export.load unpickles what an archive marks as pickled, and loads compiled libraries that it finds there.
    """
    try:
        with zipfile.ZipFile(archive) as entries:
            refused = [entry.filename for entry in entries.infolist() if not _is_harmless(entry)]
            # Of two entries with one name, zipfile and torch might not read the same one.
            refused += [name for name, count in Counter(entries.namelist()).items() if count > 1]
            if not refused:
                refused = [name for config in _CONFIGS for name in _pickled(entries.read(config))]
    except (OSError, ValueError, KeyError, AttributeError, zipfile.BadZipFile) as e:
        raise EngineDamaged(f"{archive} cannot be read ({e}); build the engine again") from e
    if refused:
        raise EngineDamaged(f"{archive} holds what is never loaded, pickles or code: {', '.join(refused)}")


def _is_harmless(entry: zipfile.ZipInfo) -> bool:
    if entry.filename == _SAMPLE_INPUTS:  # torch wants the entry, and reads it as a pickle unless it is empty
        return entry.file_size == 0
    return _HARMLESS.fullmatch(entry.filename) is not None


def _pickled(config: bytes) -> list[str]:
    payloads = json.loads(config)["config"].values()
    return [one["path_name"] for one in payloads if one["use_pickle"] or not _RAW.fullmatch(one["path_name"])]
