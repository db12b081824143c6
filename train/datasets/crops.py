"""Maps pictures of a data set to the network's crop, and class ids back to the picture."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import ModelSpec
from realtime.frames.crop import crop_from_frame, frame_from_crop, region_from_box, region_of_frame
from realtime.frames.resampling import centres, warp
from realtime.frames.types import U8, Region
from train.data.faces import warp_labels
from train.datasets.base import Example
from train.labels.pseudo_label import blobs_from_labels


def region_of(example: Example, spec: ModelSpec) -> Region:
    """The region that the network sees: `crop_scale` times the face's box, or the whole picture of an aligned set."""
    if example.box_xyxy is None:
        height, width = example.labels.shape
        return region_of_frame((width, height))
    return region_from_box(example.box_xyxy, spec.crop_scale)


def to_crop(example: Example, spec: ModelSpec) -> tuple[U8, U8, U8]:
    """(S, S, 3) uint8 RGB, (S, S) uint8 class ids, (S, S) uint8 blobs.

    If the set has no blobs of its own, each connected occlusion of the crop is one (section 3.1), and so is the face.
    A training may take each class as a blob instead (`TrainConfig.blobs`).
    """
    affine = crop_from_frame(region_of(example, spec), spec.size_px)
    labels = warp_labels(example.labels, affine, spec.size_px)
    blobs = blobs_from_labels(labels) if example.blobs is None else warp_labels(example.blobs, affine, spec.size_px)
    return warp(example.rgb, affine, spec.size_px), labels, blobs


def superpixels_on_crop(example: Example, spec: ModelSpec) -> npt.NDArray[np.int32] | None:
    """(S, S) int32: the superpixels in the crop; None if the set has none."""
    if example.superpixels is None:
        return None
    affine = crop_from_frame(region_of(example, spec), spec.size_px)
    # OpenCV cannot warp int32. float32 represents ids below 2**24 exactly.
    ids = example.superpixels.astype(np.float32)
    return cv2.warpAffine(ids, centres(affine), (spec.size_px, spec.size_px), flags=cv2.INTER_NEAREST).astype(np.int32)


def on_picture(labels: U8, region: Region, size_wh: tuple[int, int]) -> U8:
    """(H, W) uint8: a crop's class ids mapped to the picture by nearest neighbour (section 4.4); 0 beyond the crop."""
    affine = frame_from_crop(region, labels.shape[0])
    return cv2.warpAffine(labels, centres(affine), size_wh, flags=cv2.INTER_NEAREST).astype(np.uint8)
