"""The crop geometry and its inverse. Every crop that a network sees, at run time or in training, is made here.

Coordinates are continuous: pixel (i, j) covers [j, j+1) x [i, i+1), its centre lies at (j + 0.5, i + 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import BACKGROUND
from realtime.frames.colour import black_yuv, rgb_from_yuv, sdr_curve
from realtime.frames.depth import depth_gray, without_wall
from realtime.frames.resampling import block_before, centres, warp, warp_depth, warp_upright
from realtime.frames.types import U8, Depth, Frame, Mask, Probabilities, Region, Rgb

Window = tuple[int, int, int, int]
"""(left, top, right, bottom) in whole pixels of the frame; left and top even, so that it falls on chroma samples."""
NO_WINDOW: Window = (0, 0, 0, 0)
_CHROMA_MATTERS = 0.625  # from this scale on, the place of chroma samples is a third of a pixel of the crop


def region_from_box(box_xyxy: Sequence[float], crop_scale: float, angle_deg: float = 0.0) -> Region:
    """The square crop around a full-face box: same centre, `crop_scale` times its longer side.

    Args:
        box_xyxy: left, top, right, bottom; the centre as in the frame, width and height along the face's own axes.
        crop_scale: side of the crop over the box's longer side.
        angle_deg: how far the face is turned clockwise.
    """
    left, top, right, bottom = box_xyxy
    side = max(right - left, bottom - top, 1.0) * crop_scale
    return Region((left + right) / 2, (top + bottom) / 2, side, angle_deg)


def region_of_frame(size_wh: tuple[int, int]) -> Region:
    """The smallest square that holds the whole frame (what a detector sees)."""
    width, height = size_wh
    return Region(width / 2, height / 2, float(max(width, height)))


def crop_from_frame(region: Region, size_px: int) -> npt.NDArray[np.float64]:
    """(2, 3) affine: continuous frame coordinates -> continuous crop coordinates, 0..size_px."""
    scale = size_px / region.side
    cos, sin = region.cos_sin
    left, top = _corner(region)
    return np.array(
        [
            [scale * cos, scale * sin, -(left * cos + top * sin) * scale],
            [-scale * sin, scale * cos, (left * sin - top * cos) * scale],
        ]
    )


def frame_from_crop(region: Region, size_px: int) -> npt.NDArray[np.float64]:
    """(2, 3) affine: continuous crop coordinates -> continuous frame coordinates. Inverse of `crop_from_frame`."""
    scale = region.side / size_px
    cos, sin = region.cos_sin
    left, top = _corner(region)
    return np.array([[scale * cos, -scale * sin, left], [scale * sin, scale * cos, top]])


def box_on_frame(box_xyxy: Sequence[float], region: Region, size_px: int) -> tuple[float, float, float, float]:
    """The upright box in the frame that holds a box of a region's crop.

    Args:
        box_xyxy: left, top, right, bottom in pixels of the crop, which it may leave.
        size_px: side of the crop.
    """
    (a, b, left), (c, d, top) = frame_from_crop(region, size_px).tolist()
    x0, y0, x1, y1 = box_xyxy
    corners = [(x, y) for x in (x0, x1) for y in (y0, y1)]
    across, down = [left + a * x + b * y for x, y in corners], [top + c * x + d * y for x, y in corners]
    return min(across), min(down), max(across), max(down)


def aligned(region: Region, size_px: int) -> Region:
    """The region moved to where its crop is made most quickly (`warp_upright`).

    It moves by 5/8 of a pixel at most, of the crop or the frame, whichever pixel is larger. A region that is turned by
    another angle than a quarter turn stays.
    """
    if region.is_turned_freely:
        return region
    scale = size_px / region.side
    step = 1 if scale > _CHROMA_MATTERS else max(2, block_before(scale))
    left, top, _, _ = region.box_xyxy
    half = region.side / 2
    return replace(region, centre_x=round(left / step) * step + half, centre_y=round(top / step) * step + half)


def crop_rgb(frame: Frame, region: Region, size_px: int) -> Rgb:
    """The colours of a region, turned upright, as the network sees them.

    Returns:
        (size_px, size_px, 3) uint8 RGB. What lies outside the frame is black.
    """
    if frame.layout == "yuv420p":
        luma, *chroma = frame.planes
        black = black_yuv(frame.colour.full_range)
        # Chroma samples of MPEG-2/H.264 video lie on even luma columns, between luma rows: a quarter of one to the
        # left of where a plane of half the size would have them.
        to_left = 0.25 if size_px / region.side > _CHROMA_MATTERS else 0.0
        warped = [_warped(luma, region, size_px, black[0])]
        warped += [_warped(plane, region, size_px, black[1], subsampling=2, to_left=to_left) for plane in chroma]
        matrix = rgb_from_yuv(frame.colour.matrix, frame.colour.full_range)
        rgb = cv2.transform(cv2.merge(warped), matrix)
        curve = sdr_curve(frame.colour.transfer)
        return rgb if curve is None else cv2.LUT(rgb, curve)
    pixels = frame.planes[0]
    if frame.layout == "gray":
        return cv2.cvtColor(_warped(pixels, region, size_px), cv2.COLOR_GRAY2RGB)
    pixels = np.ascontiguousarray(pixels[:, :, :3]) if pixels.shape[2] == 4 else pixels
    return _warped(pixels, region, size_px)


def crop_depth(depth: Depth, region: Region, size_px: int) -> Rgb:
    """(size_px, size_px, 3) uint8: the depth of a region as gray; 0 outside the frame."""
    steps = warp_depth(depth.steps, crop_from_frame(region, size_px), size_px)
    return depth_gray(without_wall(steps.astype(np.float32) * np.float32(depth.step_m)))


def probabilities_on_frame(
    probabilities: Probabilities, region: Region, size_wh: tuple[int, int]
) -> tuple[Window, Probabilities]:
    """The probabilities of a crop, in the pixels of the frame.

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
    channels = [
        channel_on_frame(probabilities[:, :, k], region, window, outside=255 if k == BACKGROUND else 0)
        for k in range(labels)
    ]
    return window, np.dstack(channels)


