"""A loaded face finder on OpenVINO: a picture in, the values of its cells out."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engines import machine
from engines.engine import check_crops
from engines.errors import EngineDamaged
from engines.finder import SHIPPED
from engines.finder.manifest import FinderManifest, read_finder_manifest
from engines.zoo import FASTEST_FIRST

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
GRAPH, GRAPH_WEIGHTS = "model.xml", "model.bin"


class FinderEngine:
    """A face finder's network. Safe to call from several threads: one call runs at a time."""

    def __init__(self, manifest: FinderManifest, compiled: Any, threads: int) -> None:
        self.manifest = manifest
        self.description = f"{manifest.name}, OpenVINO {manifest.precision}, CPU, {machine.threads_text(threads)}"
        self._compiled = compiled
        self._lock = threading.Lock()

    def __call__(self, picture: U8) -> F32:
        """(1, S, S, 3) uint8 RGB -> (cells, 7) float32: what `realtime.faces.finding.found_faces.decode` reads.

        The first value is the logit of the calibrated confidence. Raises UsageError for another shape or type.
        """
        check_crops(picture, self.manifest.size_px, "the picture")
        with self._lock:
            values: F32 = self._compiled(picture)[0][0].copy()
        values[:, 0] = values[:, 0] * np.float32(self.manifest.slope) + np.float32(self.manifest.offset)
        return values


def load_finder(folder: Path | None = None, *, threads: int = 1) -> FinderEngine:
    """Load a face finder.

    Args:
        folder: of an engine; None: the fastest engine of the finder that ships.
        threads: CPU threads that one call may use.

    Raises:
        EngineDamaged: files missing or not the ones that were built.
        EngineMismatch: an engine of another kind.
    """
    import openvino

    folder = folder or _shipped()
    manifest = read_finder_manifest(folder)
    core = openvino.Core()
    try:
        graph = core.read_model(folder / GRAPH, folder / GRAPH_WEIGHTS)
    except RuntimeError as e:
        raise EngineDamaged(f"{folder / GRAPH} cannot be read ({e}); build the engine again") from e
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",  # bf16 would change results between machines
        "ENABLE_CPU_PINNING": False,  # a pinned thread would wait behind the decoder's
    }
    return FinderEngine(manifest, core.compile_model(graph, "CPU", settings), threads)


def _shipped() -> Path:
    for precision in FASTEST_FIRST:
        if (SHIPPED / precision).is_dir():
            return SHIPPED / precision
    raise EngineDamaged(f"{SHIPPED} holds no engine; install Unveil again")
