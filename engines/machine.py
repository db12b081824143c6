"""What this machine is: processor, cores that this process may use, graphics card. Imports nothing heavy."""

from __future__ import annotations

import os
import platform
from pathlib import Path

# Threads wait for one another after each layer, and OpenVINO's wait busily: with two, a call of consensus-lite (0.5e9)
# takes 1.5 ms in place of 1.9, but 3.9 ms of processor time in place of 1.8, which decoding and encoding would need.
_WORTH_A_THREAD = 2e9  # int8 multiply-adds of one call
_FLOAT_COST = 8  # one float multiply-add, in int8 multiply-adds
_MOST_THREADS = 4  # a 128x128 network gains little from more, and decoding and encoding need cores too


def host() -> dict[str, str]:
    """os, machine (architecture) and cpu, for manifests and reports."""
    return {"os": platform.system(), "machine": platform.machine(), "cpu": cpu_name()}


def cpu_name() -> str:
    """The processor's name as the system gives it, or its architecture."""
    lines = _lines(Path("/proc/cpuinfo"))
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def default_threads() -> int:
    """Threads for one network call: one for each physical core that this process may use, at most four."""
    return max(1, min(physical_cores(), _quota_cores(), _MOST_THREADS))


def threads_for(multiply_adds: float, int8: bool) -> int:
    """Threads for a network call of so much work: one for each 2e9 multiply-adds in int8 or an eighth of that in float,
    and no more than the default."""
    work = multiply_adds * (1 if int8 else _FLOAT_COST)
    return max(1, min(default_threads(), round(work / _WORTH_A_THREAD)))


def physical_cores() -> int:
    """Physical cores among the processors that this process may run on (two threads of a core count once)."""
    if not hasattr(os, "sched_getaffinity"):  # outside Linux there is no cheap way to tell them apart
        return os.cpu_count() or 1
    return len({_core_of(cpu) for cpu in os.sched_getaffinity(0)})


def threads_text(threads: int) -> str:
    """The number of threads in words: "1 thread"."""
    return f"{threads} thread{'s' if threads > 1 else ''}"


def nvidia_gpu() -> bool:
    """True where an NVIDIA driver shows a card, whether or not anything here can use it."""
    return Path("/proc/driver/nvidia/gpus").is_dir() and any(Path("/proc/driver/nvidia/gpus").iterdir())


def _core_of(cpu: int) -> str:
    siblings = _lines(Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"))
    return siblings[0] if siblings else str(cpu)


def _quota_cores() -> int:
    """Whole cores of a container's CPU quota (cgroup v2): more threads than that are only paused by the kernel."""
    fields = " ".join(_lines(Path("/sys/fs/cgroup/cpu.max"))).split()
    if len(fields) != 2 or fields[0] == "max":
        return _MOST_THREADS
    return max(1, int(fields[0]) // int(fields[1]))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:  # not this kind of system
        return []
