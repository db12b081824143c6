"""The one module that answers for each backend: can it run here? If not, why, and what to do?"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import util

from engines.errors import MissingExtra, UsageError
from engines.machine import nvidia_gpu


@dataclass(frozen=True)
class BackendStatus:
    """Whether a backend can run on this machine."""

    name: str
    available: bool
    detail: str
    """What it offers here, or why it cannot run and what to do."""


def statuses() -> list[BackendStatus]:
    """Every backend, the fastest first. Imports openvino, and torch where it is installed (seconds)."""
    return [status(name) for name in _CHECKS]


def status(name: str) -> BackendStatus:
    """One backend: "tensorrt", "torch-cuda", "openvino" or "torch-cpu". Imports only what that backend needs."""
    if name not in _CHECKS:
        raise UsageError(f"no backend named '{name}'; known backends: {', '.join(_CHECKS)}")
    available, detail = _CHECKS[name]()
    return BackendStatus(name, available, detail)


def why_not_faster() -> str:
    """Why an engine on the CPU is what runs, in one line. Without a GPU nothing heavy is imported."""
    if not nvidia_gpu():
        return "no NVIDIA GPU is visible here"
    for backend in ("tensorrt", "torch-cuda"):
        if status(backend).available:
            return f"an NVIDIA GPU is here: unveil compile --backend {backend.removesuffix('-cuda')} makes it an engine"
    return f"an NVIDIA GPU is here, but {status('torch-cuda').detail}"


def _tensorrt() -> tuple[bool, str]:
    available, detail = _torch_cuda()
    if not available:
        return False, detail
    from engines.backends import tensorrt as backend_tensorrt

    name = backend_tensorrt.flavour()
    if name is None:
        return False, "TensorRT is not installed; run: pip install 'unveil[tensorrt]' (torch is used on the GPU)"
    try:
        trt = backend_tensorrt.library()
    except MissingExtra as e:
        return False, str(e)
    if util.find_spec("torch_tensorrt") is None:
        return False, "torch-tensorrt, which builds its engines, is not installed; run: pip install 'unveil[tensorrt]'"
    return True, f"{trt.__name__} {trt.__version__} ({name}), {detail}"


def _torch_cuda() -> tuple[bool, str]:
    if not nvidia_gpu():
        return False, "no NVIDIA GPU is visible here"
    if util.find_spec("torch") is None:
        return False, "torch is not installed; run: pip install 'unveil[train]'"
    import torch

    if not torch.cuda.is_available():
        return False, f"torch {torch.__version__} cannot use the GPU: install its CUDA build, and check the driver"
    return True, f"torch {torch.__version__}, {torch.cuda.get_device_name()}"


def _openvino() -> tuple[bool, str]:
    try:
        import openvino
    except ImportError as e:
        return False, f"openvino cannot be imported ({e}); run: pip install unveil"
    capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    known = [name for name in ("INT8", "BF16", "FP32") if name in capabilities]
    return True, f"openvino {openvino.__version__.split('-')[0]}, CPU: {', '.join(known).lower()}"


def _torch_cpu() -> tuple[bool, str]:
    if util.find_spec("torch") is None:
        return False, "torch is not installed (only training and building need it); run: pip install 'unveil[train]'"
    import torch

    return True, f"torch {torch.__version__}"


_CHECKS = {"tensorrt": _tensorrt, "torch-cuda": _torch_cuda, "openvino": _openvino, "torch-cpu": _torch_cpu}
