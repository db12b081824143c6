"""Engines of face finders: networks that look at a whole frame, not at the crop of one face."""

from __future__ import annotations

from pathlib import Path

from engines.zoo import ZOO

SHIPPED: Path = ZOO / "finder"
"""The finder that ships: `card.md`, `finder.safetensors`, and an engine per precision. It is no parser, so the lists of
models that parse faces, which go by `weights.safetensors`, leave it out."""
SHEET: Path = ZOO / "calibration_finder.jpg"
"""Pictures of 256 px, composed from the training data, on which its int8 scales are measured."""
