"""Each field of a manifest that does not fit this machine is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engines.backends.compatibility import LocalRuntime, graph_differences, plan_differences, refuse
from engines.errors import EngineMismatch
from engines.manifest import Gpu
from tests.engines.test_manifest import MANIFEST

CARD = Gpu("GeForce RTX 4090", "8.9")
ON_CPU = LocalRuntime("openvino", "2026.4.1", ("fp32", "int8"), "Linux", "x86_64")
ON_GPU = LocalRuntime("tensorrt", "10.13.2", ("fp32", "fp16"), "Linux", "x86_64", "stock", CARD)
PLAN = replace(
    MANIFEST,
    backend="tensorrt",
    flavour="stock",
    precision="fp16",
    calibration=None,
    versions={"tensorrt": "10.13.2", "torch": "2.14.1"},
    host={"os": "Linux", "machine": "x86_64", "cpu": "some"},
    gpu=CARD,
)


def test_what_fits_has_no_differences() -> None:
    assert graph_differences(MANIFEST, ON_CPU) == []
    assert plan_differences(PLAN, ON_GPU) == []
    refuse("any", [])


@pytest.mark.parametrize(
    ("changes", "here", "said"),
    [
        ({"precision": "fp8"}, {}, "precision fp8, tensorrt runs fp32, fp16 here"),
        ({"flavour": "rtx"}, {}, r"built for tensorrt \(rtx\), stock is installed here"),
        ({}, {"flavour": None}, r"built for tensorrt \(stock\), none is installed here"),
        ({"versions": {"tensorrt": "10.13.1"}}, {}, r"built with tensorrt 10\.13\.1, 10\.13\.2 is installed"),
        ({"versions": {}}, {}, "built with tensorrt , 10.13.2 is installed"),
        ({"host": PLAN.host | {"os": "Windows"}}, {}, "for the operating system Windows, this is Linux"),
        ({"host": PLAN.host | {"machine": "aarch64"}}, {}, "for the architecture aarch64, this is x86_64"),
        ({"gpu": Gpu("GeForce RTX 4090", "9.0")}, {}, r"for GPU capability 9\.0, this one has 8\.9"),
        ({"gpu": Gpu("L4", "8.9")}, {}, "built on L4, the GPU here is GeForce RTX 4090"),
        ({"gpu": None}, {}, "its manifest names no GPU"),
        ({}, {"gpu": None}, "it needs an NVIDIA GPU, none can be used here"),
    ],
)
def test_each_difference_of_a_plan_is_named(changes: dict[str, Any], here: dict[str, Any], said: str) -> None:
    with pytest.raises(EngineMismatch, match=f"tiny cannot run here: .*{said}.*; build it on this machine"):
        refuse("tiny", plan_differences(replace(PLAN, **changes), replace(ON_GPU, **here)))


def test_all_differences_are_named_at_once() -> None:
    other = replace(PLAN, precision="bf16", versions={"tensorrt": "9.1"}, gpu=Gpu("V100", "7.0"))
    assert len(plan_differences(other, ON_GPU)) == 4


def test_compatible_plans_run_on_newer_gpus() -> None:
    hardware = replace(PLAN, recipe={"hardware_compatibility": "ampere+"}, gpu=Gpu("A100", "8.0"))
    assert plan_differences(hardware, ON_GPU) == []
    assert plan_differences(hardware, replace(ON_GPU, gpu=Gpu("T4", "7.5"))) == [
        "built for GPUs of 8.0 or later, T4 has 7.5"
    ]


@pytest.mark.parametrize(
    ("built_with", "runs"), [("2026.4.9", True), ("2025.1", True), ("2026.5.0", False), ("", True)]
)
def test_a_graph_runs_on_its_own_release_and_later_ones(built_with: str, runs: bool) -> None:
    assert (graph_differences(replace(MANIFEST, versions={"openvino": built_with}), ON_CPU) == []) is runs


def test_a_graph_for_any_machine_asks_for_no_machine() -> None:
    elsewhere = replace(MANIFEST, host={"os": "Windows", "machine": "arm64"})
    assert graph_differences(elsewhere, ON_CPU) == []


def test_a_graph_of_a_flavour_that_its_backend_does_not_have_is_refused() -> None:
    assert graph_differences(replace(MANIFEST, flavour="rtx"), ON_CPU) == [
        "built for openvino (rtx), none is installed here"
    ]
