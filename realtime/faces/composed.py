"""Models that are made of two networks. Each is an engine itself, so the loop does not need to know."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import ExitStack
from dataclasses import replace
from functools import reduce

import cv2
import numpy as np

from engines.closing import Closing
from engines.engine import Engine, Parsed
from engines.errors import EngineMismatch, UsageError
from engines.load import load_engine
from engines.spec import CONSENSUS_LABELS, DEPTH_LABELS, PART_LABELS, ModelSpec
from engines.zoo import DEFAULT_MODEL, WITH_CONSENSUS, names
from realtime.faces.specks import remove_specks
from realtime.frames.resampling import centres
from realtime.frames.types import U8

TRANSLATOR = "rgb-to-depth"
_NEAR = DEPTH_LABELS.index("near")
_OCCLUSION = "occlusion"
_HAIR = PART_LABELS.index("hair")


def face_models() -> list[str]:
    """The models that ship and parse faces, as `load_model` takes them, the default first."""
    single = sorted(set(names()) - {TRANSLATOR}, key=lambda name: (name != DEFAULT_MODEL, name))
    return [*single, *(f"{name}{WITH_CONSENSUS}" for name in single if name == "parts")]


def load_model(name: str, *, measured_depth: bool = False, threads: int | None = None) -> Engine:
    """What `--model` names: an engine, or two that work together.

    Args:
        name: what `load_engine` takes; with "+consensus" at its end, a consensus model adds the label occlusion.
        measured_depth: whether the frames have depth. If not, a model that sees depth gets an estimate of it.
        threads: as `load_engine` takes it.

    Raises:
        UsageError: the model parses no face, or sees colour where there is measured depth.
        EngineMismatch: two engines that cannot work together.
        UnveilError: as `load_engine`.
    """
    with ExitStack() as opened:

        def load(model: str) -> Engine:
            return opened.enter_context(load_engine(model, threads=threads))

        engine = load(name.removesuffix(WITH_CONSENSUS))
        _check_use(engine.spec, measured_depth)
        if engine.spec.sees_depth and not measured_depth:
            engine = OnEstimatedDepth(load(TRANSLATOR), engine)
        if name.endswith(WITH_CONSENSUS):
            if measured_depth:
                raise UsageError(f"{name}: with measured depth the consensus model sees no colour; leave --depth out")
            engine = WithOcclusion(engine, load(DEFAULT_MODEL))
        opened.pop_all()  # nothing went wrong: the caller closes them
        return engine


class Composed(Closing):
    """An engine made of two, called one after the other; closes both."""

    _suffix: str
    """What its name adds to the parser's."""

    def __init__(self, spec: ModelSpec, description: str, parser: Engine, helper: Engine) -> None:
        self.spec, self.description = spec, description
        self.manifest, self.name = parser.manifest, f"{parser.name}{self._suffix}"
        self._parser, self._helper = parser, helper

    @abstractmethod
    def __call__(self, crops: U8) -> Parsed:
        """Parse crops: (N, S, S, 3) uint8 RGB, N from 0 up."""

    def close(self) -> None:
        """Close both engines."""
        self._parser.close()
        self._helper.close()


class OnEstimatedDepth(Composed):
    """A parser of depth that sees colour: `rgb-to-depth` estimates the depth first.

    Args:
        translator: its probability of "near" is depth as gray.
        parser: sees depth.
    """

    _suffix = ", estimated"

    def __init__(self, translator: Engine, parser: Engine) -> None:
        own, other = translator.spec, parser.spec
        if own.labels != DEPTH_LABELS or not other.sees_depth:
            raise EngineMismatch(
                f"{own.name} and {other.name}: expected a model that estimates depth, and one of depth"
            )
        if (own.size_px, own.crop_scale) != (other.size_px, other.crop_scale):
            raise EngineMismatch(
                f"{own.name} sees crops of {own.size_px} px and scale {own.crop_scale:g}, {other.name} of "
                f"{other.size_px} px and {other.crop_scale:g}; build both for the same crops"
            )
        description = f"{parser.description}, on depth estimated from colour by {translator.description}"
        spec = replace(
            other,
            name=f"{other.name}{self._suffix}",
            modality="colour",
            thresholds=other.thresholds.on_estimated_depth(),
        )
        super().__init__(spec, description, parser, translator)

    def __call__(self, crops: U8) -> Parsed:
        gray = self._helper(crops).probabilities[..., _NEAR]
        return self._parser(np.repeat(gray[..., None], 3, axis=3))


