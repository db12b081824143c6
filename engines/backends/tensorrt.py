"""Engines on TensorRT: a plan, which is machine code for one kind of GPU.

Its libraries are imported on demand: without a driver the import itself fails.
"""

from __future__ import annotations

from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines import machine
from engines.backends import Device, tensorrt_plan
from engines.backends import torch as torch_backend
from engines.backends.base import Backend
from engines.backends.compatibility import LocalRuntime, plan_differences, refuse
from engines.backends.graph import Graph, graph_problems
from engines.engine import U8, BatchedEngine, Outputs
from engines.errors import EngineDamaged, UsageError
from engines.installation import MissingExtra, install_command
from engines.manifest import INPUT, Manifest
from engines.spec import BuildSpec

if TYPE_CHECKING:
    import torch

    from engines.backends.cuda_call import Launch
    from engines.compiling.deploy import Deploy


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
        installed = tensorrt_plan.flavour()
        if installed is None:
            advice = install_command(self.extra)
            return False, f"TensorRT is not installed; run: {advice} (until then, torch is used on the GPU)"
        try:
            trt = tensorrt_plan.library()
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
        plan = tensorrt_plan.read_plan(folder / tensorrt_plan.PLAN)
        problems = graph_problems(manifest, tensorrt_plan.read_batch(plan), tensorrt_plan.read_tensors(plan))
        if problems:
            raise EngineDamaged(f"{folder / tensorrt_plan.PLAN} is not what its manifest states: {'; '.join(problems)}")
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

    def _infer(self, count: int) -> Outputs:
        assert self._call is not None
        return self._call(self._crops[:count])

    def _release(self) -> None:
        self._call = None


def local_runtime() -> LocalRuntime:
    """What this machine offers. Raises MissingExtra where torch or TensorRT is not installed."""
    trt, gpu, host = tensorrt_plan.library(), tensorrt_plan.gpu_here(), machine.host()
    possible = tuple(precision for precision in BACKEND.precisions if precision != "fp8" or tensorrt_plan.runs_fp8(gpu))
    return LocalRuntime(
        trt.__name__, trt.__version__, possible, host["os"], host["machine"], tensorrt_plan.flavour(), gpu
    )


def _launcher(plan: Any, manifest: Manifest) -> Launch:
    """Queues the plan on the current stream."""
    import torch

    contexts: dict[int, Any] = {}  # one for each number of crops: a CUDA graph depends on its context's state
    _, *tensors = manifest.tensors
    bindings = {ours: binding for binding, ours in tensorrt_plan.BINDINGS.items()}

    def launch(crops: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if len(crops) not in contexts:
            contexts[len(crops)] = plan.create_execution_context()
        context = contexts[len(crops)]
        outputs = {
            tensor.name: torch.empty((len(crops), *tensor.shape[1:]), dtype=getattr(torch, tensor.type), device="cuda")
            for tensor in tensors
        }
        if not context.set_input_shape(INPUT, tuple(crops.shape)):
            raise RuntimeError(f"TensorRT refuses crops of shape {tuple(crops.shape)}")
        for name, memory in {INPUT: crops, **outputs}.items():
            context.set_tensor_address(bindings[name], memory.data_ptr())
        if not context.execute_async_v3(torch.cuda.current_stream().cuda_stream):
            raise RuntimeError("TensorRT could not queue the network")
        return tuple(outputs.values())

    return launch
