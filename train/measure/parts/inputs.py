"""What a model of parts or of depth is shown of a picture: colour in some light, measured depth, or depth that a
translator makes of the colour."""

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

COLOUR, MEASURED, MADE = "colour", "measured depth", "depth from colour"
_SEED = 40_000
_NEAR = DEPTH_LABELS.index("near")


@dataclass(frozen=True, eq=False)
class Cut:
    """A picture as the square crop of a network shows it."""

    rgb: U8
    """(S, S, 3)"""
    truth: U8
    """(S, S): class ids."""
    depth: U8 | None
    """(S, S, 3): what was measured, as gray (`realtime.frames.depth`); None where nothing is known."""
    inside: U8
    """(S, S): 255 where the picture is, 0 beyond its border."""
    region: Region


def cut(example: Example, spec: ModelSpec) -> Cut:
    """Cut the crop that a perfect detector would give."""
    region = region_of(example, spec)
    affine = crop_from_frame(region, spec.size_px)
    depth = None
    if example.depth_m is not None:
        size = (spec.size_px, spec.size_px)
        # As in training: never a mean of two surfaces.
        depth = depth_gray(cv2.warpAffine(example.depth_m, centres(affine), size, flags=cv2.INTER_NEAREST))
    truth = warp_labels(example.labels, affine, spec.size_px)
    inside = warp(np.full(example.labels.shape, 255, np.uint8), affine, spec.size_px)
    return Cut(warp(example.rgb, affine, spec.size_px), truth, depth, inside, region)


@dataclass(frozen=True, eq=False)
class View:
    """A model and what it is shown: a row of the tables."""

    role: str
    """"ours" or "baseline"."""
    model: Model
    sees: str
    """COLOUR, MEASURED or MADE."""
    translator: Model | None = None
    """Makes depth of colour, for MADE."""

    def shown(self, cuts: Sequence[Cut], lit: U8) -> U8:
        """(N, S, S, 3) uint8: the model's crops. `lit`: (N, S, S, 3), the colour in some light."""
        if self.translator is not None:
            return np.repeat(near(self.translator.probabilities(lit))[..., None], 3, axis=3)
        if self.sees == COLOUR:
            return lit
        return np.stack([one.depth for one in cuts if one.depth is not None])


def views_of(models: Mapping[str, Model], translator: Model | None, name: str, measured: bool) -> list[View]:
    """The rows that some models have on a data set.

    Args:
        translator: for models that see depth.
        name: of the data set.
        measured: whether it has depth.

    Raises:
        DataError: a model sees depth, and there is none.
        UsageError: a model has other labels; the translator is none, fits no model, or nothing would use it.
    """
    views: list[View] = []
    for role, model in models.items():
        if model.spec.labels not in (PART_LABELS, DEPTH_LABELS):
            raise UsageError(
                f"{model.name} tells {', '.join(model.spec.labels)} apart; expected one of the 13 parts, or of depth"
            )
        if not model.spec.sees_depth:
            views.append(View(role, model, COLOUR))
            continue
        if measured:
            views.append(View(role, model, MEASURED))
        if translator is not None:
            _check_translator(translator, model)
            views.append(View(role, model, MADE, translator))
        if not measured and translator is None:
            raise DataError(
                f"{model.name} sees depth, and {name} has none; expected a set with depth (parts, or {name}-d), or a "
                "--translator that makes it from colour"
            )
    if translator is not None and all(view.translator is None for view in views):
        raise UsageError(f"{translator.name} makes depth that no model here sees; leave --translator out")
    return views


def in_light(cuts: Sequence[Cut], light: str, numbers: Sequence[int]) -> U8:
    """(N, S, S, 3) uint8: the colour of some crops in a light; beyond the picture it stays black, as at run time.

    The same number has the same noise each time.
    """
    change = LIGHTS[light]
    lit = (change(one.rgb, np.random.default_rng((_SEED, n))) for one, n in zip(cuts, numbers, strict=True))
    return np.stack([rgb * (one.inside > 0)[..., None] for one, rgb in zip(cuts, lit, strict=True)])


def near(probabilities: U8) -> U8:
    """(..., S, S) uint8: the gray of what a translator says, (..., S, S, 2)."""
    return np.ascontiguousarray(probabilities[..., _NEAR])


def _check_translator(translator: Model, model: Model) -> None:
    if translator.spec.labels != DEPTH_LABELS:
        raise UsageError(
            f"{translator.name} tells {', '.join(translator.spec.labels)} apart; expected a model that makes depth "
            "of colour, such as rgb-to-depth"
        )
    own, its = ((spec.size_px, spec.crop_scale) for spec in (model.spec, translator.spec))
    if own != its:
        raise UsageError(
            f"{translator.name} makes crops of {its[0]} px at scale {its[1]:g}, {model.name} sees {own[0]} px at scale "
            f"{own[1]:g}; expected two of the same"
        )
