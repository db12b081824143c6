"""Operations on binary masks: (H, W) uint8 of 0 and 1. Lengths are in pixels and areas in square pixels."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frames.types import U8


def box_of(mask: U8) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of a mask's non-zero pixels, in continuous pixel coordinates; all 0 if empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0.0, 0.0, 0.0, 0.0
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def inverse(mask: U8) -> U8:
    """1 where the mask is 0."""
    return (mask == 0).astype(np.uint8)


def iou(first: U8, second: U8) -> float:
    """Intersection over union, 0..1; 1 if both are empty."""
    union = int(((first > 0) | (second > 0)).sum())
    return int(((first > 0) & (second > 0)).sum()) / union if union else 1.0


def odd(length: float) -> int:
    """The length as a whole, odd number of pixels, at least 1, as kernels need it."""
    return max(1, round(length)) | 1


def opening(mask: U8, diameter: float) -> U8:
    """Morphological opening with a disc: drops what is thinner than the disc."""
    return cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc(diameter))


def closing(mask: U8, diameter: float) -> U8:
    """Morphological closing with a disc: fills gaps that are narrower than the disc."""
    return cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disc(diameter))


def disc(diameter: float) -> U8:
    """A round structuring element."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (odd(diameter), odd(diameter))).astype(np.uint8)


def ellipse(shape: tuple[int, ...], centre_xy: tuple[float, float], radius_x: float, radius_y: float) -> U8:
    """A mask of this shape with a filled, upright ellipse."""
    mask = np.zeros(shape, np.uint8)
    axes = (max(1, round(radius_x)), max(1, round(radius_y)))
    centre = (round(centre_xy[0]), round(centre_xy[1]))
    return cv2.ellipse(mask, centre, axes, 0, 0, 360, 1, cv2.FILLED).astype(np.uint8)


def smooth_outline(mask: U8, sigma: float) -> U8:
    """The mask after a Gaussian blur, thresholded at one half."""
    return (cv2.GaussianBlur(mask * np.float32(1), (0, 0), sigma) > 0.5).astype(np.uint8)


def fill_holes(mask: U8, keep_open: U8) -> U8:
    """The mask with its holes filled, except where `keep_open` is 1."""
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(padded, None, (0, 0), 1)
    return mask | ((padded[1:-1, 1:-1] == 0) & (keep_open == 0)).astype(np.uint8)


def largest_component(mask: U8) -> U8:
    """The largest 4-connected component."""
    count, ids, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return mask
    return (ids == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)


def without_specks(mask: U8, area: float) -> U8:
    """The mask without 8-connected components smaller than `area`, and with holes smaller than that filled."""
    return inverse(_larger_components(inverse(_larger_components(mask, area)), area))


def thick_components(mask: U8, thickness: float) -> U8:
    """The 8-connected components that are at least this thick somewhere."""
    count, ids = cv2.connectedComponents(mask, connectivity=8)
    to_border = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    kept = [i for i in range(1, count) if 2 * float(to_border[ids == i].max()) >= thickness]
    return np.isin(ids, kept).astype(np.uint8)


def overlapping_components(mask: U8, other: U8) -> U8:
    """The 8-connected components that share a pixel with another mask."""
    _, ids = cv2.connectedComponents(mask, connectivity=8)
    overlapping = np.unique(ids[other > 0])
    return np.isin(ids, overlapping[overlapping > 0]).astype(np.uint8)


def _larger_components(mask: U8, area: float) -> U8:
    _, ids, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    kept = stats[:, cv2.CC_STAT_AREA] >= area
    kept[0] = False
    return kept[ids].astype(np.uint8)