class WithOcclusion(Composed):
    """A parser of parts together with a consensus model, whose occlusion is one label more.

    The consensus model sees the middle of the parts' crop, enlarged to its own size: each face is cut out of the frame
    once. What it calls occlusion takes its share of the parts, but not of hair: hair across a face is a part.

    Args:
        parser: of PART_LABELS, from colour.
        consensus: its crop lies within the parser's.
    """

    _suffix = WITH_CONSENSUS

    def __init__(self, parser: Engine, consensus: Engine) -> None:
        parts, other = parser.spec, consensus.spec
        if parts.labels != PART_LABELS or other.labels != CONSENSUS_LABELS or parts.crop_scale < other.crop_scale:
            raise EngineMismatch(
                f"{parts.name} and {other.name} cannot work together; expected a model of parts, and one of occlusion "
                "whose crops are no larger"
            )
        spec = replace(parts, name=f"{parts.name}{self._suffix}", labels=(*parts.labels, _OCCLUSION))
        super().__init__(spec, f"{parser.description} + {consensus.description}", parser, consensus)
        scale = other.size_px / parts.size_px * parts.crop_scale / other.crop_scale
        shift = other.size_px / 2 - scale * parts.size_px / 2
        inner_from_crop = np.array([[scale, 0, shift], [0, scale, shift]])
        self._inner_from_crop = centres(inner_from_crop)
        self._crop_from_inner = centres(cv2.invertAffineTransform(inner_from_crop))

    def __call__(self, crops: U8) -> Parsed:
        size, label = (self._helper.spec.size_px,) * 2, self._helper.spec.labels.index(_OCCLUSION)
        inner = [cv2.warpAffine(crop, self._inner_from_crop, size, flags=cv2.INTER_LINEAR) for crop in crops]
        found = self._helper(np.stack(inner)).probabilities if inner else ()
        covering = [remove_specks(probabilities)[..., label] for probabilities in found]
        parts = self._parser(crops)
        labels, probabilities = parts.labels, np.empty((*parts.labels.shape, len(self.spec.labels)), np.uint8)
        for i, occlusion in enumerate(covering):
            probabilities[i] = self._fused(parts.probabilities[i], occlusion)
            *channels, covered = cv2.split(probabilities[i])
            labels[i][covered > reduce(cv2.max, channels)] = self.spec.labels.index(_OCCLUSION)
        return replace(parts, labels=labels, probabilities=probabilities)

    def _fused(self, parts: U8, occlusion: U8) -> U8:
        """(S, S, K) of the parts and (s, s) of the smaller crop -> (S, S, K + 1), which add up as before."""
        size_px = parts.shape[0]
        covered = cv2.warpAffine(occlusion, self._crop_from_inner, (size_px, size_px), flags=cv2.INTER_LINEAR)
        bare = cv2.bitwise_not(cv2.extractChannel(parts, _HAIR))
        covered = cv2.multiply(covered, bare, scale=1 / 255)
        share = covered.astype(np.float32) / 255
        nothing = np.zeros((size_px, size_px, parts.shape[2] + 1), np.uint8)
        nothing[:, :, -1] = 255
        uncovered = np.dstack([parts, np.zeros_like(covered)])
        return np.asarray(cv2.blendLinear(uncovered, nothing, 1 - share, share), np.uint8)


def _check_use(spec: ModelSpec, measured_depth: bool) -> None:
    if spec.labels == DEPTH_LABELS:
        raise UsageError(f"{spec.name} estimates depth and parses no face; use parts-depth, which calls it itself")
    if measured_depth and not spec.sees_depth:
        raise UsageError(f"{spec.name} sees colour, and --depth is for a model that sees depth: --model parts-depth")
