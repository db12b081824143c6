"""The registry of networks. A new network is one file in this folder with one decorator; nothing else lists it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from engines.errors import DataError, UnknownModel, UsageError
from engines.spec import ModelSpec, Thresholds
from train.models.heads import Parser

Build = Callable[..., nn.Module]
"""A network's class, or a function that makes it. It takes, by keyword, those of these options that it has: `labels`
(classes), `width` (channels of its first layer), `size_px` (side of its crops), `regularised` (dropout in training)."""
AnyBuild = TypeVar("AnyBuild", bound=Build)

SPECS: dict[str, ModelSpec] = {}
"""The registered networks: the spec of each by its name."""
_BUILDS: dict[str, Build] = {}


def register(*specs: ModelSpec) -> Callable[[AnyBuild], AnyBuild]:
    """Decorator: register a network under the name of each of its specs (a parser may have one for colour and one for
    depth). Raises UsageError where a name is taken."""

    def add(build: AnyBuild) -> AnyBuild:
        for own in specs:
            if own.name in SPECS:
                raise UsageError(f"two networks are named {own.name!r}; expected a name of its own for each")
            SPECS[own.name], _BUILDS[own.name] = own, build
        return build

    return add


def unregister(name: str) -> None:
    """Forget a network again, as a test does with its toy."""
    del SPECS[name], _BUILDS[name]


def spec(name: str) -> ModelSpec:
    """The spec of a registered network. Raises UnknownModel."""
    if name not in SPECS:
        raise UnknownModel(f"no model {name!r}; expected one of {', '.join(sorted(SPECS))}")
    return SPECS[name]


def create_model(
    name: str,
    *,
    width: int | None = None,
    regularised: bool = False,
    labels: int | None = None,
    size_px: int | None = None,
) -> nn.Module:
    """A registered network with fresh weights.

    Args:
        width: channels of its first layer; None for the network's own.
        regularised: with dropout in training.
        labels: number of classes; None for the spec's. A network that generates depth ignores it.
        size_px: side of its crops; None for the spec's. Most networks take crops of any size.

    Raises:
        UnknownModel: no such network.
        UsageError: the network has no such variant.
    """
    own = spec(name)
    if width is not None and (width < 4 or width % 4):
        raise UsageError(f"width {width}: expected a multiple of 4, such as 16, 32 or 64")
    if regularised and not _has(name, "regularised"):
        known = ", ".join(other for other in sorted(SPECS) if _has(other, "regularised"))
        raise UsageError(f"{name} has no regularised variant; expected one of {known}")
    options: dict[str, Any] = {"labels": labels or len(own.labels), "size_px": size_px or own.size_px}
    options |= {"width": width, "regularised": regularised or None}
    return _BUILDS[name](**{key: value for key, value in options.items() if value is not None and _has(name, key)})


def parsers() -> dict[str, type[Parser]]:
    """The networks that parse faces from colour, by name: those that the mutual training can train."""
    return {
        name: build
        for name, build in _BUILDS.items()
        if isinstance(build, type) and issubclass(build, Parser) and not SPECS[name].sees_depth
    }


def for_depth(name: str) -> str:
    """The name under which the same network is registered for depth; the name itself where it is registered once."""
    own = _BUILDS[spec(name).name]
    return next((other for other, build in _BUILDS.items() if build is own and SPECS[other].sees_depth), name)


def restore(checkpoint: Path) -> tuple[nn.Module, ModelSpec]:
    """The network of a checkpoint, ready for inference, and its spec.

    Args:
        checkpoint: a file of weights, or the folder of a training run.

    Raises:
        DataError: there are no weights, or they do not fit the network.
    """
    from train.learn.checkpoint import load_weights

    weights, metadata = load_weights(checkpoint)
    name = str(metadata.get("model"))
    own = spec(name)
    if metadata.get("sees") == "depth" and not own.sees_depth:
        own = replace(own, name=f"{name}-depth", modality="depth")  # bisenet, eagrnet: one network for both
    if metadata.get("labels"):
        own = replace(own, labels=tuple(metadata["labels"]))
    if metadata.get("size_px"):
        own = replace(own, size_px=int(metadata["size_px"]))
    if metadata.get("thresholds"):
        own = replace(own, thresholds=Thresholds(**metadata["thresholds"]))
    network = create_model(name, width=metadata.get("width"), labels=len(own.labels), size_px=own.size_px)
    try:
        network.load_state_dict(weights)
    except RuntimeError as e:
        raise DataError(f"{checkpoint} does not fit the network {name!r} of this version ({e})") from e
    return network.eval(), own


def deployable(checkpoint: Path) -> tuple[nn.Module, ModelSpec]:
    """What an engine is built from: a checkpoint's network for inference, with its head for `presence` if it has one.

    Raises:
        DataError: as `restore`.
    """
    from train.learn.checkpoint import load_head
    from train.models.presence import HeadSize, ParserWithPresence, PresenceHead

    network, own = restore(checkpoint)
    network = for_inference(network)
    saved = load_head(checkpoint)
    if saved is None:
        return network, own
    weights, described = saved
    head = PresenceHead(HeadSize(**described["size"]))
    head.load_state_dict(weights)
    thresholds = replace(own.thresholds, presence=described["threshold"])
    return ParserWithPresence(network, head.eval()), replace(own, presence=True, thresholds=thresholds)


def for_inference(network: nn.Module) -> nn.Module:
    """The same function with as few layers as possible, and with logits as its output: what an engine is built from.

    A network whose form for inference differs from that in training has a method of this name.
    """
    convert = getattr(network, "for_inference", None)
    return convert() if convert else network


def _has(name: str, option: str) -> bool:
    return option in inspect.signature(_BUILDS[name]).parameters
