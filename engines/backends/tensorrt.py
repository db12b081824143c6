"""Engines on TensorRT: a plan, which is machine code for one kind of GPU.

Its libraries are imported on demand: without a driver the import itself fails.
"""

from __future__ import annotations

from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from engines import machine
from engines.backends import Device
from engines.backends import torch as torch_backend
from engines.backends.base import Backend
from engines.backends.compatibility import LocalRuntime, plan_differences, refuse
from engines.backends.graph import Graph, graph_problems
from engines.engine import U8, BatchedEngine
from engines.errors import EngineDamaged, UsageError
from engines.installation import MissingExtra, install_command
from engines.manifest import INPUT, OUTPUTS, Gpu, Manifest, TensorInfo
from engines.spec import Batch, BuildSpec

if TYPE_CHECKING:
    import torch

    from engines.backends.cuda_call import Launch
    from engines.compiling.deploy import Deploy

PLAN = "model.plan"
_FP8_FROM = 8.9  # compute capability of Ada; Hopper has 9.0
LIBRARIES = {"stock": "tensorrt", "rtx": "tensorrt_rtx"}
"""The package of each flavour, the one for all GPUs first."""
_BINDINGS = {INPUT: INPUT} | {f"output{index}": name for index, name in enumerate(OUTPUTS)}
"""torch-tensorrt's names of the input and the outputs (2.13 takes no others) -> ours."""


class TensorRt(Backend):
    """TensorRT on an NVIDIA GPU: the stock library or TensorRT for RTX, whichever is installed."""

    name = "tensorrt"
    devices = ("cuda",)
    precisions = ("fp32", "fp16", "bf16", "fp8")
    packages = ("tensorrt", "tensorrt_rtx", "torch-tensorrt", "torch-tensorrt-rtx")
    extra = "tensorrt"
    other_devices = True

    def available(self, device: Device) -> tuple[bool, str]:
        available, detail = torch_backend.BACKEND.available("cuda")
        if not available:
            return False, detail
        installed = flavour()
        if installed is None:
            advice = install_command(self.extra)
            return False, f"TensorRT is not installed; run: {advice} (until then, torch is used on the GPU)"
        try:
            trt = library()
        except MissingExtra as e:
            return False, str(e)
        if util.find_spec("torch_tensorrt") is None:
            advice = install_command(self.extra)
            return False, f"torch-tensorrt, which builds engines, is not installed; run: {advice}"
        return True, f"{trt.__name__} {trt.__version__} ({installed}), {detail}"

    def check_request(self, build_spec: BuildSpec) -> None:
        super().check_request(build_spec)
        if build_spec.compatible and build_spec.precision == "fp8":
            raise UsageError(
                "--compatible is for GPUs from Ampere on, which has no fp8; expected fp16, or fp8 without it"
            )

    def export(self, deploy: Deploy, build_spec: BuildSpec, calibration: U8 | None, folder: Path) -> Graph:
        from engines.backends import tensorrt_export

        return tensorrt_export.write(deploy.at(build_spec.precision), build_spec, calibration, folder)

    def load(self, folder: Path, manifest: Manifest, name: str, threads: int | None) -> TensorRtEngine:
        refuse(name, plan_differences(manifest, local_runtime()))
        plan = read_plan(folder / PLAN)
        problems = graph_problems(manifest, read_batch(plan), read_tensors(plan))
        if problems:
            raise EngineDamaged(f"{folder / PLAN} is not what its manifest states: {'; '.join(problems)}")
        engine = TensorRtEngine(manifest, name, plan)
        engine._infer(manifest.batch.max)
        return engine


BACKEND = TensorRt()


class TensorRtEngine(BatchedEngine):
    """An engine on an NVIDIA GPU."""

    def __init__(self, manifest: Manifest, name: str, plan: Any) -> None:
        import torch

        from engines.backends.cuda_call import CudaCall

        gpu = torch.cuda.get_device_name()
        super().__init__(manifest, name, f"TensorRT ({manifest.flavour}) {manifest.precision}, {gpu}")
        self._call: CudaCall | None = CudaCall(_launcher(plan, manifest), self._crops.shape)

    def _infer(self, count: int) -> tuple[U8, U8]:
        assert self._call is not None
        return self._call(self._crops[:count])

    def _release(self) -> None:
        self._call = None


