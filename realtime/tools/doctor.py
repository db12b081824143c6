"""Checks what this machine can do, and why not more. Opens no camera and changes nothing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Literal

from engines import backends, machine, zoo
from engines.errors import EngineError
from engines.installation import install_command
from engines.manifest import read_manifest, verify
from realtime.tools.system_libraries import missing_packages

DEVICES = Path("/dev")
_ENCODERS = (
    ("libx264", "H.264 video: overlay, cutout, blur"),
    ("ffv1", "lossless labels"),
    ("prores_ks", "alpha video that editors read"),
    ("libvpx-vp9", "VP9 video"),
    ("h264_nvenc", "H.264 on an NVIDIA card"),
)
_CPU_FEATURES = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    state: Literal["yes", "no", "info"]
    detail: str
    """What was found; for "no", why not and what to do."""
    needed: bool = False
    """Whether `unveil process` with the default model needs it."""

    @property
    def missed(self) -> bool:
        """Needed, but missing."""
        return self.needed and self.state == "no"


@dataclass(frozen=True)
class Report:
    """The results of all checks, by section."""

    sections: dict[str, tuple[Check, ...]]

    @property
    def ready(self) -> bool:
        """True where nothing that `unveil process` needs is missing."""
        return not any(check.missed for checks in self.sections.values() for check in checks)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        sections = {name: [asdict(check) for check in checks] for name, checks in self.sections.items()}
        return {"ready": self.ready, "sections": sections}


def examine() -> Report:
    """Run all checks. Takes about a second."""
    sections: dict[str, Callable[[], Iterator[Check]]] = {
        "machine": _machine,
        "engines": _engines,
        "models": _models,
        "graphics card": _graphics_card,
        "codecs": _codecs,
        "display and cameras": _display_and_cameras,
        "system libraries": _system_libraries,
        "packages": _packages,
    }
    return Report({name: tuple(checks()) for name, checks in sections.items()})


def _machine() -> Iterator[Check]:
    supported = (3, 11) <= sys.version_info[:2] <= (3, 12)
    wanted = "" if supported else "; expected 3.11 or 3.12 (mediapipe has wheels for no other)"
    yield Check("Python", "yes" if supported else "no", platform.python_version() + wanted, needed=True)
    yield Check("system", "info", platform.platform())
    cores = (
        f"{machine.physical_cores()} cores for this process, {machine.default_threads()} threads for an engine at most"
    )
    yield Check("processor", "info", f"{machine.cpu_name()}; {cores}")
    present = cpu_features()
    fast_int8 = [name for name in present if name.endswith(("vnni", "int8"))]
    slow = "no VNNI or AMX: int8 engines run, but hardly faster than float"
    yield Check("fast int8", "yes" if fast_int8 else "no", ", ".join(fast_int8) or slow)
    yield Check("instructions", "info", ", ".join(present) or "this system does not list them")


def cpu_features() -> list[str]:
    """The processor's instruction sets that matter to a network; empty where the system does not list them."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # not Linux
        return []
    match = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    flags = set(match[1].split()) if match else set()
    return [name for name in _CPU_FEATURES if name in flags]


def _engines() -> Iterator[Check]:
    for backend in backends.statuses():
        yield Check(backend.name, "yes" if backend.available else "no", backend.detail, backend.required)


def _models() -> Iterator[Check]:
    if zoo.DEFAULT_MODEL not in zoo.names():
        yield Check(
            zoo.DEFAULT_MODEL, "no", "the default model is not in this installation; install unveil again", True
        )
    for name in zoo.names():
        problem = _engine_problem(name)
        detail = problem or f"engines: {', '.join(zoo.precisions(name))}"
        yield Check(name, "no" if problem else "yes", detail, needed=name == zoo.DEFAULT_MODEL)
    problem = _detector_problem()
    yield Check("face detector", "no" if problem else "yes", problem or "MediaPipe's, both models", needed=True)


