"""How well a compiled engine agrees with the network that it was built from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.engine import U8, Engine, Parsed
from engines.errors import BuildError
from engines.manifest import Parity
from engines.spec import ModelSpec, Precision

if TYPE_CHECKING:
    from engines.compiling.deploy import Deploy

SAMPLES = 8
# fp32 may differ by the order of its sums, and by its weights: these are rounded to float16 after BatchNorm is folded
# into them. That changes the mean hardly at all, the rounded probability at an outline by a few steps, and the label
# where two are all but equally likely.
_FP32_MAX_ERROR = 8 / 255
_FP32_MEAN_ERROR = 1e-4
_FP32_AGREEMENT = 0.999
_FP32_PRESENCE_ERROR = 0.01


def measure(engine: Engine, deploy: Deploy, samples: U8) -> Parity:
    """Compare an engine with the eager float32 network on crops, (N, S, S, 3) uint8."""
    expected, got = eager(deploy, samples), engine(samples)
    error = np.abs(got.probabilities.astype(np.float32) - expected.probabilities) / 255
    agreement = float((got.labels == expected.labels).mean())
    presence_error = None
    if got.presence is not None and expected.presence is not None:
        presence_error = float(np.abs(got.presence - expected.presence).max())
    return Parity(float(error.max()), float(error.mean()), agreement, len(samples), presence_error)


def eager(deploy: Deploy, crops: U8) -> Parsed:
    """Run the network itself, one crop at a time: the reference."""
    import torch

    with torch.inference_mode():
        runs = [deploy(torch.from_numpy(crops[i : i + 1])) for i in range(len(crops))]
    return Parsed.from_outputs(tuple(torch.cat(parts).contiguous().numpy() for parts in zip(*runs, strict=True)))


def check(parity: Parity, precision: Precision) -> None:
    """Raises BuildError where an fp32 engine disagrees. What coarser precisions lose is recorded in the manifest."""
    if precision != "fp32":
        return
    alike = parity.max_error <= _FP32_MAX_ERROR and parity.mean_error <= _FP32_MEAN_ERROR
    alike = alike and (parity.presence_error or 0.0) <= _FP32_PRESENCE_ERROR
    if not alike or parity.pixel_agreement < _FP32_AGREEMENT:
        raise BuildError(
            f"the fp32 engine disagrees with its network: probability error up to {parity.max_error:.4f}, "
            f"{parity.mean_error:.5f} in the mean (at most {_FP32_MAX_ERROR:.4f} and "
            f"{_FP32_MEAN_ERROR:.5f} expected), same label on {parity.pixel_agreement:.2%} of the pixels "
            f"(at least {_FP32_AGREEMENT:.1%} expected){_presence_text(parity)}; an operator of the network may be "
            "compiled wrongly"
        )


def _presence_text(parity: Parity) -> str:
    if parity.presence_error is None:
        return ""
    return f", presence error up to {parity.presence_error:.4f} (at most {_FP32_PRESENCE_ERROR:.4f} expected)"


def fixed_samples(spec: ModelSpec, count: int = SAMPLES) -> U8:
    """The same smooth coloured crops each time, for builders that have no pictures at hand: (count, S, S, 3) uint8."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0 : spec.size_px, 0 : spec.size_px] / spec.size_px
    frequency, phase = rng.uniform(1, 12, (2, count, 1, 1, 3)), rng.uniform(0, 2 * np.pi, (count, 1, 1, 3))
    waves = np.sin(frequency[0] * x[None, :, :, None] + frequency[1] * y[None, :, :, None] + phase)
    return (127.5 + 127.5 * waves).round().astype(np.uint8)