def window_on_frame(region: Region, size_wh: tuple[int, int]) -> Window:
    """The window of the frame that a region covers; `NO_WINDOW` where it lies outside."""
    width, height = size_wh
    left, top, right, bottom = region.box_xyxy
    x0, y0 = max(0, math.floor(left)) // 2 * 2, max(0, math.floor(top)) // 2 * 2
    x1, y1 = min(width, math.ceil(right)), min(height, math.ceil(bottom))
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else NO_WINDOW


def channel_on_frame(channel: Mask, region: Region, window: Window, outside: int = 0) -> Mask:
    """One channel of a crop in the pixels of a window of the frame, bilinear.

    Args:
        channel: (S, S) uint8.
        window: any window of the frame but an empty one.
        outside: the value outside the crop of a region that is turned by another angle than a quarter turn: the window
            shows it beside the crop's corners. Outside other crops, their edge repeats.

    Returns:
        (bottom - top, right - left) uint8.
    """
    size_px = channel.shape[0]
    scale = region.side / size_px
    x0, y0, x1, y1 = window
    if scale < 1 or region.is_turned_freely:
        affine = frame_from_crop(region, size_px)
        affine[:, 2] -= (x0, y0)
        return cv2.warpAffine(
            np.ascontiguousarray(channel), centres(affine), (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT if region.is_turned_freely else cv2.BORDER_REPLICATE, borderValue=outside,
        )  # fmt: skip
    channel = np.rot90(channel, -_quarter_turns(region))
    left, top, _, _ = region.box_xyxy
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


def _corner(region: Region) -> tuple[float, float]:
    """Where the crop's first corner, at the left of its top, lies in the frame."""
    cos, sin = region.cos_sin
    half = region.side / 2
    return region.centre_x - half * (cos - sin), region.centre_y - half * (cos + sin)


def _quarter_turns(region: Region) -> int:
    return round(region.angle_deg / 90)


def _warped(
    plane: U8, region: Region, size_px: int, border: int = 0, *, subsampling: int = 1, to_left: float = 0.0
) -> U8:
    """A region of one plane, turned upright. A quarter turn costs next to nothing, other angles about three times more.

    Args:
        plane: (H, W) or (H, W, C).
        border: the value of what lies outside the plane.
        subsampling: pixels of the frame along each side of one of the plane's.
        to_left: by how much of its own pixels the plane's samples lie further to the left.
    """
    if region.is_turned_freely:
        frame_from_plane = np.array([[subsampling, 0, -to_left * subsampling], [0, subsampling, 0], [0, 0, 1]])
        return warp(plane, crop_from_frame(region, size_px) @ frame_from_plane, size_px, border)
    left, top, _, _ = region.box_xyxy
    scale = size_px / region.side
    upright = warp_upright(plane, left / subsampling + to_left, top / subsampling, scale * subsampling, size_px, border)
    return np.ascontiguousarray(np.rot90(upright, _quarter_turns(region)))
