"""What a TensorRT network computes, layer by layer in torch, on the types that it names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_TYPES = {
    "FLOAT": torch.float32, "HALF": torch.float16, "BF16": torch.bfloat16, "INT8": torch.int8, "INT32": torch.int32,
    "INT64": torch.int64, "BOOL": torch.bool, "UINT8": torch.uint8, "FP8": torch.float8_e4m3fn,
}  # fmt: skip
_ELEMENTWISE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "SUM": torch.add, "SUB": torch.sub, "PROD": torch.mul, "DIV": torch.div, "POW": torch.pow, "MAX": torch.maximum,
    "MIN": torch.minimum, "EQUAL": torch.eq, "GREATER": torch.gt, "LESS": torch.lt, "AND": torch.logical_and,
    "OR": torch.logical_or, "FLOOR_DIV": lambda a, b: torch.div(a, b, rounding_mode="floor"),
}  # fmt: skip
_UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "ROUND": torch.round, "NEG": torch.neg, "ABS": torch.abs, "EXP": torch.exp, "SQRT": torch.sqrt,
    "RECIP": torch.reciprocal, "NOT": torch.logical_not,
}  # fmt: skip
_ACTIVATIONS: dict[str, Callable[[Tensor, float, float], Tensor]] = {
    "RELU": lambda x, *_: F.relu(x),
    "SIGMOID": lambda x, *_: torch.sigmoid(x),
    "TANH": lambda x, *_: torch.tanh(x),
    "ELU": lambda x, alpha, _: F.elu(x, alpha),
    "LEAKY_RELU": lambda x, alpha, _: F.leaky_relu(x, alpha),
    "CLIP": lambda x, alpha, beta: x.clamp(alpha, beta),
}
_REDUCE: dict[str, Callable[..., Tensor]] = {"SUM": torch.sum, "AVG": torch.mean, "MAX": torch.amax}


class OnTorch:
    """Runs a network definition.

    Args:
        trt: TensorRT's package.
        network: an INetworkDefinition.
        leave_out: a kind of layer ("ACTIVATION") whose first one passes its input on: a control that must be seen.
    """

    def __init__(self, trt: Any, network: Any, leave_out: str = "") -> None:
        self._trt, self._network, self._leave_out = trt, network, leave_out
        self.logits: Tensor | None = None
        """What the last softmax was given."""

    def __call__(self, **inputs: Tensor) -> dict[str, Tensor]:
        """Outputs by name."""
        known = dict(inputs)
        left_out = not self._leave_out
        waiting = [self._network.get_layer(index) for index in range(self._network.num_layers)]
        while waiting:  # layers come in any order
            layer = next(layer for layer in waiting if _needs(layer) <= known.keys())
            waiting.remove(layer)
            kind = layer.type.name
            found = [layer.get_input(i) for i in range(layer.num_inputs)]
            values = [None if tensor is None else known[tensor.name] for tensor in found]
            if kind == self._leave_out and not left_out:
                result, left_out = values[0], True
            else:
                result = self._run(kind, layer, values)
            output = layer.get_output(0)
            expected = _TYPES[output.dtype.name]
            assert result is not None
            assert result.dtype == expected, f"{layer.name} ({kind}) is {result.dtype}, the network says {expected}"
            known[output.name] = result
        assert left_out, f"no {self._leave_out} to leave out"
        outputs = [self._network.get_output(index) for index in range(self._network.num_outputs)]
        return {tensor.name: known[tensor.name] for tensor in outputs}

    def _run(self, kind: str, layer: Any, values: list[Any]) -> Tensor:
        layer.__class__ = getattr(self._trt, _CLASSES[kind])
        run: Callable[[Any, list[Any]], Tensor] = getattr(self, f"_{kind.lower()}")
        return run(layer, values)

    def _constant(self, layer: Any, values: list[Any]) -> Tensor:
        return _weights(layer.weights).reshape(tuple(layer.shape))

    def _cast(self, layer: Any, values: list[Any]) -> Tensor:
        to: Tensor = values[0].to(_TYPES[layer.to_type.name])
        return to

    def _shape(self, layer: Any, values: list[Any]) -> Tensor:
        return torch.tensor(values[0].shape, dtype=torch.int64)

    def _elementwise(self, layer: Any, values: list[Any]) -> Tensor:
        name = layer.op.name
        if name == "DIV" and not values[0].is_floating_point():
            name = "FLOOR_DIV"
        return _ELEMENTWISE[name](*values)

    def _unary(self, layer: Any, values: list[Any]) -> Tensor:
        return _UNARY[layer.op.name](values[0])

    def _activation(self, layer: Any, values: list[Any]) -> Tensor:
        return _ACTIVATIONS[layer.type.name](values[0], layer.alpha, layer.beta)

    def _select(self, layer: Any, values: list[Any]) -> Tensor:
        return torch.where(*values)

    def _concatenation(self, layer: Any, values: list[Any]) -> Tensor:
        return torch.cat(values, dim=layer.axis)

    def _gather(self, layer: Any, values: list[Any]) -> Tensor:
        data, indices = values
        flat = data.index_select(layer.axis, indices.reshape(-1).long())
        shape = (*data.shape[: layer.axis], *indices.shape, *data.shape[layer.axis + 1 :])
        return flat.reshape(shape)

    def _softmax(self, layer: Any, values: list[Any]) -> Tensor:
        self.logits = values[0]
        return torch.softmax(values[0], dim=int(math.log2(layer.axes)))

    def _shuffle(self, layer: Any, values: list[Any]) -> Tensor:
        x = values[0].permute(list(layer.first_transpose)[: values[0].ndim])
        shape = values[1].tolist() if len(values) > 1 else _dims(layer.reshape_dims)
        if shape is not None:
            shape = [x.shape[i] if side == 0 and layer.zero_is_placeholder else side for i, side in enumerate(shape)]
            x = x.reshape(shape)
        turned: Tensor = x.permute(list(layer.second_transpose)[: x.ndim])
        return turned

    def _unsqueeze(self, layer: Any, values: list[Any]) -> Tensor:
        x = values[0]
        for axis in sorted(values[1].reshape(-1).tolist()):
            x = x.unsqueeze(axis)
        return torch.as_tensor(x)

    def _slice(self, layer: Any, values: list[Any]) -> Tensor:
        x = values[0]
        start, shape, stride = (
            values[i].tolist() if len(values) > i and values[i] is not None else list(given)
            for i, given in ((1, layer.start), (2, layer.shape), (3, layer.stride))
        )
        for axis, (first, count, step) in enumerate(zip(start, shape, stride, strict=True)):
            at = torch.arange(count) * step + first
            size, mode = x.shape[axis], layer.mode.name
            outside = (at < 0) | (at >= size)
            if mode == "REFLECT":
                at = at.abs()
                at = torch.where(at >= size, 2 * (size - 1) - at, at)
            elif mode == "CLAMP" or mode == "FILL":
                at = at.clamp(0, size - 1)
            x = x.index_select(axis, at)
            if mode == "FILL" and bool(outside.any()):
                view = [1] * x.ndim
                view[axis] = count
                fill = values[4].item() if len(values) > 4 and values[4] is not None else 0
                x = torch.where(outside.view(view), torch.tensor(fill, dtype=x.dtype), x)
        return torch.as_tensor(x)

    def _scale(self, layer: Any, values: list[Any]) -> Tensor:
        x = values[0]
        view = [1] * x.ndim
        view[layer.channel_axis] = -1
        for weights, apply in ((layer.scale, torch.mul), (layer.shift, torch.add)):
            part = _weights(weights)
            if part.numel():
                x = apply(x, part.to(x.dtype).view(view))
        assert not _weights(layer.power).numel() or bool((_weights(layer.power) == 1).all())
        return torch.as_tensor(x)

    def _convolution(self, layer: Any, values: list[Any]) -> Tensor:
        x, kernel, bias = _conv_parts(layer, values, x_first=False)
        x = F.pad(x, _pads(layer))
        return F.conv2d(x, kernel, bias, list(layer.stride_nd), 0, list(layer.dilation_nd), layer.num_groups)

    def _deconvolution(self, layer: Any, values: list[Any]) -> Tensor:
        x, kernel, bias = _conv_parts(layer, values, x_first=True)
        whole = F.conv_transpose2d(
            x, kernel, bias, list(layer.stride_nd), 0, 0, layer.num_groups, list(layer.dilation_nd)
        )
        left, right, top, bottom = _pads(layer)
        return whole[:, :, top : whole.shape[2] - bottom, left : whole.shape[3] - right]

    def _quantize(self, layer: Any, values: list[Any]) -> Tensor:
        x, scale = values[:2]
        return (x.float() / scale).clamp(-448, 448).to(torch.float8_e4m3fn)

    def _dequantize(self, layer: Any, values: list[Any]) -> Tensor:
        x, scale = values[:2]
        back: Tensor = (x.float() * scale).to(_TYPES[layer.get_output(0).dtype.name])
        return back

    def _pooling(self, layer: Any, values: list[Any]) -> Tensor:
        window, stride, pads = list(layer.window_size_nd), list(layer.stride_nd), _pads(layer)
        if layer.type.name == "MAX":
            return F.max_pool2d(F.pad(values[0], pads, value=-math.inf), window, stride)
        assert not any(pads), "average pooling with padding is not written here"
        return F.avg_pool2d(values[0], window, stride)

    def _reduce(self, layer: Any, values: list[Any]) -> Tensor:
        axes = [axis for axis in range(values[0].ndim) if layer.axes >> axis & 1]
        return _REDUCE[layer.op.name](values[0], dim=axes, keepdim=layer.keep_dims)

    def _matrix_multiply(self, layer: Any, values: list[Any]) -> Tensor:
        a, b = (
            value.transpose(-1, -2) if op.name == "TRANSPOSE" else value
            for value, op in zip(values, (layer.op0, layer.op1), strict=True)
        )
        return torch.matmul(a, b)

    def _resize(self, layer: Any, values: list[Any]) -> Tensor:
        x = values[0]
        shape = values[1].tolist() if len(values) > 1 and values[1] is not None else _dims(layer.shape)
        if shape is None:
            shape = [round(side * scale) for side, scale in zip(x.shape, layer.scales, strict=True)]
        if layer.resize_mode.name == "NEAREST":
            assert (layer.coordinate_transformation.name, layer.nearest_rounding.name) == ("ASYMMETRIC", "FLOOR")
            return F.interpolate(x, shape[2:], mode="nearest")
        corners = {"ALIGN_CORNERS": True, "HALF_PIXEL": False}[layer.coordinate_transformation.name]
        return F.interpolate(x, shape[2:], mode="bilinear", align_corners=corners)


_CLASSES = {
    "CONSTANT": "IConstantLayer", "CAST": "ICastLayer", "SHAPE": "IShapeLayer", "ELEMENTWISE": "IElementWiseLayer",
    "UNARY": "IUnaryLayer", "ACTIVATION": "IActivationLayer", "SELECT": "ISelectLayer", "SLICE": "ISliceLayer",
    "CONCATENATION": "IConcatenationLayer", "GATHER": "IGatherLayer", "SOFTMAX": "ISoftMaxLayer",
    "SHUFFLE": "IShuffleLayer", "UNSQUEEZE": "IUnsqueezeLayer", "SCALE": "IScaleLayer", "RESIZE": "IResizeLayer",
    "CONVOLUTION": "IConvolutionLayer", "DECONVOLUTION": "IDeconvolutionLayer", "POOLING": "IPoolingLayer",
    "QUANTIZE": "IQuantizeLayer", "DEQUANTIZE": "IDequantizeLayer",
    "REDUCE": "IReduceLayer", "MATRIX_MULTIPLY": "IMatrixMultiplyLayer",
}  # fmt: skip


def _needs(layer: Any) -> set[str]:
    inputs = (layer.get_input(i) for i in range(layer.num_inputs))
    return {tensor.name for tensor in inputs if tensor is not None}


def _weights(weights: Any) -> Tensor:
    if not isinstance(weights, np.ndarray):
        weights = weights.numpy()
    return torch.from_numpy(np.array(weights))


def _dims(dims: Any) -> list[int] | None:
    """None where a layer has no shape of its own."""
    try:
        return list(dims) or None
    except (TypeError, ValueError):  # None, or dimensions of a negative number: both are TensorRT's way to say so
        return None


def _pads(layer: Any) -> list[int]:
    """Left, right, top, bottom."""
    assert layer.padding_mode.name in ("EXPLICIT_ROUND_DOWN",), layer.padding_mode
    (top, left), (bottom, right) = layer.pre_padding, layer.post_padding
    return [left, right, top, bottom]


def _conv_parts(layer: Any, values: list[Any], x_first: bool) -> tuple[Tensor, Tensor, Tensor | None]:
    """The input, the kernel as torch has it, and the bias."""
    x = values[0]
    maps, groups = layer.num_output_maps, layer.num_groups
    sides = (x.shape[1], maps // groups) if x_first else (maps, x.shape[1] // groups)
    kernel = values[1] if len(values) > 1 and values[1] is not None else _weights(layer.kernel)
    kernel = kernel.reshape(*sides, *layer.kernel_size_nd)
    bias = values[2] if len(values) > 2 and values[2] is not None else _weights(layer.bias)
    return x, kernel.to(x.dtype), bias.to(x.dtype) if bias.numel() else None
