"""The system libraries that the dependencies load, and the Debian packages that bring them.

Needs only the standard library: the set-up runs it before anything is installed. `python -m
realtime.tools.system_libraries` prints the missing packages and exits with 1, or 0 where none is missing.
"""

import ctypes
import sys

LIBRARIES = {  # file: Debian package (which later releases keep as an alias)
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libEGL.so.1": "libegl1",
    "libGLESv2.so.2": "libgles2",
}


def missing_packages() -> list[str]:
    """Debian packages whose library this system cannot load, sorted. Always empty away from Linux."""
    if sys.platform != "linux":
        return []
    return sorted({package for file, package in LIBRARIES.items() if not _loads(file)})


def _loads(file: str) -> bool:
    try:
        ctypes.CDLL(file)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    missing = missing_packages()
    if missing:
        sys.stdout.write(" ".join(missing) + "\n")
    sys.exit(bool(missing))
