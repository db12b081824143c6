"""Convolutions of 8-bit floats, computed as written. What TensorRT makes of them: test_tensorrt.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from engines.backends.fp8 import Fp8Conv2d, rounded_to_fp8, with_fp8
from engines.compiling.deploy import Deploy
from engines.compiling.parity import eager
from engines.zoo import weights
from train import models
from train.calibration import shipped_crops


def test_values_keep_three_bits_and_saturate() -> None:
    x = torch.tensor([0.0, 1.0, 1.06, 1.07, -1.2, 447.0, 500.0, -9e9])
    assert rounded_to_fp8(x, 1.0).tolist() == [0.0, 1.0, 1.0, 1.125, -1.25, 448.0, 448.0, -448.0]
    assert rounded_to_fp8(10 * x, 10.0).tolist() == [0.0, 10.0, 10.0, 11.25, -12.5, 4480.0, 4480.0, -4480.0]
    assert rounded_to_fp8(x.half(), 1.0).dtype == torch.float16


@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_a_convolution_is_that_of_rounded_values(mode: str) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(16, 32, 3, stride=2, padding=1, padding_mode=mode, groups=2)
    x = torch.randn(2, 16, 9, 11)
    made = Fp8Conv2d(conv, float(x.abs().max()))
    rounded = nn.Conv2d(16, 32, 3, stride=2, padding=1, padding_mode=mode, groups=2)
    rounded.load_state_dict(conv.state_dict())
    rounded.weight.data = rounded_to_fp8(conv.weight.data, made.weight_scale)
    with torch.inference_mode():
        assert torch.equal(made(x), rounded(rounded_to_fp8(x, made.x_scale)))
        assert 0.005 < float((made(x) - conv(x)).abs().max()) < 0.2
    assert torch.equal(made.conv.weight, conv.weight), "the caller's stays as it is"


def test_a_convolution_of_nothing_but_zeros_stays_finite() -> None:
    conv = nn.Conv2d(16, 16, 1)
    nn.init.zeros_(conv.weight)
    assert torch.isfinite(Fp8Conv2d(conv, 0.0)(torch.ones(1, 16, 4, 4))).all()


@pytest.mark.parametrize("name", ["consensus-lite", "parts"])
def test_a_network_says_almost_the_same(name: str) -> None:
    network, spec = models.restore(weights(name))
    crops = shipped_crops(spec)
    deploy = Deploy(models.for_inference(network), spec)
    made = with_fp8(deploy.at("fp8"), crops[:16])
    kinds = [type(module) for module in made.network.modules()]
    assert kinds.count(Fp8Conv2d) > 0.8 * kinds.count(nn.Conv2d), "each holds one"
    assert not any(isinstance(module, Fp8Conv2d) for module in deploy.network.modules())
    held = crops[-8:]
    expected, got = eager(deploy, held), eager(made, held)
    assert float((expected.labels == got.labels).mean()) > 0.99
    assert np.abs(expected.probabilities.astype(int) - got.probabilities).mean() < 1.5
