"""TensorRT itself: which flavour is installed, the GPU that it would use, and its plans as it reads them.

Its libraries are imported on demand: without a driver the import itself fails.
"""

from __future__ import annotations

from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import Any

from engines.errors import EngineDamaged
from engines.installation import MissingExtra
from engines.manifest import INPUT, OUTPUTS, Gpu, TensorInfo
from engines.spec import Batch

PLAN = "model.plan"
_FP8_FROM = 8.9  # compute capability of Ada; Hopper has 9.0
LIBRARIES = {"stock": "tensorrt", "rtx": "tensorrt_rtx"}
"""The package of each flavour, the one for all GPUs first."""
_TYPES = {"float": "float32"}
BINDINGS = {INPUT: INPUT} | {f"output{index}": name for index, name in enumerate(OUTPUTS)}
"""torch-tensorrt's names of the input and the outputs (2.13 takes no others) -> ours."""


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


def runs_fp8(gpu: Gpu | None) -> bool:
    """Whether a graphics card multiplies 8-bit floats."""
    return gpu is not None and float(gpu.capability) >= _FP8_FROM


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


def _type_of(plan: Any, tensor: str) -> str:
    name: str = plan.get_tensor_dtype(tensor).name.lower()
    return _TYPES.get(name, name)


def read_tensors(plan: Any) -> tuple[TensorInfo, ...]:
    """The inputs and outputs of a plan."""
    names = [plan.get_tensor_name(index) for index in range(plan.num_io_tensors)]
    return tuple(
        TensorInfo(BINDINGS.get(name, name), tuple(plan.get_tensor_shape(name)), _type_of(plan, name))
        for name in sorted(names, key=(*BINDINGS, *names).index)
    )
