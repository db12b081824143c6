"""Layers that several networks are built of. A convolution before a BatchNorm has no bias: the norm has one."""

from __future__ import annotations

from torch import Tensor, nn

_LEAK = 0.01


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A convolution without bias whose padding keeps the size (at stride 1)."""
    return nn.Conv2d(inputs, outputs, kernel, stride, dilation * (kernel // 2), dilation, bias=False)


class ConvNorm(nn.Sequential):
    """Convolution and BatchNorm."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> None:
        super().__init__(conv(inputs, outputs, kernel, stride, dilation), nn.BatchNorm2d(outputs))


class ConvNormReLU(ConvNorm):
    """Convolution, BatchNorm and ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, dilation)
        self.append(nn.ReLU())


class ConvNormLeaky(ConvNorm):
    """Convolution, BatchNorm and leaky ReLU: in the place of an in-place activated BatchNorm, which needs CUDA."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1) -> None:
        super().__init__(inputs, outputs, kernel)
        self.append(nn.LeakyReLU(_LEAK))


class Residual(nn.Module):
    """ReLU of the sum of a body and a shortcut, which is the input itself where shapes allow it."""

    def __init__(self, body: nn.Module, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.body = body
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else ConvNorm(inputs, outputs, 1, stride)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.body(x) + self.shortcut(x))


def initialise(network: nn.Module) -> None:
    """Fresh weights for layers before a ReLU: normal, of the scale that keeps the variance of the activations."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv1d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
