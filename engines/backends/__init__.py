"""The registry of backends: what runs engines, and whether it can run here.

A new backend is a file of this folder that defines `BACKEND`, an `engines.backends.base.Backend`, and a line in
`BACKENDS`. Nothing heavy is imported until a backend is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal, get_args

from engines.errors import UsageError
from engines.machine import nvidia_gpu

if TYPE_CHECKING:
    from engines.backends.base import Backend

BACKENDS = {
    "tensorrt": "NVIDIA GPU",
    "openvino": "CPU",
    "torch": "either, and the reference",
}
"""Name of the backend and of its file -> what it runs on, for help texts. The fastest comes first."""
Device = Literal["cuda", "cpu"]


@dataclass(frozen=True)
class BackendStatus:
    """Whether a backend can run on a device of this machine."""

    name: str
    """The backend; with the device where it runs on both ("torch-cuda")."""
    available: bool
    detail: str
    """What it offers here, or why it cannot run and what to do."""
    required: bool = False
    """Whether every installation must be able to run it."""


def get_backend(name: str) -> Backend:
    """A backend by its name. Raises UsageError where there is none."""
    if name not in BACKENDS:
        raise UsageError(f"backend {name!r} is unknown; expected one of {', '.join(BACKENDS)}")
    backend: Backend = import_module(f"{__name__}.{name}").BACKEND
    return backend


def backends_on(device: Device) -> list[Backend]:
    """The backends that run on a kind of device, whether or not this machine has one. The fastest comes first."""
    return [backend for backend in map(get_backend, BACKENDS) if device in backend.devices]


def statuses() -> list[BackendStatus]:
    """The status of every backend, the fastest first. Imports openvino, and torch where it is installed (seconds)."""
    return [status(backend, device) for device in get_args(Device) for backend in backends_on(device)]


def status(backend: Backend, device: Device) -> BackendStatus:
    """The status of one backend. Imports only what that backend needs."""
    available, detail = backend.available(device)
    name = f"{backend.name}-{device}" if len(backend.devices) > 1 else backend.name
    return BackendStatus(name, available, detail, backend.required)


def why_not_faster() -> str:
    """One line: why the engine runs on the CPU. Imports nothing heavy where there is no GPU."""
    if not nvidia_gpu():
        return "no NVIDIA GPU is visible here"
    reason = ""
    for backend in backends_on("cuda"):
        available, reason = backend.available("cuda")
        if available:
            return f"an NVIDIA GPU is here: unveil compile --backend {backend.name} makes it an engine"
    return f"an NVIDIA GPU is here, but {reason}"