def _engine_problem(name: str) -> str:
    """Why the engine of a model cannot be loaded; empty where it can."""
    precisions = zoo.precisions(name)
    if not precisions:
        return "weights only; build an engine: unveil compile"
    folder = zoo.engine_folder(name, precisions[0])
    try:
        verify(folder, read_manifest(folder))
    except (EngineError, OSError) as e:
        return str(e)
    return ""


def _detector_problem() -> str:
    try:
        from realtime.faces.detect import FULL, SHORT, model_file  # here, because it needs OpenCV, which needs libGL

        for network in (SHORT, FULL):
            model_file(network)
    except ImportError as e:
        return f"cannot be loaded ({e}); see the system libraries and packages below"
    except EngineError as e:
        return str(e)
    return ""


def _graphics_card() -> Iterator[Check]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        yield Check("NVIDIA", "no", "no NVIDIA driver here (nvidia-smi is not installed): engines run on the CPU")
        return
    query = [tool, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as e:
        yield Check("NVIDIA", "no", f"the driver does not answer ({e})")
        return
    if answer.returncode:
        yield Check("NVIDIA", "no", f"the driver reports: {(answer.stdout + answer.stderr).strip()}")
    for line in answer.stdout.splitlines() if not answer.returncode else ():
        yield Check("NVIDIA", "yes", line)


def _codecs() -> Iterator[Check]:
    try:
        import av
        from av.codec.codec import UnknownCodecError

        from realtime.video.sinks.h264 import NVENC, nvenc_problem
    except ImportError as e:
        yield Check("PyAV", "no", f"cannot be loaded ({e}); run: {install_command()}", needed=True)
        return
    for name, use in _ENCODERS:
        needed = name in ("libx264", "ffv1")
        try:
            av.Codec(name, "w")
            problem = nvenc_problem() if name == NVENC else ""
        except UnknownCodecError:
            problem = "not in this build of PyAV"
        yield Check(name, "no" if problem else "yes", f"{use}: {problem}" if problem else use, needed)


def _display_and_cameras() -> Iterator[Check]:
    display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    if display or sys.platform in ("darwin", "win32"):
        yield Check("display", "yes", display or "the desktop")
    else:
        yield Check("display", "no", "neither DISPLAY nor WAYLAND_DISPLAY is set; use: unveil live --view none")
    devices = sorted(DEVICES.glob("video*"))
    if not devices:
        yield Check("cameras", "no", f"no {DEVICES}/video* here; give 'unveil live' a file or a stream URL instead")
    for device in devices:
        usable = os.access(device, os.R_OK | os.W_OK)
        refused = "; not readable by this user: add them to the group 'video'"
        yield Check(str(device), "yes" if usable else "no", _camera_name(device) + ("" if usable else refused))


def _camera_name(device: Path) -> str:
    """What the kernel calls a camera, without opening it (which would light its lamp)."""
    try:
        return Path(f"/sys/class/video4linux/{device.name}/name").read_text(encoding="utf-8").strip()
    except OSError:
        return "unnamed"


def _system_libraries() -> Iterator[Check]:
    missing = missing_packages()
    advice = f"missing; run: sudo apt-get install {' '.join(missing)}"
    yield Check("libGL, glib, EGL, GLES", "no" if missing else "yes", advice if missing else "found", needed=True)


def _packages() -> Iterator[Check]:
    try:
        requirements = requires("unveil") or []
    except PackageNotFoundError:
        yield Check("unveil", "no", f"runs from a folder, not installed; run: {install_command()}")
        return
    yield Check("unveil", "info", version("unveil"))
    for requirement in requirements:
        name = re.split(r"[\s=<>!~;\[]", requirement, maxsplit=1)[0]
        extra = re.search(r"extra == ['\"]([\w-]+)", requirement)
        try:
            yield Check(name, "info", version(name))
        except PackageNotFoundError:
            command = install_command(extra[1] if extra else "")
            yield Check(name, "no", f"not installed; run: {command}", needed=extra is None)
