"""FaceMesh's landmarks: their type, and the numbers of those that are used by name."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]
"""(N, 2 or 3) float32: landmarks in pixels."""
FOREHEAD, CHIN = 10, 152
"""The oval's top and bottom on the face's axis."""
