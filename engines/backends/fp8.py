"""A network whose convolutions multiply 8-bit floats (e4m3), as TensorRT runs them on GPUs from 8.9 on. Needs torch.

Each tensor has one scale, from the largest value that it had on the calibration crops: `x / scale` becomes 8 bits wide
and is multiplied back, in the network's own type. Here that is computed as written; a builder takes each
`unveil::fp8_conv2d` for a convolution between a quantisation and a dequantisation of both its inputs.

nvidia-modelopt does the same, but its 8-bit floats need a CUDA extension that it compiles on first use, on a machine
with a GPU (https://github.com/pytorch/TensorRT/issues/3024). Plans of this project are built and checked without one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.compiling.deploy import Deploy
from engines.engine import U8

MOST = 448.0  # the largest finite e4m3
_CHANNELS = 16  # fewer, or a number between, would be no faster
_LEAST_SCALE = 1e-6


@torch.library.custom_op("unveil::fp8_conv2d", mutates_args=())
def fp8_conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, x_scale: float, weight_scale: float,
    stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], groups: int,
) -> Tensor:  # fmt: skip
    """`F.conv2d` of two tensors that were rounded to 8-bit floats. Only for inference."""
    rounded = rounded_to_fp8(x, x_scale), rounded_to_fp8(weight, weight_scale)
    return F.conv2d(*rounded, bias, list(stride), list(padding), list(dilation), groups)


@fp8_conv2d.register_fake
def _(
    x: Tensor, weight: Tensor, bias: Tensor | None, x_scale: float, weight_scale: float,
    stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], groups: int,
) -> Tensor:  # fmt: skip
    return F.conv2d(x, weight, bias, list(stride), list(padding), list(dilation), groups)


def rounded_to_fp8(x: Tensor, scale: float) -> Tensor:
    """The nearest values that e4m3, with three bits of mantissa, has at a scale. Larger ones become 448 times it."""
    eight_bits = (x.float() / scale).clamp(-MOST, MOST).to(torch.float8_e4m3fn)
    return (eight_bits.float() * scale).to(x.dtype)


class Fp8Conv2d(nn.Module):
    """A convolution by `fp8_conv2d`, with the weights and the padding of another one.

    Args:
        conv: copied.
        largest: the largest absolute value of its inputs on the calibration crops.
    """

    def __init__(self, conv: nn.Conv2d, largest: float) -> None:
        super().__init__()
        self.conv = copy.deepcopy(conv)
        self.x_scale = max(_LEAST_SCALE, largest / MOST)
        self.weight_scale = max(_LEAST_SCALE, float(conv.weight.detach().abs().max()) / MOST)

    def forward(self, x: Tensor) -> Tensor:
        """As the convolution that it was made from."""
        conv, padding = self.conv, cast("tuple[int, int]", self.conv.padding)
        if conv.padding_mode != "zeros":
            mode = conv.padding_mode
            x, padding = F.pad(x, (padding[1], padding[1], padding[0], padding[0]), mode=mode), (0, 0)
        result: Tensor = fp8_conv2d(
            x, conv.weight, conv.bias, self.x_scale, self.weight_scale, conv.stride, padding, conv.dilation, conv.groups
        )
        return result


def with_fp8(deploy: Deploy, calibration: U8) -> Deploy:
    """A copy whose convolutions of 16, 32, 48, ... channels, in and out, take 8-bit floats. The rest stays as it is.

    Args:
        deploy: of half precision.
        calibration: (N, S, S, 3) uint8 RGB crops that look like real use.
    """
    eligible = {
        name: module for name, module in deploy.network.named_modules()
        if isinstance(module, nn.Conv2d) and not isinstance(module.padding, str)
        and module.in_channels % _CHANNELS == 0 and module.out_channels % _CHANNELS == 0
    }  # fmt: skip
    largest = _largest_inputs(deploy.at("fp32"), eligible, calibration)  # half is slow on most CPUs, and overflows
    made = copy.deepcopy(deploy)
    for name, conv in eligible.items():
        parent, _, child = name.rpartition(".")
        made.network.get_submodule(parent).register_module(child, Fp8Conv2d(conv, largest[name]))
    return made.eval().requires_grad_(False)


def _largest_inputs(deploy: Deploy, names: Iterable[str], crops: U8) -> dict[str, float]:
    largest = dict.fromkeys(names, 0.0)

    def watch(name: str) -> Any:
        def seen(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            largest[name] = max(largest[name], float(inputs[0].abs().max()))

        return seen

    with ExitStack() as hooks, torch.inference_mode():
        for name in largest:
            module = deploy.network.get_submodule(name)
            hooks.callback(module.register_forward_pre_hook(watch(name)).remove)
        for crop in crops:
            deploy(torch.from_numpy(crop[None]))
    return largest
