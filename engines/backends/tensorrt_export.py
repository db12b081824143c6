"""A network as a TensorRT plan, through torch-tensorrt. Needs both, and an NVIDIA GPU to build for.

torch-tensorrt takes precision from the module's own types, and the best batch from the example that it is exported
with; what became of both is read back from the plan.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch

from engines.backends import tensorrt_plan
from engines.backends.fp8 import with_fp8
from engines.backends.graph import Graph, differences, tensors_of
from engines.compiling.deploy import Deploy, program
from engines.engine import U8
from engines.errors import BuildError
from engines.manifest import INPUT
from engines.spec import Batch, BuildSpec, ModelSpec


def write(deploy: Deploy, build_spec: BuildSpec, calibration: U8 | None, folder: Path) -> Graph:
    """Write the plan into `folder`, as one engine for every operator, with fp8 where there is calibration.

    Args:
        deploy: the network, at the precision that is asked for.

    Raises:
        BuildError: no GPU to build for, an operator that TensorRT does not have, or another batch or type than asked
            for.
    """
    spec = deploy.spec
    gpu = tensorrt_plan.gpu_here()
    if gpu is None:
        raise BuildError("a TensorRT engine is built on the GPU that is to run it, and none can be used here")
    flavour = tensorrt_plan.flavour()
    recipe = {"tf32": False, "operators": "all in one engine"} | _compatibility(build_spec, flavour)
    if calibration is not None:
        if not tensorrt_plan.runs_fp8(gpu):
            raise BuildError(f"{gpu.name} (capability {gpu.capability}) has no fp8: expected 8.9 or later; use fp16")
        deploy = with_fp8(deploy, calibration)
        recipe["fp8"] = "convolutions of 16n channels, one scale per tensor"
    timings = folder / "timings.cache"  # torch-tensorrt's own place is one for all users of the machine
    plan = _serialized(deploy, build_spec, recipe, timings)
    timings.unlink(missing_ok=True)
    (folder / tensorrt_plan.PLAN).write_bytes(plan)
    read = tensorrt_plan.read_plan(folder / tensorrt_plan.PLAN)
    batch, tensors = tensorrt_plan.read_batch(read), tensorrt_plan.read_tensors(read)
    problems = differences(batch, tensors, build_spec.batch, tensors_of(spec, build_spec.batch), "asked for was")
    if problems:
        raise BuildError(f"{spec.name} was compiled into something else: {'; '.join(problems)}")
    trt = tensorrt_plan.library()
    return Graph((tensorrt_plan.PLAN,), batch, tensors, recipe, flavour, gpu, {trt.__name__: trt.__version__})


def _compatibility(build_spec: BuildSpec, flavour: str | None) -> dict[str, Any]:
    if not build_spec.compatible:
        return {}
    if flavour == "rtx":
        raise BuildError("plans of TensorRT for RTX are compatible by themselves; leave --compatible out")
    return {"hardware_compatibility": "ampere+"}


def _serialized(deploy: Deploy, build_spec: BuildSpec, recipe: dict[str, Any], timings: Path) -> bytes:
    import torch_tensorrt

    _register_bytes()
    _register_fp8()
    plan: bytes = torch_tensorrt.dynamo.convert_exported_program_to_serialized_trt_engine(
        program(deploy, build_spec.batch),
        arg_inputs=[_range(deploy.spec, build_spec.batch)],
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
def _register_bytes() -> None:
    """Register a cast to uint8 with torch-tensorrt, which has none. TensorRT itself can do it at an output."""
    from torch_tensorrt.dynamo.conversion import ConverterPriority, dynamo_tensorrt_converter

    bytes_type = tensorrt_plan.library().uint8

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


@cache
def _register_fp8() -> None:
    """Register `unveil::fp8_conv2d`: a convolution whose inputs are quantised to 8-bit floats and back.

    TensorRT fuses the three into one convolution of 8-bit floats.
    """
    from torch_tensorrt.dynamo.conversion import dynamo_tensorrt_converter
    from torch_tensorrt.dynamo.conversion.converter_utils import get_trt_tensor

    trt = tensorrt_plan.library()

    @dynamo_tensorrt_converter(torch.ops.unveil.fp8_conv2d.default, supports_dynamic_shapes=True)
    def to_fp8_conv2d(ctx: Any, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> Any:
        x, weight, bias, x_scale, weight_scale, stride, padding, dilation, groups = args

        def rounded(tensor: Any, scale: float, what: str) -> Any:
            scales = get_trt_tensor(ctx, torch.tensor(scale), f"{name}_{what}_scale")
            quantised = ctx.net.add_quantize(tensor, scales, trt.fp8)
            back = ctx.net.add_dequantize(quantised.get_output(0), scales, tensor.dtype)
            quantised.name, back.name = f"{name}_{what}_quantise", f"{name}_{what}_dequantise"
            return back.get_output(0)

        kernel = get_trt_tensor(ctx, weight, f"{name}_kernel")
        added = None if bias is None else get_trt_tensor(ctx, bias, f"{name}_bias")
        layer = ctx.net.add_convolution_nd(
            rounded(x, x_scale, "input"), kernel.shape[0], tuple(kernel.shape[2:]), trt.Weights(), trt.Weights()
        )
        layer.set_input(1, rounded(kernel, weight_scale, "kernel"))
        if added is not None:
            layer.set_input(2, added)
        layer.stride_nd, layer.padding_nd, layer.dilation_nd = tuple(stride), tuple(padding), tuple(dilation)
        layer.num_groups, layer.name = groups, name
        return layer.get_output(0)