def flavour() -> str | None:
    """The flavour that is installed; None where there is none. Imports nothing."""
    # torch-tensorrt for RTX puts a stand-in for "tensorrt" among the modules: that one comes from nowhere.
    found = {name: util.find_spec(package) for name, package in LIBRARIES.items()}
    return next((name for name, spec in found.items() if spec and spec.origin), None)


def library() -> ModuleType:
    """TensorRT's package, of the flavour that is installed. Raises MissingExtra."""
    name = flavour()
    try:
        return import_module(LIBRARIES[name or "stock"])
    except (ImportError, OSError) as e:  # OSError: its own libraries are missing
        raise MissingExtra("a TensorRT engine", "tensorrt-rtx" if name == "rtx" else "tensorrt") from e


def local_runtime() -> LocalRuntime:
    """What this machine offers. Raises MissingExtra where torch or TensorRT is not installed."""
    trt, gpu, host = library(), gpu_here(), machine.host()
    possible = tuple(precision for precision in BACKEND.precisions if precision != "fp8" or runs_fp8(gpu))
    return LocalRuntime(trt.__name__, trt.__version__, possible, host["os"], host["machine"], flavour(), gpu)


def runs_fp8(gpu: Gpu | None) -> bool:
    """Whether a graphics card multiplies 8-bit floats."""
    return gpu is not None and float(gpu.capability) >= _FP8_FROM


def gpu_here() -> Gpu | None:
    """The graphics card that torch can use."""
    try:
        import torch
    except ImportError as e:
        raise MissingExtra("a TensorRT engine", "tensorrt") from e
    if not torch.cuda.is_available():
        return None
    major, minor = torch.cuda.get_device_capability()
    return Gpu(torch.cuda.get_device_name(), f"{major}.{minor}")


def read_plan(path: Path) -> Any:
    """TensorRT's own view of a plan. Raises EngineDamaged where it cannot be read."""
    trt = library()
    plan = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(path.read_bytes())
    if plan is None:
        raise EngineDamaged(f"{path} cannot be read by {trt.__name__} {trt.__version__}; build it again")
    return plan


def read_batch(plan: Any) -> Batch:
    """How many crops a plan takes: its first profile."""
    least, best, most = plan.get_tensor_profile_shape(INPUT, 0)
    return Batch(least[0], best[0], most[0])


def read_tensors(plan: Any) -> tuple[TensorInfo, ...]:
    """The inputs and outputs of a plan."""
    names = [plan.get_tensor_name(index) for index in range(plan.num_io_tensors)]
    return tuple(
        TensorInfo(
            _BINDINGS.get(name, name), tuple(plan.get_tensor_shape(name)), plan.get_tensor_dtype(name).name.lower()
        )
        for name in sorted(names, key=(*_BINDINGS, *names).index)
    )


def _launcher(plan: Any, manifest: Manifest) -> Launch:
    """Queues the plan on the current stream."""
    import torch

    contexts: dict[int, Any] = {}  # one for each number of crops: a CUDA graph depends on its context's state
    shapes = {tensor.name: tensor.shape[1:] for tensor in manifest.tensors}

    def launch(crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if len(crops) not in contexts:
            contexts[len(crops)] = plan.create_execution_context()
        context = contexts[len(crops)]
        labels, probabilities = (
            torch.empty((len(crops), *shapes[name]), dtype=torch.uint8, device="cuda") for name in OUTPUTS
        )
        if not context.set_input_shape(INPUT, tuple(crops.shape)):
            raise RuntimeError(f"TensorRT refuses crops of shape {tuple(crops.shape)}")
        for name, tensor in zip(_BINDINGS, (crops, labels, probabilities), strict=True):
            context.set_tensor_address(name, tensor.data_ptr())
        if not context.execute_async_v3(torch.cuda.current_stream().cuda_stream):
            raise RuntimeError("TensorRT could not queue the network")
        return labels, probabilities

    return launch
