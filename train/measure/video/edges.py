"""Flicker of labels, and the lag of an edge behind what moves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from engines.spec import FACE
from realtime.frames.types import U8, Frame, LabelIds
from train.measure.video.scenes.sprites import Box
from train.measure.video.scenes.truth import Observed, Truth

_FLOW_MARGIN = 0.25  # of the box: optical flow needs what lies around it
_SHIFTS = range(-2, 7)  # frames by which an edge may trail
_MOVES = 0.01  # of the face's pixels must change from one frame to the next, so that an edge moves


def flicker(frames: Sequence[Frame], truths: Sequence[Truth], observed: Sequence[Observed]) -> list[float]:
    """For each face and frame, the share of the full-face box whose label changes from the frame before, 0..1.

    The labels of the frame before are moved along by dense optical flow (DIS), so that motion alone is no change. A
    face counts where it is in both frames and at least half of its box lies in the frame.
    """
    shares = []
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    for index in range(1, len(frames)):
        before = {face.face_id for face in truths[index - 1].faces}
        for face in truths[index].faces:
            window = _window(face.box_xyxy, frames[index].size_wh)
            if face.face_id in before and window is not None:
                planes = [_luma(frames[at])[window] for at in (index, index - 1)]
                labels = [observed[at].labels[window] for at in (index, index - 1)]
                inside = _inside(face.box_xyxy, window)
                shares.append(_changed(dis, planes, labels, inside))
    return shares


def edge_lag(truths: Sequence[Truth], observed: Sequence[Observed]) -> float | None:
    """Frames by which the edges of the visible face trail those of the truth; negative if they lead. None if nothing
    moves.

    The number of pixels that differ between the mask of a frame and the truth of a frame so many before it has its
    least value at the lag. Its fraction comes from two lines of equal slope on both sides.
    """
    visible = [truth.ids > 0 for truth in truths]
    areas = [max(1, int(mask.sum())) for mask in visible]
    moves = [i for i in range(1, len(visible)) if (visible[i] ^ visible[i - 1]).sum() > _MOVES * areas[i]]
    moves = [i for i in moves if i - max(_SHIFTS) >= 0 and i - min(_SHIFTS) < len(visible)]
    if not moves:
        return None
    differ = [sum(int(((observed[i].labels == FACE) ^ visible[i - shift]).sum()) for i in moves) for shift in _SHIFTS]
    best = int(np.argmin(differ))
    if not 0 < best < len(differ) - 1:
        return float(_SHIFTS[best])
    before, least, after = differ[best - 1 : best + 2]
    steeper = max(before, after) - least
    return _SHIFTS[best] + (0.5 * (before - after) / steeper if steeper else 0.0)


def _changed(dis: cv2.DISOpticalFlow, lumas: Sequence[U8], labels: Sequence[LabelIds], inside: U8) -> float:
    """The share of the pixels inside whose label differs from that of the pixel where the flow says it came from."""
    flow = dis.calc(np.ascontiguousarray(lumas[0]), np.ascontiguousarray(lumas[1]), None)
    height, width = inside.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(
        np.ascontiguousarray(labels[1]), x + flow[..., 0], y + flow[..., 1], cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return float(((moved != labels[0]) & (inside > 0)).sum() / max(1, int((inside > 0).sum())))


def _window(box_xyxy: Box, size_wh: tuple[int, int]) -> tuple[slice, slice] | None:
    left, top, right, bottom = box_xyxy
    inside_wh = (min(right, size_wh[0]) - max(left, 0), min(bottom, size_wh[1]) - max(top, 0))
    if min(inside_wh) <= 8 or inside_wh[0] * inside_wh[1] < (right - left) * (bottom - top) / 2:
        return None
    margin = _FLOW_MARGIN * max(right - left, bottom - top)
    rows = slice(max(0, math.floor(top - margin)), min(size_wh[1], math.ceil(bottom + margin)))
    columns = slice(max(0, math.floor(left - margin)), min(size_wh[0], math.ceil(right + margin)))
    return (rows, columns) if min(rows.stop - rows.start, columns.stop - columns.start) >= 16 else None


def _inside(box_xyxy: Box, window: tuple[slice, slice]) -> U8:
    """(h, w) uint8: 1 where the window shows the box."""
    rows, columns = window
    inside = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    left, top, right, bottom = (round(value) for value in box_xyxy)
    inside[max(0, top - rows.start) : bottom - rows.start, max(0, left - columns.start) : right - columns.start] = 1
    return inside


def _luma(frame: Frame) -> U8:
    plane = frame.planes[0]
    return plane if plane.ndim == 2 else np.asarray(cv2.cvtColor(plane, cv2.COLOR_RGB2GRAY), np.uint8)
