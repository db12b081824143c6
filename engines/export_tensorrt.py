"""A network as a TensorRT plan, through torch-tensorrt. Needs both, and an NVIDIA GPU to build for.

torch-tensorrt takes precision from the module's own types, and the best batch from the example that it is exported
with; what became of both is read back from the plan.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch

from engines import backend_tensorrt as tensorrt
from engines import export_torch
from engines.deploy import Deploy
from engines.errors import BuildError
from engines.graph import Graph, differences, tensors_of
from engines.manifest import INPUT
from engines.spec import Batch, BuildSpec, ModelSpec


def write(deploy: Deploy, spec: ModelSpec, build_spec: BuildSpec, folder: Path) -> Graph:
    """Write the plan into `folder`, as one engine for every operator.

    Raises:
        BuildError: no GPU to build for, an operator that TensorRT has not, or another batch or type than asked for.
    """
    gpu = tensorrt.gpu_here()
    if gpu is None:
        raise BuildError("a TensorRT engine is built on the GPU that is to run it, and none can be used here")
    flavour = tensorrt.flavour()
    recipe = {"tf32": False, "operators": "all in one engine"} | _compatibility(build_spec, flavour)
    timings = folder / "timings.cache"  # torch-tensorrt's own place is one for all users of the machine
    plan = _serialized(deploy, spec, build_spec, recipe, timings)
    timings.unlink(missing_ok=True)
    (folder / tensorrt.PLAN).write_bytes(plan)
    read = tensorrt.read_plan(folder / tensorrt.PLAN)
    batch, tensors = tensorrt.read_batch(read), tensorrt.read_tensors(read)
    problems = differences(batch, tensors, build_spec.batch, tensors_of(spec, build_spec.batch), "asked for was")
    if problems:
        raise BuildError(f"{spec.name} was compiled into something else: {'; '.join(problems)}")
    trt = tensorrt.library()
    return Graph((tensorrt.PLAN,), batch, tensors, recipe, flavour, gpu, {trt.__name__: trt.__version__})


def _compatibility(build_spec: BuildSpec, flavour: str | None) -> dict[str, Any]:
    if not build_spec.compatible:
        return {}
    if flavour == "rtx":
        raise BuildError("plans of TensorRT for RTX are compatible by themselves; leave --compatible out")
    return {"hardware_compatibility": "ampere+"}


def _serialized(deploy: Deploy, spec: ModelSpec, build_spec: BuildSpec, recipe: dict[str, Any], timings: Path) -> bytes:
    import torch_tensorrt

    _teach_bytes()
    plan: bytes = torch_tensorrt.dynamo.convert_exported_program_to_serialized_trt_engine(
        export_torch.program(deploy, spec, build_spec.batch),
        arg_inputs=[_range(spec, build_spec.batch)],
        require_full_compilation=True,
        min_block_size=1,
        disable_tf32=not recipe["tf32"],
        immutable_weights=True,
        timing_cache_path=str(timings),
        hardware_compatible="hardware_compatibility" in recipe,
    )
    return plan


def _range(spec: ModelSpec, batch: Batch) -> Any:
    import torch_tensorrt

    crop = (spec.size_px, spec.size_px, 3)
    if batch.static:
        return torch_tensorrt.Input(shape=(batch.opt, *crop), dtype=torch.uint8, name=INPUT)
    return torch_tensorrt.Input(
        min_shape=(batch.min, *crop), opt_shape=(batch.opt, *crop), max_shape=(batch.max, *crop),
        dtype=torch.uint8, name=INPUT,
    )  # fmt: skip


@cache
def _teach_bytes() -> None:
    """torch-tensorrt knows no cast to uint8, TensorRT does: at an output."""
    from torch_tensorrt.dynamo.conversion import ConverterPriority, dynamo_tensorrt_converter

    bytes_type = tensorrt.library().uint8

    @dynamo_tensorrt_converter(
        torch.ops.aten._to_copy.default,
        capability_validator=lambda node, _: node.kwargs.get("dtype") is torch.uint8,
        priority=ConverterPriority.HIGH,
        supports_dynamic_shapes=True,
    )
    def to_bytes(ctx: Any, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> Any:
        layer = ctx.net.add_cast(args[0], bytes_type)
        layer.name = name
        return layer.get_output(0)
