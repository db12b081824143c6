"""Calls of a network on an NVIDIA GPU: one stream, one copy each way, and one CUDA graph per number of crops.

A CUDA graph replayed from several threads has given wrong results: an engine's lock lets one call in at a time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import torch
from torch import Tensor

from engines.engine import U8, Outputs

Launch = Callable[[Tensor], tuple[Tensor, ...]]
"""(n, S, S, 3) uint8 crops on the GPU -> the outputs there, queued on the current stream."""

_log = logging.getLogger(__name__)
_CAPTURING = threading.Lock()
"""One graph at a time is recorded in a process."""
_WARM_UPS = 3  # libraries choose their kernels in the first calls, which a graph must not capture


class CudaCall:
    """Crops on the host -> the outputs on the host.

    Args:
        launch: the network. It must not wait for the GPU.
        shape: (N, S, S, 3) of the largest batch.
    """

    def __init__(self, launch: Launch, shape: tuple[int, ...]) -> None:
        self._launch = launch
        self._stream = torch.cuda.Stream()
        self._pinned = torch.zeros(shape, dtype=torch.uint8, pin_memory=True)
        self._crops = torch.zeros(shape, dtype=torch.uint8, device="cuda")
        self._queues: dict[int, Callable[[], None]] = {}
        self._on_gpu: dict[int, tuple[Tensor, ...]] = {}
        self._on_host: dict[int, tuple[Tensor, ...]] = {}

    def __call__(self, crops: U8) -> Outputs:
        """The outputs for (n, S, S, 3) crops. The next call with as many crops reuses the arrays."""
        count = len(crops)
        if count not in self._queues:
            with _CAPTURING:
                self._prepare(count)
        self._pinned.numpy()[:count] = crops
        with torch.inference_mode(), torch.cuda.stream(self._stream):
            self._crops[:count].copy_(self._pinned[:count], non_blocking=True)
            self._queues[count]()
            for on_host, on_gpu in zip(self._on_host[count], self._on_gpu[count], strict=True):
                on_host.copy_(on_gpu, non_blocking=True)
        self._stream.synchronize()
        return tuple(part.numpy() for part in self._on_host[count])

    def _prepare(self, count: int) -> None:
        crops = self._crops[:count]
        with torch.inference_mode(), torch.cuda.stream(self._stream):
            for _ in range(_WARM_UPS):
                results = self._launch(crops)
            self._stream.synchronize()
            self._on_gpu[count] = results
            self._queues[count] = self._captured(count, crops) or (lambda: self._run(count, crops))
            self._on_host[count] = tuple(
                torch.empty(part.shape, dtype=part.dtype, pin_memory=True) for part in self._on_gpu[count]
            )

    def _captured(self, count: int, crops: Tensor) -> Callable[[], None] | None:
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                results = self._launch(crops)
        except RuntimeError as e:  # an operator that cannot be captured
            _log.warning("no CUDA graph, which costs some speed: %s", str(e).partition("\n")[0])
            torch.cuda.synchronize()
            return None
        self._on_gpu[count] = results
        return graph.replay

    def _run(self, count: int, crops: Tensor) -> None:
        self._on_gpu[count] = self._launch(crops)
