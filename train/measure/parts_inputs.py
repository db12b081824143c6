"""The inputs of parts and depth models: colour in some light, measured depth, or depth generated from colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from engines.errors import DataError, UsageError
from engines.spec import DEPTH_LABELS, PART_LABELS, ModelSpec
from realtime.frames.crop import crop_from_frame
from realtime.frames.depth import depth_gray
from realtime.frames.resampling import centres, warp
from realtime.frames.types import U8, Region
from train.data.faces import warp_labels
from train.datasets import Example, region_of
from train.measure.light import LIGHTS
from train.measure.open_model import Model

COLOUR, MEASURED, GENERATED = "colour", "measured depth", "depth from colour"
_SEED = 40_000
_NEAR = DEPTH_LABELS.index("near")


@dataclass(frozen=True, eq=False)
class Crop:
    """The square crop of a picture that a network sees."""

    rgb: U8
    """(S, S, 3)"""
    truth: U8
    """(S, S): class ids."""
    depth: U8 | None
    """(S, S, 3): measured depth as gray (`realtime.frames.depth`); None if the set has none."""
    inside: U8
    """(S, S): 255 inside the picture, 0 beyond its border."""
    region: Region


def crop_of(example: Example, spec: ModelSpec) -> Crop:
    """The crop that a perfect detector would give."""
    region = region_of(example, spec)
    affine = crop_from_frame(region, spec.size_px)
    depth = None
    if example.depth_m is not None:
        size = (spec.size_px, spec.size_px)
        # Nearest neighbour, as in training: a mean of two surfaces would be on neither.
        depth = depth_gray(cv2.warpAffine(example.depth_m, centres(affine), size, flags=cv2.INTER_NEAREST))
    truth = warp_labels(example.labels, affine, spec.size_px)
    inside = warp(np.full(example.labels.shape, 255, np.uint8), affine, spec.size_px)
    return Crop(warp(example.rgb, affine, spec.size_px), truth, depth, inside, region)


@dataclass(frozen=True, eq=False)
class ModelInput:
    """A model and the kind of its input: one row of the tables."""

    role: str
    """"ours" or "baseline"."""
    model: Model
    sees: str
    """COLOUR, MEASURED or GENERATED."""
    translator: Model | None = None
    """Generates depth from colour, for GENERATED."""

    def images(self, crops: Sequence[Crop], lit: U8) -> U8:
        """(N, S, S, 3) uint8: what the model sees.

        Args:
            lit: (N, S, S, 3) uint8, the colour of the crops in some light.
        """
        if self.translator is not None:
            return np.repeat(depth_from(self.translator.probabilities(lit))[..., None], 3, axis=3)
        if self.sees == COLOUR:
            return lit
        return np.stack([crop.depth for crop in crops if crop.depth is not None])


def model_inputs(
    models: Mapping[str, Model], translator: Model | None, dataset_name: str, has_depth: bool
) -> list[ModelInput]:
    """The inputs that each model is evaluated with on a data set.

    Args:
        models: by role.
        translator: generates depth from colour, for the models that see depth.
        has_depth: whether the data set has measured depth.

    Raises:
        DataError: a model sees depth, and neither the set nor a translator gives any.
        UsageError: a model has other labels, or the translator does not fit the models.
    """
    inputs: list[ModelInput] = []
    for role, model in models.items():
        if model.spec.labels not in (PART_LABELS, DEPTH_LABELS):
            raise UsageError(
                f"{model.name} has the labels {', '.join(model.spec.labels)}; expected the 13 parts, or depth"
            )
        if not model.spec.sees_depth:
            inputs.append(ModelInput(role, model, COLOUR))
            continue
        if has_depth:
            inputs.append(ModelInput(role, model, MEASURED))
        if translator is not None:
            _check_translator(translator, model)
            inputs.append(ModelInput(role, model, GENERATED, translator))
        if not has_depth and translator is None:
            raise DataError(
                f"{model.name} sees depth, and {dataset_name} has none; expected a set with depth (parts, or "
                f"{dataset_name}-d), or a --translator that generates it from colour"
            )
    if translator is not None and all(one.translator is None for one in inputs):
        raise UsageError(f"{translator.name} generates depth that no model here sees; leave --translator out")
    return inputs


def in_light(crops: Sequence[Crop], light: str, indices: Sequence[int]) -> U8:
    """(N, S, S, 3) uint8: the colour of crops in a light. Beyond the picture it stays black, as at run time.

    Args:
        indices: of the pictures: the same index always gets the same noise.
    """
    change = LIGHTS[light]
    lit = (change(crop.rgb, np.random.default_rng((_SEED, n))) for crop, n in zip(crops, indices, strict=True))
    return np.stack([rgb * (crop.inside > 0)[..., None] for crop, rgb in zip(crops, lit, strict=True)])


def depth_from(probabilities: U8) -> U8:
    """(..., S, S) uint8 gray depth from a translator's output, (..., S, S, 2)."""
    return np.ascontiguousarray(probabilities[..., _NEAR])


def _check_translator(translator: Model, model: Model) -> None:
    if translator.spec.labels != DEPTH_LABELS:
        raise UsageError(
            f"{translator.name} has the labels {', '.join(translator.spec.labels)}; expected a model that generates "
            "depth from colour, such as rgb-to-depth"
        )
    own, its = ((spec.size_px, spec.crop_scale) for spec in (model.spec, translator.spec))
    if own != its:
        raise UsageError(
            f"{translator.name} generates crops of {its[0]} px at scale {its[1]:g}, {model.name} sees {own[0]} px at "
            f"scale {own[1]:g}; expected the same"
        )
