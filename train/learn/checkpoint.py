"""Checkpoints: the state from which a killed training resumes, and the small file of weights that ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engines.errors import DataError, UsageError
from engines.manifest import sha256_of

_HEAD = "presence."
"""Before the names of a head's weights."""


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a training state so that a kill at any moment leaves the old one or the new one."""
    import torch

    partial = path.with_name(path.name + ".part")
    torch.save(state, partial)
    partial.replace(path)


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote. Raises DataError where the file is damaged or something else."""
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:
        raise DataError(f"cannot read the training state {path} ({e}); delete it to start over") from e
    if not isinstance(state, dict):
        raise DataError(f"{path} holds a {type(state).__name__}, expected a training state; delete it to start over")
    return state


def save_weights(path: Path, weights: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Write weights as float16 safetensors with a JSON description in the file's header.

    Args:
        weights: a module's `state_dict()`.
        metadata: JSON-ready; at least `model`, the name in `train.models`.
    """
    import torch
    from safetensors.torch import save_file

    small = {
        name: (value.half() if value.dtype == torch.float32 else value).contiguous() for name, value in weights.items()
    }
    partial = path.with_name(path.name + ".part")
    save_file(small, str(partial), metadata={"unveil": json.dumps(metadata)})
    partial.replace(path)


def load_weights(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what `save_weights` wrote: (state dict in float32, metadata), without a head for `presence`.

    Whatever is trained or averaged from these weights needs a head of its own.

    Args:
        path: the file, or the folder of a training run.

    Raises:
        DataError: there is no such file, or it is damaged or of another kind.
    """
    weights, metadata = _load(path)
    own = {name: value for name, value in weights.items() if not name.startswith(_HEAD)}
    return own, {name: value for name, value in metadata.items() if name != "presence"}


def load_head(path: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The head for `presence` in a checkpoint: (state dict in float32, the metadata `presence`); None without one.

    Raises:
        DataError: as `load_weights`.
    """
    weights, metadata = _load(path)
    head = {name.removeprefix(_HEAD): value for name, value in weights.items() if name.startswith(_HEAD)}
    return (head, metadata["presence"]) if head else None


def save_with_head(path: Path, start: Path, head: dict[str, Any], presence: dict[str, Any]) -> None:
    """Write the weights of a checkpoint again, unchanged, with a head for `presence` beside them.

    Args:
        start: the checkpoint.
        head: the head's `state_dict()`.
        presence: JSON-ready: the head's size, its threshold and how it was trained.
    """
    weights, metadata = load_weights(start)
    save_weights(
        path, weights | {_HEAD + name: value for name, value in head.items()}, metadata | {"presence": presence}
    )


def _load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    import torch
    from safetensors import SafetensorError, safe_open

    path = find_weights(path)
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = json.loads((file.metadata() or {})["unveil"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, KeyError, ValueError, OSError) as e:
        raise DataError(
            f"{path} is no checkpoint of unveil ({type(e).__name__}: {e}); expected a file that `unveil train` wrote"
        ) from e
    floats = {name: value.float() if value.dtype == torch.float16 else value for name, value in weights.items()}
    return floats, metadata


def checkpoint_at(model: str) -> Path | None:
    """The checkpoint that a user's word for a model names: a .safetensors file, or the one in a training run's folder.

    None for anything else, such as the name of a model that ships or the folder of an engine. Raises DataError where
    the folder holds several networks.
    """
    path = Path(model)
    if path.is_dir() and any(path.glob("*.safetensors")):
        return find_weights(path)
    return path if model.endswith(".safetensors") else None


def find_weights(path: Path) -> Path:
    """The file of weights at a path: the file itself, or the one in the folder of a training run. Raises DataError."""
    if path.is_dir():
        files = sorted(path.glob("*.safetensors"))
        named = [file for file in files if file.name == "weights.safetensors"] or files
        if len(named) != 1:
            names = ", ".join(file.name for file in named) or "none"
            raise DataError(
                f"{path} holds weights of several networks or none ({names}); expected the name of one file"
            )
        return named[0]
    if not path.is_file():
        raise DataError(f"no checkpoint at {path}; expected a .safetensors file that `unveil train` wrote")
    return path


def average_weights(shares: list[tuple[Path, float]], output: Path) -> None:
    """Write the weighted mean of several checkpoints of one network, which start from one another.

    Args:
        shares: checkpoints (files or folders of runs) and their shares, which are above 0 and sum to 1. The last one's
            description is kept.

    Raises:
        UsageError: the shares do not sum to 1.
        DataError: a checkpoint is missing, damaged or of another network.
    """
    if len(shares) < 2 or min(share for _, share in shares) <= 0 or abs(sum(share for _, share in shares) - 1) > 1e-6:
        raise UsageError(
            f"shares {', '.join(f'{share:g}' for _, share in shares)}: expected two or more above 0 that sum to 1"
        )
    loaded = [(load_weights(path), share) for path, share in shares]
    (last, metadata), _ = loaded[-1]
    shapes = {name: value.shape for name, value in last.items()}
    for (path, _), ((weights, _), _) in zip(shares, loaded, strict=True):
        if {name: value.shape for name, value in weights.items()} != shapes:
            raise DataError(f"{path} and {shares[-1][0]} are not of one network; expected checkpoints of the same one")
    mean = {
        name: sum(share * weights[name] for (weights, _), share in loaded) if value.is_floating_point() else value
        for name, value in last.items()
    }
    origin = [[path.name, sha256_of(find_weights(path)), share] for path, share in shares]
    save_weights(output, mean, metadata | {"average_of": origin})
