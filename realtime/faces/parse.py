"""Parses the faces of a frame: one crop per region, one call of the engine for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engines.engine import Engine
from realtime.faces.tracker import TrackedRegion, Tracker
from realtime.frames.crop import crop_rgb
from realtime.frames.crop_depth import crop_depth
from realtime.frames.types import U8, Frame, ParsedFace
from realtime.timing import StageTimer


def parse_frame(frame: Frame, tracker: Tracker, engine: Engine, timer: StageTimer) -> list[ParsedFace]:
    """The faces of the next frame. New ones that the detector misplaced are parsed twice.

    Args:
        timer: gets the stages detect, crop, network and track.
    """
    with timer.stage("detect"):
        regions = tracker.regions(frame)
    while True:
        with timer.stage("crop"):
            crops = crop_faces(frame, regions, engine.spec.size_px)
        with timer.stage("network"):
            parsed = parse_faces(engine, crops, regions)
        with timer.stage("track"):
            faces = tracker.update(parsed)
            regions = tracker.misplaced()
        if not regions:
            return faces


def crop_faces(frame: Frame, regions: Sequence[TrackedRegion], size_px: int) -> U8:
    """(N, size_px, size_px, 3) uint8: the crop of each region, in order, RGB, or gray of a frame that has depth.

    N may be 0.
    """
    if not regions:
        return np.zeros((0, size_px, size_px, 3), np.uint8)
    if frame.depth is not None:
        return np.stack([crop_depth(frame.depth, tracked.region, size_px) for tracked in regions])
    return np.stack([crop_rgb(frame, tracked.region, size_px) for tracked in regions])


def parse_faces(engine: Engine, crops: U8, regions: Sequence[TrackedRegion]) -> list[ParsedFace]:
    """One face per crop, in order: the engine's probabilities in the region that the crop was taken from."""
    probabilities = engine(crops).probabilities
    return [
        ParsedFace(tracked.track_id, tracked.region, crop, parsed)
        for tracked, crop, parsed in zip(regions, crops, probabilities, strict=True)
    ]
