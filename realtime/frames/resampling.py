"""Resamples pictures into the squares that networks see: without aliasing, and quickly where nothing is rotated."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import U8, DepthSteps

_SHRINK_FIRST = 2.0  # bilinear resampling that shrinks by more than this skips pixels: average them first
_WHOLE = 1 / 64  # of a pixel counts as none: OpenCV's own warps place samples on a grid of 1/32


def warp(image: U8, affine: npt.NDArray[np.float64], size_px: int, border: int = 0) -> U8:
    """Warp an image into a square by an affine in continuous coordinates, without aliasing where it shrinks.

    Args:
        image: (H, W) or (H, W, C) uint8.
        affine: (2, 3): image -> square; any rotation and scale.
        size_px: side of the square.
        border: the value of what lies outside the image.
    """
    scale = math.sqrt(abs(affine[0, 0] * affine[1, 1] - affine[0, 1] * affine[1, 0]))
    linear = np.vstack([affine, [0, 0, 1]])
    if halvings := _halvings(scale):
        image, image_from_reduced = _shrink(image, affine, size_px, halvings)
        linear = linear @ image_from_reduced
    return cv2.warpAffine(
        image, centres(linear[:2]), (size_px, size_px), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=(border,) * 4,
    )  # fmt: skip


def warp_upright(image: U8, left: float, top: float, scale: float, size_px: int, border: int = 0) -> U8:
    """`warp` for an upright square. Four times as fast if left and top are multiples of `block_before(scale)`.

    Then the two differ only at the very edge of the square, by half a pixel at most.

    Args:
        image: (H, W) or (H, W, C) uint8.
        left: the left edge of the square, in pixels of the image. It may lie outside the image; so may `top`.
        top: the top edge.
        scale: pixels of the square per pixel of the image.
        size_px: side of the square.
        border: the value of what lies outside the image.
    """
    halvings = _halvings(scale)
    block = 2**halvings
    column, row = left / block, top / block
    x0, y0 = round(column), round(row)
    if abs(column - x0) > _WHOLE or abs(row - y0) > _WHOLE:
        return warp(image, np.array([[scale, 0, -left * scale], [0, scale, -top * scale]]), size_px, border)
    scale *= block
    wide = math.ceil(size_px / scale) + 1  # one pixel more than the square has: the last ones lie between two
    rows, columns = (slice(max(0, first * block), max(0, (first + wide) * block)) for first in (y0, x0))
    part = halved(image[rows, columns], halvings)
    before_x, before_y = min(wide, max(0, -x0)), min(wide, max(0, -y0))
    beyond_x, beyond_y = wide - before_x - part.shape[1], wide - before_y - part.shape[0]
    if not part.size:
        return np.full((size_px, size_px, *image.shape[2:]), border, np.uint8)
    if before_x or before_y or beyond_x or beyond_y:
        part = cv2.copyMakeBorder(
            part, before_y, beyond_y, before_x, beyond_x, cv2.BORDER_CONSTANT, value=(border,) * 4
        )
    return cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)[:size_px, :size_px]


def warp_depth(depth: DepthSteps, affine: npt.NDArray[np.float64], size_px: int) -> DepthSteps:
    """Warp depth into a square by an affine in continuous coordinates: the nearest pixel, and 0 outside.

    Args:
        depth: (H, W) uint16.
        affine: (2, 3): depth -> square.
        size_px: side of the square.
    """
    return cv2.warpAffine(depth, centres(affine), (size_px, size_px), flags=cv2.INTER_NEAREST).astype(np.uint16)


def block_before(scale: float) -> int:
    """The side of the blocks of pixels that are averaged before an image is warped at this scale: 1, 2, 4, ..."""
    return 2 ** _halvings(scale)


def centres(affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The same affine with pixel centres at whole numbers, as OpenCV counts."""
    shifted = affine.copy()
    shifted[:, 2] += affine[:, :2] @ (0.5, 0.5) - 0.5
    return shifted


def _halvings(scale: float) -> int:
    return int(math.log2(1 / scale)) if scale * _SHRINK_FIRST <= 1 else 0


def _shrink(
    image: U8, affine: npt.NDArray[np.float64], size_px: int, halvings: int
) -> tuple[U8, npt.NDArray[np.float64]]:
    """Average blocks of 2 x 2 pixels, `halvings` times, over the part of the image that the square sees.

    Returns the reduced part and (3, 3): reduced part -> image.
    """
    height, width = image.shape[:2]
    block = 2**halvings
    corners = np.array([[0, 0, 1], [size_px, 0, 1], [0, size_px, 1], [size_px, size_px, 1]], float)
    # Not np.linalg.inv: it wakes the threads of BLAS, and waits for them for tens of milliseconds on a busy machine.
    seen = corners @ cv2.invertAffineTransform(affine).T
    # One more block on each side, on block borders, so that the blocks do not move with the region.
    x0, y0 = (max(0, (math.floor(low) // block - 1) * block) for low in seen.min(axis=0))
    x1, y1 = ((math.ceil(high) // block + 2) * block for high in seen.max(axis=0))
    part = image[y0 : max(0, min(y1, height)), x0 : max(0, min(x1, width))]
    if part.size == 0:
        return np.zeros((1, 1, *image.shape[2:]), np.uint8), np.eye(3)
    part = halved(part, halvings)
    return part, np.array([[block, 0, x0], [0, block, y0], [0, 0, 1]], float)


def halved(image: U8, times: int) -> U8:
    """An image after its blocks of 2 x 2 pixels were averaged, several times.

    The last pixels repeat where the size is no multiple.
    """
    if not times or not image.size:
        return image
    below, beside = (-length % 2**times for length in image.shape[:2])
    if below or beside:
        image = cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    # OpenCV halves quickly. Another factor, or a size that is no multiple, takes 5 to 20 times as long.
    for _ in range(times):
        image = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return image
