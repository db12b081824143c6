"""Does an engine fit this machine? Each difference is named, so that a user knows what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from engines.errors import EngineMismatch
from engines.manifest import Gpu, Manifest
from engines.spec import Precision

_HARDWARE = "hardware_compatibility"  # of a TensorRT recipe: "same", "ampere+"
_AMPERE = (8, 0)


@dataclass(frozen=True)
class Here:
    """What a machine offers to one backend."""

    library: str
    """The package that runs the backend's engines."""
    version: str
    precisions: tuple[Precision, ...]
    """Those that can run here."""
    os: str
    machine: str
    """The processor's architecture."""
    flavour: str | None = None
    """Of TensorRT: the one that is installed."""
    gpu: Gpu | None = None


def check(manifest: Manifest, here: Here) -> None:
    """Raises EngineMismatch where an engine cannot run; the message names each difference."""
    found = differences(manifest, here)
    if found:
        raise EngineMismatch(f"{manifest.spec.name} cannot run here: {'; '.join(found)}; build it on this machine")


def differences(manifest: Manifest, here: Here) -> list[str]:
    """Why an engine cannot run: what it was made for, and what is here."""
    found = []
    if manifest.precision not in here.precisions:
        found.append(f"precision {manifest.precision}, {manifest.backend} runs {', '.join(here.precisions)} here")
    if manifest.backend == "tensorrt":
        return found + _of_tensorrt(manifest, here)
    built_with = manifest.versions.get(here.library, "")
    if release(built_with) > release(here.version):
        found.append(f"built with {here.library} {built_with}, older {here.version} is installed here")
    return found


def _of_tensorrt(manifest: Manifest, here: Here) -> list[str]:
    """A plan is machine code for one release, and for one kind of GPU unless it was built for several."""
    found = []
    if manifest.flavour != here.flavour:
        found.append(f"built for TensorRT ({manifest.flavour}), {here.flavour or 'none'} is installed here")
        return found  # their versions cannot be compared
    built_with = manifest.versions.get(here.library, "")
    if built_with != here.version:
        found.append(f"built with {here.library} {built_with}, {here.version} is installed here")
    for what, built_for, is_here in (
        ("operating system", manifest.host.get("os", "unknown"), here.os),
        ("architecture", manifest.host.get("machine", "unknown"), here.machine),
    ):
        if built_for != is_here:
            found.append(f"built for the {what} {built_for}, this is {is_here}")
    return found + _of_gpu(manifest, here.gpu)


def _of_gpu(manifest: Manifest, here: Gpu | None) -> list[str]:
    built_for = manifest.gpu
    if here is None:
        return ["it needs an NVIDIA GPU, none can be used here"]
    if built_for is None:
        return ["its manifest names no GPU"]
    if manifest.recipe.get(_HARDWARE) == "ampere+":
        ours = release(here.capability)
        return [] if ours >= _AMPERE else [f"built for GPUs of 8.0 or later, {here.name} has {here.capability}"]
    found = []
    if built_for.capability != here.capability:
        found.append(f"built for GPU capability {built_for.capability}, this one has {here.capability}")
    if built_for.name != here.name:
        found.append(f"built on {built_for.name}, the GPU here is {here.name}")
    return found


def release(version: str) -> tuple[int, ...]:
    """(first, second) number of a version such as "2026.4.1"; patches do not change a format."""
    numbers = version.split("-")[0].split("+")[0].split(".")[:2]
    return tuple(int(number) for number in numbers if number.isdigit())
