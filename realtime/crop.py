"""The crop geometry and its inverse. Every crop that a network sees, live or in training, is made here.

Coordinates are continuous: pixel (i, j) covers [j, j+1) x [i, i+1), its centre lies at (j + 0.5, i + 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from realtime.colour import black_yuv, rgb_from_yuv
from realtime.types import U8, U16, Frame, Region

Window = tuple[int, int, int, int]
"""(left, top, right, bottom) in whole pixels of the frame; left and top even, so that it falls on chroma samples."""
NO_WINDOW: Window = (0, 0, 0, 0)

_SHRINK_FIRST = 2.0  # a bilinear warp skips pixels where it shrinks by more than this: average them first


def region_from_box(box_xyxy: Sequence[float], crop_scale: float) -> Region:
    """The square crop around a full-face box: same centre, `crop_scale` times its longer side."""
    left, top, right, bottom = box_xyxy
    return Region((left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top, 1.0) * crop_scale)


def region_of_frame(size_wh: tuple[int, int]) -> Region:
    """The smallest square that holds the whole frame (what a detector sees)."""
    width, height = size_wh
    return Region(width / 2, height / 2, float(max(width, height)))


def crop_from_frame(region: Region, size_px: int) -> npt.NDArray[np.float64]:
    """(2, 3) affine: continuous frame coordinates -> continuous crop coordinates, 0..size_px."""
    scale = size_px / region.side
    left, top, _, _ = region.box_xyxy
    return np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])


def frame_from_crop(region: Region, size_px: int) -> npt.NDArray[np.float64]:
    """(2, 3) affine: continuous crop coordinates -> continuous frame coordinates. Inverse of `crop_from_frame`."""
    scale = region.side / size_px
    left, top, _, _ = region.box_xyxy
    return np.array([[scale, 0, left], [0, scale, top]])


def crop_rgb(frame: Frame, region: Region, size_px: int) -> U8:
    """The pixels of a region, as the network sees them.

    Returns:
        (size_px, size_px, 3) uint8 RGB. What lies outside the frame is black.
    """
    affine = crop_from_frame(region, size_px)
    if frame.layout == "yuv420p":
        luma, *chroma = frame.planes
        black = black_yuv(frame.colour.full_range)
        # Chroma samples of MPEG-2/H.264 video lie on even luma columns, between luma rows.
        from_chroma = np.array([[2.0, 0, -0.5], [0, 2.0, 0], [0, 0, 1]])
        chroma_affine = affine @ from_chroma
        warped = [warp(luma, affine, size_px, black[0])]
        warped += [warp(plane, chroma_affine, size_px, black[1]) for plane in chroma]
        matrix = rgb_from_yuv(frame.colour.matrix, frame.colour.full_range)
        return cv2.transform(cv2.merge(warped), matrix)
    pixels = frame.planes[0]
    if frame.layout == "gray":
        return cv2.cvtColor(warp(pixels, affine, size_px), cv2.COLOR_GRAY2RGB)
    return warp(np.ascontiguousarray(pixels[:, :, :3]) if pixels.shape[2] == 4 else pixels, affine, size_px)


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
    if scale * _SHRINK_FIRST <= 1:
        image, image_from_reduced = _shrink(image, affine, size_px, int(math.log2(1 / scale)))
        linear = linear @ image_from_reduced
    return cv2.warpAffine(
        image, centres(linear[:2]), (size_px, size_px), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=(border,) * 4,
    )  # fmt: skip


def warp_depth(depth: U16, affine: npt.NDArray[np.float64], size_px: int) -> U16:
    """Warp depth into a square by an affine in continuous coordinates: never a mean over an edge, 0 outside.

    Args:
        depth: (H, W) uint16.
        affine: (2, 3): depth -> square.
        size_px: side of the square.
    """
    return cv2.warpAffine(depth, centres(affine), (size_px, size_px), flags=cv2.INTER_NEAREST).astype(np.uint16)


def probabilities_on_frame(probabilities: U8, region: Region, size_wh: tuple[int, int]) -> tuple[Window, U8]:
    """Bring a crop's probabilities back to the pixels of the frame.

    Args:
        probabilities: (S, S, K) uint8.
        size_wh: (width, height) of the frame.

    Returns:
        The window of the frame that the region covers, and (bottom - top, right - left, K) uint8. An empty window
        (zero size) where the region lies outside the frame.
    """
    window = window_on_frame(region, size_wh)
    labels = probabilities.shape[2]
    if window == NO_WINDOW:
        return window, np.zeros((0, 0, labels), np.uint8)
    return window, np.dstack([channel_on_frame(probabilities[:, :, k], region, window) for k in range(labels)])


def window_on_frame(region: Region, size_wh: tuple[int, int]) -> Window:
    """The window of the frame that a region covers; `NO_WINDOW` where it lies outside."""
    width, height = size_wh
    left, top, right, bottom = region.box_xyxy
    x0, y0 = max(0, math.floor(left)) // 2 * 2, max(0, math.floor(top)) // 2 * 2
    x1, y1 = min(width, math.ceil(right)), min(height, math.ceil(bottom))
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else NO_WINDOW


def channel_on_frame(channel: U8, region: Region, window: Window) -> U8:
    """Bring one channel of a crop back to a window of the frame, bilinear. What lies outside the crop repeats its edge.

    Args:
        channel: (S, S) uint8.
        window: any window of the frame that is not empty.

    Returns:
        (bottom - top, right - left) uint8.
    """
    size_px = channel.shape[0]
    scale = region.side / size_px
    left, top, _, _ = region.box_xyxy
    x0, y0, x1, y1 = window
    if scale < 1:
        affine = frame_from_crop(region, size_px)
        affine[:, 2] -= (x0, y0)
        return cv2.warpAffine(
            np.ascontiguousarray(channel), centres(affine), (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
    # cv2.resize is ten times as fast as cv2.warpAffine, but knows no shift. So start near an edge of a crop pixel left
    # of the window, shift the crop by the rest (less than one pixel of the frame), and enlarge by exactly `scale`.
    start_x, start_y = (
        math.floor(edge + math.floor((first - edge) / scale - 1) * scale) for first, edge in ((x0, left), (y0, top))
    )
    wide, high = math.ceil((x1 - start_x) / scale) + 1, math.ceil((y1 - start_y) / scale) + 1
    centre = (start_x - left) / scale + (wide - 1) / 2, (start_y - top) / scale + (high - 1) / 2
    patch = cv2.getRectSubPix(np.ascontiguousarray(channel), (wide, high), centre)
    enlarged = cv2.resize(patch, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    return enlarged[y0 - start_y : y1 - start_y, x0 - start_x : x1 - start_x]


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
    # One block more on each side, on block borders, so that the reduction does not shift with the region.
    x0, y0 = (max(0, (math.floor(low) // block - 1) * block) for low in seen.min(axis=0))
    x1, y1 = ((math.ceil(high) // block + 2) * block for high in seen.max(axis=0))
    part = image[y0 : max(0, min(y1, height)), x0 : max(0, min(x1, width))]
    if part.size == 0:
        return np.zeros((1, 1, *image.shape[2:]), np.uint8), np.eye(3)
    below, beside = (-length % block for length in part.shape[:2])
    if below or beside:
        part = cv2.copyMakeBorder(part, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    # Halving is what OpenCV does quickly: another factor, or a size that is no multiple, costs 5 to 20 times as much.
    for _ in range(halvings):
        part = cv2.resize(part, (part.shape[1] // 2, part.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return part, np.array([[block, 0, x0], [0, block, y0], [0, 0, 1]], float)


def centres(affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The same affine between pixel centres at whole numbers, which is how OpenCV counts."""
    shifted = affine.copy()
    shifted[:, 2] += affine[:, :2] @ (0.5, 0.5) - 0.5
    return shifted
