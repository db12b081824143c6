"""Convolutions of 8-bit floats, compared with the format's definition. TensorRT's own: test_tensorrt.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.backends.fp8 import Fp8Conv2d, rounded_to_fp8, with_fp8
from engines.compiling.deploy import Deploy
from engines.compiling.parity import eager
from engines.zoo import weights
from train import models
from train.calibration import shipped_crops

# Every finite value of e4m3 by the definition of the format: a sign, 4 bits of exponent with a bias of 7, 3 bits of
# mantissa, subnormals below 2**-6, and no infinities, whose place is taken by 256 to 448.
E4M3 = np.array(
    sorted(
        sign * (2.0 ** (exponent - 7) * (1 + mantissa / 8) if exponent else 2.0**-6 * mantissa / 8)
        for sign in (-1, 1) for exponent in range(16) for mantissa in range(8) if (exponent, mantissa) != (15, 7)
    )
)  # fmt: skip


def nearest(x: Tensor, scale: float) -> Tensor:
    """The nearest value of the table, at a scale."""
    wanted = x.double().numpy() / scale
    return torch.from_numpy(E4M3[np.abs(wanted[..., None] - E4M3).argmin(-1)] * scale)


def test_values_are_rounded_to_the_nearest_of_the_format_and_saturate() -> None:
    assert (len(np.unique(E4M3)), E4M3.max()) == (253, 448.0)
    x = torch.tensor([0.0, 1.0, 1.06, 1.07, -1.2, 447.0, 500.0, -9e9])
    assert rounded_to_fp8(x, 1.0).tolist() == [0.0, 1.0, 1.0, 1.125, -1.25, 448.0, 448.0, -448.0]
    many = torch.cat([torch.randn(2000) * size for size in (1e-3, 1.0, 300.0)])
    assert torch.equal(rounded_to_fp8(many, 1.0).double(), nearest(many, 1.0))
    assert torch.allclose(rounded_to_fp8(many, 0.3).double(), nearest(many, 0.3), rtol=1e-6)
    assert rounded_to_fp8(x.half(), 1.0).dtype == torch.float16


@pytest.mark.parametrize(("mode", "padding"), [("zeros", "constant"), ("reflect", "reflect")])
def test_a_convolution_multiplies_rounded_values(mode: str, padding: str) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(16, 32, 3, stride=2, padding=1, padding_mode=mode, groups=2)
    x = torch.randn(2, 16, 9, 11)
    made = Fp8Conv2d(conv, float(x.abs().max()))
    # The largest input and the largest weight become 448, the largest value of the format.
    inputs = nearest(F.pad(x, (1, 1, 1, 1), mode=padding), float(x.abs().max()) / 448)
    weight = nearest(conv.weight.detach(), float(conv.weight.detach().abs().max()) / 448)
    with torch.inference_mode():
        expected = F.conv2d(inputs, weight, conv.bias.double(), stride=2, groups=2)
        assert float((made(x) - expected).abs().max()) < 1e-5
        assert 0.005 < float((made(x) - conv(x)).abs().max()) < 0.2, "unrounded values differ"
    assert torch.equal(made.conv.weight, conv.weight), "the caller's stays as it is"


def test_a_convolution_of_nothing_but_zeros_stays_finite() -> None:
    conv = nn.Conv2d(16, 16, 1)
    nn.init.zeros_(conv.weight)
    assert torch.isfinite(Fp8Conv2d(conv, 0.0)(torch.ones(1, 16, 4, 4))).all()


@pytest.mark.parametrize("name", ["consensus-lite", "parts"])
def test_a_network_labels_almost_the_same_pixels(name: str) -> None:
    network, spec = models.restore(weights(name))
    crops = shipped_crops(spec)
    deploy = Deploy(models.for_inference(network), spec)
    made = with_fp8(deploy.at("fp8"), crops[:16])
    kinds = [type(module) for module in made.network.modules()]
    assert kinds.count(Fp8Conv2d) > 0.8 * kinds.count(nn.Conv2d), "each holds one"
    assert not any(isinstance(module, Fp8Conv2d) for module in deploy.network.modules())
    others = crops[-8:]
    expected, got = eager(deploy, others), eager(made, others)
    assert float((expected.labels == got.labels).mean()) > 0.99
    assert np.abs(expected.probabilities.astype(int) - got.probabilities).mean() < 1.5
