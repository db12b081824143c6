"""TensorRT on a machine without a GPU: real plans, built for a card that is only named, and read on paper.

A plan is machine code that only its GPU can load. What can be asked of it here: that it is built, from every operator
of the network, with the types and the batches that were asked for; and what the network that TensorRT was handed
computes, layer by layer, in torch (tests/fakes/tensorrt_layers.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch

from engines.backends import tensorrt_plan
from engines.manifest import Gpu

CARD = Gpu("NVIDIA GeForce RTX 4090", "8.9")


@contextmanager
def named_card(available: bool = True) -> Iterator[None]:
    """torch.cuda's questions are answered as for a card; everything else stays as it is."""
    major, minor = (int(number) for number in CARD.capability.split("."))
    properties = SimpleNamespace(
        name=CARD.name, major=major, minor=minor, total_memory=24 << 30, multi_processor_count=128
    )
    answers = {
        "is_available": available, "current_device": 0, "device_count": 1, "get_device_properties": properties,
        "get_device_capability": (major, minor), "get_device_name": CARD.name, "set_device": None, "synchronize": None,
        "mem_get_info": (20 << 30, 24 << 30),
    }  # fmt: skip
    real = {name: getattr(torch.cuda, name) for name in answers}
    for name, answer in answers.items():
        setattr(torch.cuda, name, lambda *_, answer=answer, **__: answer)
    try:
        yield
    finally:
        for name, function in real.items():
            setattr(torch.cuda, name, function)


class OnPaper:
    """What a loaded plan would say of itself, from the network and the profile that it was built from."""

    def __init__(self, plan: bytes, network: Any, profile: Any, weights: list[torch.Tensor]) -> None:
        self.plan, self.network = plan, network
        self._profile = profile
        self._weights = weights  # the network only points at them
        inputs = [network.get_input(index) for index in range(network.num_inputs)]
        outputs = [network.get_output(index) for index in range(network.num_outputs)]
        self._tensors = {tensor.name: tensor for tensor in (*inputs, *outputs)}
        self.num_io_tensors = len(self._tensors)

    def serialize(self) -> bytes:
        return self.plan

    def get_aliased_input_tensor(self, name: str) -> None:
        return None

    def get_tensor_name(self, index: int) -> str:
        return list(self._tensors)[index]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._tensors[name].shape)

    def get_tensor_dtype(self, name: str) -> Any:
        return self._tensors[name].dtype

    def get_tensor_profile_shape(self, name: str, index: int) -> list[tuple[int, ...]]:
        if self._profile is None:
            return [self.get_tensor_shape(name)] * 3
        return [tuple(shape) for shape in self._profile.get_shape(name)]


@contextmanager
def builds_on_paper() -> Iterator[list[OnPaper]]:
    """While this is open, plans that torch-tensorrt builds are not loaded on a GPU: they are in the list, on paper."""
    from torch_tensorrt.dynamo.conversion import _TRTInterpreter as interpreter

    builds: list[OnPaper] = []
    building: list[Any] = []
    configure = interpreter.TRTInterpreter._populate_trt_builder_config
    packages = (
        interpreter.trt,
        tensorrt_plan.library(),
    )  # the first is a stand-in for the second, with names of its own
    real_runtimes = [package.Runtime for package in packages]

    class Runtime:
        def __init__(self, _: Any) -> None: ...

        def deserialize_cuda_engine(self, plan: Any) -> OnPaper:
            content = bytes(memoryview(plan))
            for build in builds:
                if build.plan == content:
                    return build
            builds.append(OnPaper(content, *building))
            return builds[-1]

    def configured(run: Any, *words: Any) -> Any:
        (profile,) = run.optimization_profiles or [None]
        building[:] = [run.ctx.net, profile, list(run.ctx.cpu_weights_reference_holder)]
        return configure(run, *words)

    interpreter.TRTInterpreter._populate_trt_builder_config = configured
    for package in packages:
        package.Runtime = Runtime
    try:
        yield builds
    finally:
        interpreter.TRTInterpreter._populate_trt_builder_config = configure
        for package, real in zip(packages, real_runtimes, strict=True):
            package.Runtime = real
