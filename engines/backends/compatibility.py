"""Whether an engine fits this machine. Each difference is named, so that a user knows what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from engines.errors import EngineMismatch
from engines.manifest import Gpu, Manifest
from engines.spec import Precision

_HARDWARE = "hardware_compatibility"  # in the recipe of a plan: "ampere+", or nothing for one kind of GPU
_AMPERE = (8, 0)


@dataclass(frozen=True)
class LocalRuntime:
    """What this machine offers to one backend."""

    library: str
    """The package that runs the backend's engines."""
    version: str
    precisions: tuple[Precision, ...]
    """The precisions that can run here."""
    os: str
    machine: str
    """The processor's architecture."""
    flavour: str | None = None
    """As in `Manifest.flavour`: the one that is installed."""
    gpu: Gpu | None = None


def refuse(name: str, differences: list[str]) -> None:
    """Raises EngineMismatch naming each difference, where there are any."""
    if differences:
        raise EngineMismatch(f"{name} cannot run here: {'; '.join(differences)}; build it on this machine")


def graph_differences(manifest: Manifest, here: LocalRuntime) -> list[str]:
    """Why an engine whose graph is compiled when it is loaded cannot run here."""
    found = _precision_differences(manifest, here)
    if manifest.flavour != here.flavour:
        return [*found, _flavour_difference(manifest, here)]
    built_with = manifest.versions.get(here.library, "")
    if release(built_with) > release(here.version):
        found.append(f"built with {here.library} {built_with}, older {here.version} is installed here")
    return found


def plan_differences(manifest: Manifest, here: LocalRuntime) -> list[str]:
    """Why a plan cannot run here: it is machine code for one release, and for one kind of GPU unless built for more."""
    found = _precision_differences(manifest, here)
    if manifest.flavour != here.flavour:
        return [*found, _flavour_difference(manifest, here)]  # versions of two libraries cannot be compared
    built_with = manifest.versions.get(here.library, "")
    if built_with != here.version:
        found.append(f"built with {here.library} {built_with}, {here.version} is installed here")
    for what, built_for, is_here in (
        ("operating system", manifest.host.get("os", "unknown"), here.os),
        ("architecture", manifest.host.get("machine", "unknown"), here.machine),
    ):
        if built_for != is_here:
            found.append(f"built for the {what} {built_for}, this is {is_here}")
    return found + _gpu_differences(manifest, here.gpu)


def release(version: str) -> tuple[int, ...]:
    """(first, second) number of a version such as "2026.4.1"; patches do not change a format."""
    numbers = version.split("-")[0].split("+")[0].split(".")[:2]
    return tuple(int(number) for number in numbers if number.isdigit())


def _precision_differences(manifest: Manifest, here: LocalRuntime) -> list[str]:
    if manifest.precision in here.precisions:
        return []
    return [f"precision {manifest.precision}, {manifest.backend} runs {', '.join(here.precisions)} here"]


def _flavour_difference(manifest: Manifest, here: LocalRuntime) -> str:
    return (
        f"built for {manifest.backend} ({manifest.flavour or 'no flavour'}), {here.flavour or 'none'} is installed here"
    )


def _gpu_differences(manifest: Manifest, here: Gpu | None) -> list[str]:
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
