"""Turns a graph of OpenVINO into int8, with scales that are measured on pictures. Needs nncf."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import openvino

U8 = npt.NDArray[np.uint8]


def quantised(graph: openvino.Model, calibration: U8, batch: int, in_float: Sequence[str] = ()) -> openvino.Model:
    """A graph in int8, with scales that are measured on pictures.

    Args:
        calibration: (N, S, S, 3) uint8 RGB.
        batch: pictures in one call of the graph.
        in_float: types of operations that stay in float.
    """
    import nncf

    firsts = range(0, len(calibration), batch)
    batches = [calibration.take(range(first, first + batch), axis=0, mode="wrap") for first in firsts]
    # Not nncf.set_log_level: that also changes the level of handlers which others have put on its logger.
    logging.getLogger("nncf").setLevel(logging.ERROR)
    # nncf draws its own progress bars, whatever the log level.
    with contextlib.redirect_stdout(io.StringIO()):
        return nncf.quantize(
            graph,
            nncf.Dataset(batches),
            preset=nncf.QuantizationPreset.MIXED,
            fast_bias_correction=True,
            subset_size=len(batches),
            ignored_scope=nncf.IgnoredScope(types=list(in_float), validate=False),
        )
